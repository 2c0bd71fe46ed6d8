import { fail, type Ino, type Maybe } from '#base';
import type { BlobTime, FileBlobStore } from '../blob/blob-store.ts';
import { getInode, putInode } from '../meta/inode.ts';
import { key } from '../meta/keys.ts';
import type { Inode } from '../meta/records.ts';
import type { Volume } from '../volume.ts';
import { explained, spill, statBlob } from './blob-content.ts';
import { isInBlob, requireFile } from './content.ts';
import { type LentBlob, mergeStat } from './lent-blobs.ts';
import { lentMark, unsyncedMark } from './unsynced.ts';

/**
 * The descriptor of an inode's file, for passthrough; it stays the store's and is valid until `giveBack`. Inline
 * content becomes a blob first. That the file may be written past the server is recorded before this returns: after
 * a crash its size and times come from the file. Fails with `tooManyOpen`, `notSupported` (no local files), `stale`.
 */
export function lend(volume: Volume, ino: Ino, writing: boolean): Maybe<number> {
  return volume.exclusively(ino, () => {
    const lent = volume.lent.get(ino);
    if (lent === undefined) return lendFirst(volume, ino, writing);
    return writing && lent.writers === 0 ? lendToWriter(volume, ino, lent) : counted(lent, writing);
  });
}

/** Ends one `lend` with the same `writing`. */
export function giveBack(volume: Volume, ino: Ino, writing: boolean): Maybe<void> {
  return volume.exclusively(ino, () => {
    const lent = volume.lent.get(ino);
    if (lent === undefined) return;
    if (writing) lent.writers -= 1;
    else lent.readers -= 1;
    const last = lent.writers + lent.readers === 0;
    if (!last && !(writing && lent.writers === 0)) return;
    return takeOver(volume, ino, { written: writing && lent.writers === 0, last });
  });
}

function counted(lent: LentBlob, writing: boolean): number {
  if (writing) lent.writers += 1;
  else lent.readers += 1;
  return lent.fd;
}

async function lendToWriter(volume: Volume, ino: Ino, lent: LentBlob): Promise<number> {
  await volume.store.transact((tx) => tx.put(key.lent(ino), lent.mark));
  return counted(lent, true);
}

async function lendFirst(volume: Volume, ino: Ino, writing: boolean): Promise<number> {
  if (volume.fileBlobs === undefined) fail('notSupported', `inode ${ino}: its store has no files to lend`);
  await spill(volume, ino);
  const mark = lentMark(await statBlob(volume, ino));
  const inode = await volume.store.transact((tx) => {
    if (writing) tx.put(key.lent(ino), mark);
    return requireFile(tx, ino);
  });
  let lent: LentBlob;
  try {
    const fd = volume.fileBlobs.lendFd(ino);
    lent = { fd, mark, readers: 0, writers: 0 };
  } catch (cause) {
    if (writing) await volume.store.transact((tx) => tx.put(key.lent(ino), unsyncedMark));
    throw explained(cause, ino);
  }
  try {
    await agree(volume, volume.fileBlobs, inode);
  } catch (cause) {
    volume.fileBlobs.returnFd(ino);
    throw cause;
  }
  volume.lent.add(ino, lent);
  return counted(lent, writing);
}

/** Makes the file say what the record says, before it gets the say. */
async function agree(volume: Volume, files: FileBlobStore, inode: Inode): Promise<void> {
  const { ino } = inode;
  const stat = files.statLent(ino);
  if (stat.size < inode.size) fail('corrupted', `inode ${ino}: its blob was cut short; run cfs fsck`);
  if (stat.size > inode.size) await volume.blobs.truncate(ino, inode.size);
  const atime = { sec: inode.atimeSec, nsec: inode.atimeNsec };
  const mtime = { sec: inode.mtimeSec, nsec: inode.mtimeNsec };
  if (stat.size !== inode.size || !isSame(stat.mtime, mtime) || !isSame(stat.atime, atime)) {
    await volume.blobs.setTimes(ino, { atime, mtime });
  }
}

function isSame(a: BlobTime, b: BlobTime): boolean {
  return a.sec === b.sec && a.nsec === b.nsec;
}

/**
 * The record takes over what the file knows. After the last writer the file still counts as unsynced: a power cut
 * may take what was written, and the record's size must not outlive the bytes.
 */
function takeOver(volume: Volume, ino: Ino, end: { written: boolean; last: boolean }): Maybe<void> {
  const stat = volume.lent.stat(ino)!;
  const done = volume.store.transact((tx) => {
    const inode = getInode(tx, ino);
    if (inode === undefined || !isInBlob(inode)) return;
    const { atimeSec, atimeNsec } = inode;
    const changed = mergeStat(inode, stat);
    if (changed) inode.dataVersion += 1;
    if (changed || inode.atimeSec !== atimeSec || inode.atimeNsec !== atimeNsec) putInode(tx, inode);
    if (end.written) tx.put(key.lent(ino), unsyncedMark);
  });
  const finish = (): void => {
    if (end.written) volume.unsynced.blobGrew(ino);
    if (!end.last) return;
    volume.lent.remove(ino);
    volume.fileBlobs?.returnFd(ino);
  };
  return done instanceof Promise ? done.then(finish) : finish();
}

/** Takes back whatever is still lent, as when a mount ends without releasing its files. */
export async function giveBackAll(volume: Volume): Promise<void> {
  for (const ino of volume.lent.inos()) {
    const lent = volume.lent.get(ino);
    if (lent === undefined) continue;
    const written = lent.writers > 0;
    lent.readers = 0;
    lent.writers = 0;
    await volume.exclusively(ino, () => takeOver(volume, ino, { written, last: true }));
  }
}
