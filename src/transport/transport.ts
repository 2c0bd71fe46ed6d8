import type { FsError, Maybe } from '#base';

/**
 * How a client reaches a server: calls go one way, each gets one reply or fails with an `FsError`; pushes come the
 * other way, unasked and unanswered. The transport knows neither the names of messages nor their content, but their
 * number. In-process, requests and replies are handed over by reference, and a reply that is there at once is
 * returned at once; elsewhere a codec makes bytes of them.
 *
 * An RDMA fabric fits behind it as it is: the call goes out as a message with the pieces of its codec; a long piece
 * stays where it is, in memory that the fabric registered when it gave it out or registers now, and the message carries
 * its key instead. The side that owns no copy moves the bytes: the server reads a write's content out of the client's
 * memory, and writes a read's content into memory that the client set aside with the call. So neither a caller nor a
 * handler may touch what it passed on until its call has ended.
 */
export interface Connection {
  /**
   * Fails with `disconnected` when the connection broke: the call may or may not have been carried out. When `signal`
   * aborts first the call fails with `cancelled`, and the server is told.
   */
  call(header: CallHeader, request: unknown, signal?: AbortSignal): Maybe<unknown>;
  /** Fails what is under way with `disconnected`. Idempotent. */
  close(): void;
}

/** What a connection tells its client unasked. Neither is called before `connect` has returned. */
export interface ConnectionEvents {
  /** In the order in which the server sent them, and in order with the replies on this connection. */
  pushed(code: number, message: unknown): void;
  /** Called once; no call will be answered on it any more, and no push comes. */
  closed(reason: FsError): void;
}

/** What a server does with a call. The content of the request (its long piece) is the handler's until it has answered. */
export type Handler = (header: CallHeader, request: unknown, context: CallContext) => Maybe<unknown>;

/** Where a call comes from. */
export interface CallContext {
  readonly peer: Peer;
  /** Aborts when the client has given up waiting or its connection is gone. Made when it is first asked for. */
  readonly signal: AbortSignal;
}

/** One client's connection, as the server sees it: the same object for all its calls. */
export interface Peer {
  /** The name in the client's certificate; undefined without TLS. */
  readonly identity: string | undefined;
  /** For people: where the connection comes from. */
  readonly address: string;
  /** Sends a message unasked; it is lost when the connection breaks. Never waits, never fails. */
  push(code: number, message: unknown): void;
  /** Ends the connection; `reason` is logged. Idempotent. */
  close(reason: string): void;
  /** Aborts when the connection is gone. */
  readonly closed: AbortSignal;
}

export interface CallHeader {
  /** The call's number in the tables of `protocol`. */
  readonly code: number;
  /** 0: none; the embedded client, whose calls are never repeated. */
  readonly session: number;
  /** Of calls that are not idempotent, in a session: NFSv4.1's slot and sequence (RFC 8881, section 2.10.6). */
  readonly slot: number;
  readonly sequence: number;
}

/**
 * Makes bytes of messages, for transports that leave the process. Given by whoever puts the rooms together. All of it
 * fails with `notImplemented` for a number that is not known.
 */
export interface Codec {
  readonly requests: MessageCodec;
  readonly replies: MessageCodec;
  readonly pushes: MessageCodec;
  readonly failures: FailureCodec;
}

/** One direction of a codec. `code` is the call's or the push's number. */
export interface MessageCodec {
  /**
   * The message in pieces that follow each other on the wire. Bulk data (the bytes of a write, the reply of a read) is
   * a piece of its own, by reference: it stays the caller's, unchanged until it has been sent. It is the last piece, so
   * that a fabric can carry it apart from the others and place it where the other side wants it.
   */
  encode(code: number, message: unknown): readonly Uint8Array[];
  /** May keep views of `bytes`, which belong to it from here on. Fails with `invalid` for what it cannot read. */
  decode(code: number, bytes: Uint8Array): unknown;
}

/** How a failed call is answered. Only statuses travel: anything else that was thrown is a bug and arrives as `io`. */
export interface FailureCodec {
  encode(error: unknown): readonly Uint8Array[];
  decode(bytes: Uint8Array): FsError;
}
