import { fail, type Ino, type Maybe } from '#base';
import { type Caller, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_ZERO_RANGE, FS_APPEND_FL } from '#protocol';
import type { Transaction } from '../kv/transaction.ts';
import type { Inode } from '../meta/records.ts';
import type { Volume } from '../volume.ts';
import { explained, prepareBlob, recordBlobChange, spill } from './blob-content.ts';
import {
  inlineContent,
  isInBlob,
  killsSetIds,
  putChanged,
  putInline,
  requireChangeable,
  requireSize,
} from './content.ts';
import { clearInline } from './inline-content.ts';

export interface FallocateRequest {
  ino: Ino;
  mode: number;
  offset: number;
  length: number;
  caller: Caller;
}

const allowedModes = new Set([
  0,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_ZERO_RANGE,
  FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
]);

/**
 * fallocate(2): allocate, punch a hole, zero a range. Only a blob can hold space that is not used, so a small file
 * moves to one when space beyond its size is asked for. Fails with `notSupported`, `invalid`, `fileTooLarge`,
 * `noSpace`, `notPermitted` (immutable, or append-only and more than an extension).
 */
export function fallocate(volume: Volume, request: FallocateRequest): Maybe<void> {
  const { ino, mode, offset, length } = request;
  if (!allowedModes.has(mode)) fail('notSupported', `inode ${ino}: fallocate mode ${mode}`);
  if (length <= 0 || offset < 0) fail('invalid', `inode ${ino}: fallocate of ${length} bytes at ${offset}`);
  requireSize(ino, offset + length);
  return volume.exclusively(ino, () => {
    const done = volume.store.transact((tx) => tryInline(volume, tx, request));
    if (done instanceof Promise) return done.then((was) => (was ? undefined : allocateBlob(volume, request)));
    return done ? undefined : allocateBlob(volume, request);
  });
}

function tryInline(volume: Volume, tx: Transaction, request: FallocateRequest): boolean {
  const { ino, mode, offset, length } = request;
  const inode = requireChangeable(tx, ino);
  if ((inode.flags & FS_APPEND_FL) !== 0 && (mode & ~FALLOC_FL_KEEP_SIZE) !== 0) {
    fail('notPermitted', `inode ${ino} is append-only`);
  }
  const end = offset + length;
  if (isInBlob(inode) || needsBlob(volume, request, inode)) return false;
  const old = inlineContent(tx, inode);
  const clears = (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) !== 0;
  const keepsSize = (mode & FALLOC_FL_KEEP_SIZE) !== 0;
  putInline(
    tx,
    inode,
    clears ? clearInline(old, offset, end) : old,
    keepsSize ? inode.size : Math.max(inode.size, end),
  );
  putChanged(volume, tx, inode, { killPrivileges: killsSetIds(inode, request.caller), caller: request.caller });
  volume.keepReply?.(tx);
  return true;
}

/** Whether space is asked for that inline content cannot promise. */
function needsBlob(volume: Volume, request: FallocateRequest, inode: Inode): boolean {
  const { mode, offset, length } = request;
  if ((mode & FALLOC_FL_PUNCH_HOLE) !== 0) return false;
  const end = offset + length;
  return end > volume.inlineLimitBytes || ((mode & FALLOC_FL_KEEP_SIZE) !== 0 && end > inode.size);
}

async function allocateBlob(volume: Volume, request: FallocateRequest): Promise<void> {
  const { ino, mode, offset, length } = request;
  await spill(volume, ino);
  const inode = await volume.store.read((tx) => requireChangeable(tx, ino));
  const blob = await prepareBlob(volume, ino, inode);
  const extendsTo = (mode & FALLOC_FL_KEEP_SIZE) === 0 ? offset + length : 0;
  if (extendsTo > blob.size) await blob.trim();
  try {
    await volume.blobs.fallocate(ino, mode, offset, length);
  } catch (cause) {
    throw explained(cause, ino);
  }
  await recordBlobChange(volume, ino, {
    end: extendsTo,
    killPrivileges: killsSetIds(inode, request.caller),
    caller: request.caller,
  });
}
