import { chain, type Maybe } from '#base';
import type { RequestOf } from '#protocol';
import type { Volume } from '../volume.ts';
import { destroyInode } from './destroy.ts';
import { getInode } from './inode.ts';
import { key } from './keys.ts';
import { uncountOpens } from './opens.ts';

export function release(volume: Volume, { ino, count }: RequestOf<'release'>): Maybe<void> {
  if (!uncountOpens(volume, ino, count) || !volume.mayBeOrphans.has(ino)) return;
  return chain(removeOrphan(volume, ino), () => {
    if (!volume.opens.has(ino)) volume.mayBeOrphans.delete(ino);
  });
}

/** Removes an inode without names, unless it is open. */
export function removeOrphan(volume: Volume, ino: RequestOf<'release'>['ino']): Maybe<void> {
  return volume.store.transact((tx) => {
    if (tx.get(key.orphan(ino)) === undefined || volume.opens.has(ino)) return;
    tx.delete(key.orphan(ino));
    const inode = getInode(tx, ino);
    if (inode !== undefined && inode.nlink === 0) destroyInode(volume, tx, inode);
  });
}
