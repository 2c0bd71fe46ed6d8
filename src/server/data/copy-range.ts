import { FsError, fail, type Ino } from '#base';
import type { CopyRangeRequest } from '#protocol';
import type { Volume } from '../volume.ts';
import { explained, prepareBlob, recordBlobChange, spill } from './blob-content.ts';
import { isInBlob, killsSetIds, requireChangeable, requireFile, requireSize } from './content.ts';
import { read } from './read.ts';
import { writeContent } from './write.ts';

/** What one call copies through memory at most; the caller asks again for the rest. */
const copiedAtOnceBytes = 1_048_576;

/**
 * copy_file_range(2) between any two files: inside the store where both lie in blobs, else through memory, then
 * perhaps fewer bytes than asked for. 0 at the source's end. Fails with `invalid` when ranges of one file overlap.
 */
export async function copyRange(volume: Volume, request: CopyRangeRequest): Promise<number> {
  const { from, fromOffset, to, toOffset } = request;
  const source = await volume.store.read((tx) => requireFile(tx, from));
  const size = volume.lent.stat(from)?.size ?? source.size;
  const length = Math.min(request.length, size - fromOffset);
  if (length <= 0) return 0;
  if (from === to && Math.abs(fromOffset - toOffset) < length) fail('invalid', `inode ${from}: ranges overlap`);
  requireSize(to, toOffset + length);
  const clamped = { ...request, length };
  return volume.exclusively(to, async () => {
    const stored = isInBlob(source) ? await storedBytes(volume, from, fromOffset, length) : 0;
    if (stored === 0 || toOffset + length <= volume.inlineLimitBytes) return copyThroughMemory(volume, clamped);
    return copyBlob(volume, { ...clamped, length: stored });
  });
}

/** How many bytes of the range lie in the source's blob, which may end before the file. */
async function storedBytes(volume: Volume, from: Ino, offset: number, length: number): Promise<number> {
  try {
    return Math.max(0, Math.min((await volume.blobs.stat(from)).size - offset, length));
  } catch (cause) {
    throw explained(cause, from);
  }
}

async function copyThroughMemory(volume: Volume, request: CopyRangeRequest): Promise<number> {
  const { caller, from, fromOffset, to, toOffset } = request;
  const length = Math.min(request.length, copiedAtOnceBytes);
  const target = await volume.store.read((tx) => requireFile(tx, to));
  const data = await read(volume, { ino: from, offset: fromOffset, length, noAtime: false });
  const written = await writeContent(volume, {
    ino: to,
    offset: toOffset,
    data,
    append: false,
    killPrivileges: killsSetIds(target, caller),
    caller,
    sync: false,
  });
  return written.written;
}

async function copyBlob(volume: Volume, request: CopyRangeRequest): Promise<number> {
  const { caller, from, fromOffset, to, toOffset, length } = request;
  await spill(volume, to);
  const inode = await volume.store.read((tx) => requireChangeable(tx, to));
  const blob = await prepareBlob(volume, to, inode);
  if (toOffset > blob.size) await blob.trim();
  const copied = await volume.blobs.copyRange(from, fromOffset, to, toOffset, length);
  if (copied === 0) throw new FsError('io', `inode ${from}: its blob ended before ${fromOffset + length}`);
  await recordBlobChange(volume, to, {
    end: toOffset + copied,
    killPrivileges: killsSetIds(inode, caller),
    caller,
    reply: copied,
  });
  return copied;
}
