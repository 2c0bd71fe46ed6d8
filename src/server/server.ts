import { fail, type Ino, type Maybe } from '#base';
import { type CallName, calls, type ReplyOf, type RequestOf } from '#protocol';
import type { CallHeader } from '#transport';
import { giveBack, lend } from './data/lend.ts';
import { dataOperations } from './data/operations.table.ts';
import { metaOperations } from './meta/operations.table.ts';
import { type Operation, ReplayCache } from './replay.ts';
import type { Volume } from './volume.ts';

/** Carries out the calls of one volume; a transport's `Handler` that does not ask where they come from. */
export type VolumeHandler = (header: CallHeader, request: unknown) => Maybe<unknown>;

type Operations = { [N in CallName]: (volume: Volume, request: RequestOf<N>) => Maybe<ReplyOf<N>> };

const operations: Operations = { ...metaOperations, ...dataOperations };

/** How each call is carried out, by its number. */
export const byCode: (Operation | undefined)[] = [];
/** Calls that do no harm when they are repeated, by their number. */
export const isIdempotent: boolean[] = [];
for (const [name, { code, idempotent }] of Object.entries(calls)) {
  byCode[code] = operations[name as CallName] as Operation;
  isIdempotent[code] = idempotent;
}

/** What answers the calls of clients; a number without a call fails with `notImplemented`. */
export function createHandler(volume: Volume): VolumeHandler {
  const replies = new ReplayCache(volume);
  return (header, request) => {
    const operation = byCode[header.code];
    if (operation === undefined) fail('notImplemented', `call ${header.code}`);
    // The embedded client, without a session, repeats no call.
    if (header.session === 0 || isIdempotent[header.code]) return operation(volume, request);
    return replies.answer(header, request, operation);
  };
}

/** Lends the files of a volume whose blobs are local files; undefined for any other. */
export function localFilesOf(volume: Volume): LocalFiles | undefined {
  const { fileBlobs } = volume;
  if (fileBlobs === undefined) return undefined;
  return {
    lend: (ino, writing) => lend(volume, ino, writing),
    giveBack: (ino, writing) => giveBack(volume, ino, writing),
    reuse: (bytes) => fileBlobs.reuse(bytes),
  };
}

export interface LocalFiles {
  /** See `lend` in `data/lend.ts`. */
  lend(ino: Ino, writing: boolean): Maybe<number>;
  giveBack(ino: Ino, writing: boolean): Maybe<void>;
  /** Nobody looks any more at what a `read` call replied: its memory may serve the next. */
  reuse(bytes: Uint8Array): void;
}
