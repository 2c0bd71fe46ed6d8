import { fail, type Maybe } from '#base';
import type { Attributes, RequestOf } from '#protocol';
import type { Volume } from '../volume.ts';
import { dentrySlot, removeDentry } from './dentry.ts';
import { destroyInode } from './destroy.ts';
import { requireKind, requireMayRemove, requireSearch } from './guard.ts';
import { putInode, requireDirectory, requireNamed, touchCtime, touchEntries, wallTime } from './inode.ts';
import type { Inode } from './records.ts';

export function rmdir(volume: Volume, { caller, parent, name }: RequestOf<'rmdir'>): Maybe<Attributes | undefined> {
  if (name === '.') fail('invalid', 'a directory cannot be removed as its own .');
  if (name === '..') fail('notEmpty', 'a directory that holds this one');
  const now = wallTime(volume);
  return volume.store.transact((tx) => {
    const directory = requireDirectory(tx, parent);
    requireSearch(tx, directory, caller);
    const slot = dentrySlot(tx, volume, parent, name);
    const { entry } = slot;
    if (entry === undefined) fail('notFound', `${name} in directory ${parent}`);
    const inode = requireNamed(tx, entry.ino);
    requireMayRemove(tx, directory, inode, caller);
    requireKind(inode, 'directory');
    requireEmpty(inode);
    removeDentry(tx, slot);
    touchCtime(inode, now);
    const removed = destroyInode(volume, tx, inode);
    volume.newDirectories.end(inode.ino);
    directory.size -= 1;
    directory.nlink -= 1;
    touchEntries(directory, now);
    putInode(tx, directory);
    return removed;
  });
}

/** The size of a directory's record counts its entries. */
export function requireEmpty(directory: Inode): void {
  if (directory.size > 0) fail('notEmpty', `directory ${directory.ino} has ${directory.size} entries`);
}
