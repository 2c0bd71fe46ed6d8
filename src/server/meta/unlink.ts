import { fail, type Maybe } from '#base';
import type { Attributes, RequestOf } from '#protocol';
import type { Volume } from '../volume.ts';
import { dentrySlot, removeDentry } from './dentry.ts';
import { requireKind, requireMayRemove, requireSearch } from './guard.ts';
import { putInode, requireDirectory, requireNamed, touchEntries, wallTime } from './inode.ts';
import { dropLink } from './links.ts';

export function unlink(volume: Volume, { caller, parent, name }: RequestOf<'unlink'>): Maybe<Attributes | undefined> {
  if (name === '.' || name === '..') fail('isDirectory', `the name ${name} is no file's`);
  const now = wallTime(volume);
  return volume.store.transact((tx) => {
    const directory = requireDirectory(tx, parent);
    requireSearch(tx, directory, caller);
    const slot = dentrySlot(tx, volume, parent, name);
    const { entry } = slot;
    if (entry === undefined) fail('notFound', `${name} in directory ${parent}`);
    const inode = requireNamed(tx, entry.ino);
    requireMayRemove(tx, directory, inode, caller);
    requireKind(inode, 'other');
    removeDentry(tx, slot);
    const removed = dropLink(volume, tx, inode, { parent, cookie: entry.cookie }, now);
    directory.size -= 1;
    touchEntries(directory, now);
    putInode(tx, directory);
    return removed;
  });
}
