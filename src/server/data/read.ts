import { FsError, type Ino, type Maybe } from '#base';
import type { Snapshot } from '../kv/transaction.ts';
import { touchAtime } from '../meta/atime.ts';
import type { Inode } from '../meta/records.ts';
import type { Volume } from '../volume.ts';
import { explained } from './blob-content.ts';
import { inlineContent, isInBlob, requireFile } from './content.ts';
import { readInline } from './inline-content.ts';

export interface ReadRequest {
  ino: Ino;
  offset: number;
  length: number;
  noAtime: boolean;
}

/**
 * pread(2): never past the size, zeros where nothing was written. The bytes must not be changed. The access time
 * follows relatime: it moves when it is not after mtime and ctime, or a day old.
 */
export function read(volume: Volume, request: ReadRequest): Maybe<Uint8Array> {
  const found = volume.store.read((snapshot) => lookInto(snapshot, request));
  return found instanceof Promise ? found.then((it) => finish(volume, request, it)) : finish(volume, request, found);
}

/** The inode, and its bytes when they are inline. */
interface Found {
  readonly inode: Inode;
  readonly bytes: Uint8Array | undefined;
}

function lookInto(snapshot: Snapshot, request: ReadRequest): Found {
  const inode = requireFile(snapshot, request.ino);
  const bytes = isInBlob(inode) ? undefined : readInline(inlineContent(snapshot, inode), inode.size, request);
  return { inode, bytes };
}

function finish(volume: Volume, request: ReadRequest, found: Found): Maybe<Uint8Array> {
  const { inode, bytes } = found;
  const lent = volume.lent.stat(inode.ino);
  // The read itself has moved the access time of a file that is lent.
  if (!request.noAtime && lent === undefined) touchAtime(volume, inode);
  return bytes ?? readBlob(volume, request, lent?.size ?? inode.size);
}

/** Reads a blob up to `size`. Fails with `corrupted` where it is shorter. */
export function readBlob(
  volume: Volume,
  range: { ino: Ino; offset: number; length: number },
  size: number,
): Maybe<Uint8Array> {
  const { ino, offset } = range;
  const wanted = Math.min(range.length, size - offset);
  if (wanted <= 0) return new Uint8Array(0);
  try {
    const bytes = volume.blobs.read(ino, offset, wanted);
    if (!(bytes instanceof Promise)) return whole(bytes, ino, wanted);
    return bytes.then(
      (later) => whole(later, ino, wanted),
      (cause: unknown) => {
        throw explained(cause, ino);
      },
    );
  } catch (cause) {
    throw explained(cause, ino);
  }
}

function whole(bytes: Uint8Array, ino: Ino, length: number): Uint8Array {
  if (bytes.length === length) return bytes;
  throw new FsError('corrupted', `inode ${ino}: its blob was cut short; run cfs fsck`);
}
