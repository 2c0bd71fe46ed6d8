import { fail, type Maybe } from '#base';
import { MAY_READ, type RequestOf } from '#protocol';
import type { Volume } from '../volume.ts';
import { requireAccess } from './guard.ts';
import { isDirectory, requireInode } from './inode.ts';

export function opendir(volume: Volume, { caller, ino }: RequestOf<'opendir'>): Maybe<void> {
  return volume.store.read((snapshot) => {
    const inode = requireInode(snapshot, ino);
    if (!isDirectory(inode.mode)) fail('notDirectory', `inode ${ino} is no directory`);
    requireAccess(snapshot, inode, caller, MAY_READ);
  });
}
