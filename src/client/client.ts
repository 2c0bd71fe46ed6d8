import type { Ino, Maybe } from '#base';
import { type CallName, calls, type ReplyOf, type RequestOf } from '#protocol';
import type { CallHeader, Connection } from '#transport';

/** What the operations above call: the server's calls, typed. */
export interface Client {
  /** Fails with whatever the server fails with. */
  call<N extends CallName>(name: N, request: RequestOf<N>): Maybe<ReplyOf<N>>;
  /** The files behind blobs, where the store is on this machine and its files may be lent; else undefined. */
  readonly files: LocalFiles | undefined;
}

/** What only the in-process transport has: the file behind a blob, and the memory that its reads lie in. */
export interface LocalFiles {
  /** A descriptor of the inode's file, open for reading and writing; it stays the store's and is valid until `giveBack`. */
  lend(ino: Ino, writing: boolean): Maybe<number>;
  /** Ends one `lend` with the same `writing`. */
  giveBack(ino: Ino, writing: boolean): Maybe<void>;
  /** Nobody looks any more at what a `read` call replied: its memory may serve the next. Not calling it does no harm. */
  reuse(bytes: Uint8Array): void;
}

/** The client of an embedded file system: no call is lost or repeated, so none carries a slot. */
export class EmbeddedClient implements Client {
  readonly files: LocalFiles | undefined;
  readonly #connection: Connection;

  constructor(connection: Connection, files: LocalFiles | undefined) {
    this.#connection = connection;
    this.files = files;
  }

  call<N extends CallName>(name: N, request: RequestOf<N>): Maybe<ReplyOf<N>> {
    return this.#connection.call(headers[name], request) as Maybe<ReplyOf<N>>;
  }
}

const headers = Object.fromEntries(
  Object.entries(calls).map(([name, row]) => [name, { code: row.code, session: 0, slot: 0, sequence: 0 }]),
) as Record<CallName, CallHeader>;
