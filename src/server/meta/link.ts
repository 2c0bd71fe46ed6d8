import { fail, type Maybe } from '#base';
import { type Attributes, linkCountMax, type RequestOf } from '#protocol';
import type { Volume } from '../volume.ts';
import { addDentry, dentrySlot } from './dentry.ts';
import { requireMayAdd, requireSearch, requireUnfrozen } from './guard.ts';
import {
  isDirectory,
  putInode,
  requireDirectory,
  requireInode,
  shownAttributes,
  touchCtime,
  touchEntries,
  wallTime,
} from './inode.ts';
import { key } from './keys.ts';
import { addLink } from './links.ts';
import { type Inode, trait } from './records.ts';

/** link(2), and linkat(2) of a file made without a name. */
export function link(volume: Volume, request: RequestOf<'link'>): Maybe<Attributes> {
  const { caller, name } = request;
  if (name === '.' || name === '..') fail('exists', `the name ${name} is every directory's`);
  const now = wallTime(volume);
  return volume.store.transact((tx) => {
    const parent = requireDirectory(tx, request.parent);
    requireSearch(tx, parent, caller);
    const slot = dentrySlot(tx, volume, parent.ino, name);
    if (slot.entry !== undefined) fail('exists', `${name} in directory ${parent.ino}`);
    requireMayAdd(tx, parent, caller);
    const inode = requireInode(tx, request.ino);
    requireLinkable(inode);
    if (inode.nlink === 0) {
      tx.delete(key.orphan(inode.ino));
      inode.traits &= ~trait.unnamed;
    }
    addLink(tx, inode, { parent: parent.ino, cookie: addDentry(tx, slot, inode.ino, inode.mode) });
    touchCtime(inode, now);
    putInode(tx, inode);
    parent.size += 1;
    touchEntries(parent, now);
    putInode(tx, parent);
    return shownAttributes(volume, inode);
  });
}

function requireLinkable(inode: Inode): void {
  requireUnfrozen(inode);
  if (isDirectory(inode.mode)) fail('notPermitted', `inode ${inode.ino} is a directory`);
  if (inode.nlink === 0 && (inode.traits & trait.unnamed) === 0) fail('notFound', `inode ${inode.ino} was unlinked`);
  if (inode.nlink >= linkCountMax) fail('tooManyLinks', `inode ${inode.ino} has ${inode.nlink} links`);
}
