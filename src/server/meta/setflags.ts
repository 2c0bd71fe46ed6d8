import { fail, type Maybe } from '#base';
import {
  CAP_LINUX_IMMUTABLE,
  FS_APPEND_FL,
  FS_DIRSYNC_FL,
  FS_IMMUTABLE_FL,
  keptInodeFlags,
  type RequestOf,
} from '#protocol';
import { ownerOrCapable } from '#security';
import type { Volume } from '../volume.ts';
import { isDirectory, isRegular, putInode, requireInode, touchCtime, wallTime } from './inode.ts';

/** FS_IOC_SETFLAGS, chattr(1). */
export function setflags(volume: Volume, { caller, ino, flags }: RequestOf<'setflags'>): Maybe<void> {
  const now = wallTime(volume);
  return volume.store.transact((tx) => {
    const inode = requireInode(tx, ino);
    if (!caller.checked && !ownerOrCapable(inode, caller)) fail('notPermitted', `inode ${ino} is another user's`);
    const known = isDirectory(inode.mode) ? keptInodeFlags : keptInodeFlags & ~FS_DIRSYNC_FL;
    if ((flags & ~known) !== 0) fail('notSupported', `inode flags 0x${(flags & ~known).toString(16)} are not kept`);
    if (!isDirectory(inode.mode) && !isRegular(inode.mode)) fail('notSupported', `inode ${ino} has no flags`);
    const frozen = (inode.flags ^ flags) & (FS_IMMUTABLE_FL | FS_APPEND_FL);
    if (frozen !== 0 && !caller.checked && !caller.capable(CAP_LINUX_IMMUTABLE)) {
      fail('notPermitted', `uid ${caller.uid} may not change immutable and append-only`);
    }
    inode.flags = flags;
    touchCtime(inode, now);
    putInode(tx, inode);
  });
}
