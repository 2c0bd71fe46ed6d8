import type { Ino, Maybe } from '#base';
import type { Transaction } from '../kv/transaction.ts';
import type { Volume } from '../volume.ts';
import { prepareBlob, recordBlobChange, shrinking } from './blob-content.ts';
import { inlineContent, isInBlob, killsNothing, putChanged, putInline, requireFile, requireSize } from './content.ts';
import { clearInline } from './inline-content.ts';

/**
 * Sets the size of a regular file: bytes beyond are gone, new ones are zeros. mtime and ctime move even when the
 * size does not, and file capabilities go. Waits for its turn on the inode. Fails with `fileTooLarge`, `noSpace`,
 * `stale`. Who may truncate, and setuid and setgid, are the caller's to decide.
 */
export function truncate(volume: Volume, ino: Ino, size: number): Maybe<void> {
  requireSize(ino, size);
  return volume.exclusively(ino, () => {
    const done = volume.store.transact((tx) => tryInline(volume, tx, ino, size));
    if (done instanceof Promise) return done.then((was) => (was ? undefined : truncateBlob(volume, ino, size)));
    return done ? undefined : truncateBlob(volume, ino, size);
  });
}

function tryInline(volume: Volume, tx: Transaction, ino: Ino, size: number): boolean {
  const inode = requireFile(tx, ino);
  if (isInBlob(inode)) return false;
  const content = clearInline(inlineContent(tx, inode), size, Number.MAX_SAFE_INTEGER);
  putInline(tx, inode, content, size);
  putChanged(volume, tx, inode, killsNothing);
  volume.keepReply?.(tx);
  return true;
}

/** A blob stays one, however short it gets: whoever rewrites a large file writes a large file. */
async function truncateBlob(volume: Volume, ino: Ino, size: number): Promise<void> {
  const inode = await volume.store.read((tx) => requireFile(tx, ino));
  const blob = await prepareBlob(volume, ino, inode);
  const resize = async (): Promise<void> => {
    await volume.blobs.truncate(ino, size);
    await recordBlobChange(volume, ino, { size, killPrivileges: false });
  };
  if (size < blob.size) return shrinking(volume, ino, resize);
  if (size > blob.size) await blob.trim();
  return resize();
}
