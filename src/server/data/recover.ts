import { FsError, type Ino } from '#base';
import type { BlobStat } from '../blob/blob-store.ts';
import { recentInos } from '../meta/ino-allocator.ts';
import { getInode, putInode } from '../meta/inode.ts';
import { inoOfKey, key } from '../meta/keys.ts';
import { trait } from '../meta/records.ts';
import type { Volume } from '../volume.ts';
import { isInBlob } from './content.ts';
import { mergeStat } from './lent-blobs.ts';
import { fileKnows } from './unsynced.ts';

/**
 * Brings records and blobs together after a run that did not end cleanly. All blobs are synced first, since marks
 * that protect them go.
 */
export async function recoverContent(volume: Volume): Promise<void> {
  await volume.blobs.syncAll();
  await recoverSizes(volume);
  await removeUnknownBlobs(volume);
  await volume.store.flush();
}

async function recoverSizes(volume: Volume): Promise<void> {
  const unnamed: Ino[] = [];
  for await (const pair of volume.store.scan('W')) {
    const ino = inoOfKey(pair.key);
    if (!(await recoverSize(volume, ino, pair.value))) unnamed.push(ino);
  }
  for (const ino of unnamed) await volume.blobs.remove(ino);
  await volume.blobs.syncRemoved(unnamed);
  for (const ino of unnamed) await volume.store.transact((tx) => tx.delete(key.lent(ino)));
}

/**
 * A file that was lent for writing knows its size and times. One that merely grew may be shorter than its record
 * after a power cut; then the record follows. A blob that never reached the disk leaves an empty file. False when no
 * record names the blob: it was marked before it was made.
 */
async function recoverSize(volume: Volume, ino: Ino, mark: Uint8Array): Promise<boolean> {
  const stat = await statIfThere(volume, ino);
  return volume.store.transact((tx) => {
    const inode = getInode(tx, ino);
    if (inode === undefined || !isInBlob(inode)) return false;
    tx.delete(key.lent(ino));
    if (stat === undefined) {
      inode.traits &= ~trait.blob;
      inode.size = 0;
      inode.blocks = 0;
    } else if (fileKnows(mark, stat)) {
      mergeStat(inode, stat);
    } else {
      inode.size = Math.min(inode.size, stat.size);
      inode.blocks = stat.blocks;
    }
    inode.dataVersion += 1;
    putInode(tx, inode);
    return true;
  });
}

async function statIfThere(volume: Volume, ino: Ino): Promise<BlobStat | undefined> {
  try {
    return await volume.blobs.stat(ino);
  } catch (cause) {
    if (cause instanceof FsError && cause.status === 'notFound') return undefined;
    throw cause;
  }
}

/** Removes blobs among the numbers given out last whose inode did not become durable, or does not know of them. */
async function removeUnknownBlobs(volume: Volume): Promise<void> {
  const range = await volume.store.read(recentInos);
  const removed: Ino[] = [];
  for await (const id of volume.blobs.list(range)) {
    const ino = id as Ino;
    const known = await volume.store.read((tx) => {
      const inode = getInode(tx, ino);
      return (inode !== undefined && isInBlob(inode)) || tx.get(key.freed(ino)) !== undefined;
    });
    if (known) continue;
    await volume.blobs.remove(id);
    removed.push(ino);
  }
  // By the next start these numbers may be among the older ones.
  await volume.blobs.syncRemoved(removed);
}
