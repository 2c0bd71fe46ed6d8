import { chain, FsError, fail, type Ino, type Maybe } from '#base';
import { SEEK_DATA, SEEK_HOLE } from '#protocol';
import type { Volume } from '../volume.ts';
import { explained } from './blob-content.ts';
import { inlineContent, isInBlob, requireFile } from './content.ts';

export interface SeekRequest {
  ino: Ino;
  offset: number;
  whence: number;
}

/**
 * lseek(2) with SEEK_DATA or SEEK_HOLE. Behind the last data lies a hole up to the size, and at the size another.
 * Fails with `noSuchAddress` at or past the end, or when no data follow.
 */
export function seek(volume: Volume, request: SeekRequest): Maybe<number> {
  const { ino, whence } = request;
  if (whence !== SEEK_DATA && whence !== SEEK_HOLE) fail('invalid', `inode ${ino}: seek ${whence}`);
  const found = volume.store.read((snapshot) => {
    const inode = requireFile(snapshot, ino);
    return { inode, stored: isInBlob(inode) ? undefined : (inlineContent(snapshot, inode)?.length ?? 0) };
  });
  return chain(found, ({ inode, stored }) => {
    const size = volume.lent.stat(ino)?.size ?? inode.size;
    if (request.offset < 0 || request.offset >= size) nothingThere(request);
    return stored === undefined ? seekBlob(volume, request, whence, size) : seekInline(request, stored, size);
  });
}

function seekInline(request: SeekRequest, stored: number, size: number): number {
  const { offset, whence } = request;
  if (whence === SEEK_HOLE) return Math.min(Math.max(offset, stored), size);
  return offset < stored ? offset : nothingThere(request);
}

async function seekBlob(volume: Volume, request: SeekRequest, whence: 3 | 4, size: number): Promise<number> {
  const { ino, offset } = request;
  try {
    const at = await volume.blobs.seek(ino, offset, whence);
    if (whence === SEEK_HOLE) return Math.min(at, size);
    return at < size ? at : nothingThere(request);
  } catch (cause) {
    // The blob ends before the file does: a hole.
    const ended = cause instanceof FsError && cause.status === 'noSuchAddress';
    if (ended && whence === SEEK_HOLE) return offset;
    throw explained(cause, ino);
  }
}

function nothingThere({ ino, offset, whence }: SeekRequest): never {
  fail('noSuchAddress', `inode ${ino}: no ${whence === SEEK_DATA ? 'data' : 'hole'} at or after ${offset}`);
}
