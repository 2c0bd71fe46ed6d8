import { fail, type Ino, type Maybe } from '#base';
import { type CallName, calls, type ReplyOf, type RequestOf } from '#protocol';
import type { Handler } from '#transport';
import { giveBack, lend } from './data/lend.ts';
import { dataOperations } from './data/operations.table.ts';
import { metaOperations } from './meta/operations.table.ts';
import type { Volume } from './volume.ts';

type Operations = { [N in CallName]: (volume: Volume, request: RequestOf<N>) => Maybe<ReplyOf<N>> };
type Operation = (volume: Volume, request: unknown) => Maybe<unknown>;

const operations: Operations = { ...metaOperations, ...dataOperations };

/** By the number of the call. */
const byCode: (Operation | undefined)[] = [];
for (const [name, { code }] of Object.entries(calls)) byCode[code] = operations[name as CallName] as Operation;

/** What answers the calls of clients; a number without a call fails with `notImplemented`. */
export function createHandler(volume: Volume): Handler {
  return (header, request) => {
    const operation = byCode[header.code];
    if (operation === undefined) fail('notImplemented', `call ${header.code}`);
    return operation(volume, request);
  };
}

/** Lends the files of a volume whose blobs are local files; undefined for any other. */
export function localFilesOf(volume: Volume): LocalFiles | undefined {
  if (volume.fileBlobs === undefined) return undefined;
  return {
    lend: (ino, writing) => lend(volume, ino, writing),
    giveBack: (ino, writing) => giveBack(volume, ino, writing),
  };
}

export interface LocalFiles {
  /** See `lend` in `data/lend.ts`. */
  lend(ino: Ino, writing: boolean): Maybe<number>;
  giveBack(ino: Ino, writing: boolean): Maybe<void>;
}
