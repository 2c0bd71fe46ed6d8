import { FsError, type Ino } from '#base';
import {
  type Caller,
  FS_DIRSYNC_FL,
  FS_NOATIME_FL,
  FS_NODUMP_FL,
  FS_SYNC_FL,
  S_IFLNK,
  S_IFMT,
  S_ISGID,
  S_ISVTX,
} from '#protocol';
import { accessAclName, defaultAclName, encodeAcl, inGroupOrCapable, inheritAcl, parseAcl } from '#security';
import type { Transaction } from '../kv/transaction.ts';
import { isDirectory, type WallTime } from './inode.ts';
import { key } from './keys.ts';
import { type Inode, trait } from './records.ts';

export interface NewInode {
  readonly ino: Ino;
  readonly mode: number;
  readonly umask: number;
  readonly rdev: number;
  readonly caller: Caller;
}

/** Flags that what is made in a directory gets from it (ext4's EXT4_FL_INHERITED, as far as they are kept). */
const inheritedFlags = FS_SYNC_FL | FS_NODUMP_FL | FS_NOATIME_FL | FS_DIRSYNC_FL;
const S_IXGRP = 0o010;

/**
 * An inode made in `parent`: owner, group and setgid as Linux's inode_init_owner and mode_strip_sgid have them, mode
 * and ACLs as posix_acl_create has them. ACLs are written, the record is not; it has no name yet.
 */
export function newInode(tx: Transaction, parent: Inode, made: NewInode, now: WallTime): Inode {
  const { ino, caller } = made;
  const setgid = (parent.mode & S_ISGID) !== 0;
  const directory = isDirectory(made.mode);
  const inode: Inode = {
    ino,
    mode: initialMode(parent, made),
    uid: caller.uid,
    gid: setgid ? parent.gid : caller.gid,
    nlink: 0,
    rdev: made.rdev,
    flags: parent.flags === 0 ? 0 : parent.flags & (directory ? inheritedFlags : inheritedFlags & ~FS_DIRSYNC_FL),
    traits: 0,
    size: 0,
    blocks: 0,
    parent: 0 as Ino,
    cookie: 0,
    dataVersion: 1,
    atimeSec: now.sec,
    atimeNsec: now.nsec,
    mtimeSec: now.sec,
    mtimeNsec: now.nsec,
    ctimeSec: now.sec,
    ctimeNsec: now.nsec,
    btimeSec: now.sec,
    btimeNsec: now.nsec,
  };
  if ((made.mode & S_IFMT) === S_IFLNK) return inode;
  if ((parent.traits & trait.defaultAcl) === 0) inode.mode &= ~(made.umask & 0o777);
  else inheritAcls(tx, parent, inode);
  return inode;
}

function initialMode(parent: Inode, { mode, caller }: NewInode): number {
  const type = mode & S_IFMT;
  if (type === S_IFLNK) return type | 0o777;
  const setgid = (parent.mode & S_ISGID) !== 0;
  if (isDirectory(mode)) return type | (mode & (0o777 | S_ISVTX)) | (setgid ? S_ISGID : 0);
  const givesGroup = (mode & (S_ISGID | S_IXGRP)) === (S_ISGID | S_IXGRP);
  const strip = givesGroup && setgid && !inGroupOrCapable(parent.gid, caller);
  return type | (mode & 0o7777 & (strip ? ~S_ISGID : ~0));
}

function inheritAcls(tx: Transaction, parent: Inode, inode: Inode): void {
  const stored = tx.get(key.xattr(parent.ino, defaultAclName));
  const entries = stored && parseAcl(stored);
  if (!Array.isArray(entries)) throw new FsError('corrupted', `directory ${parent.ino}: its default ACL is unreadable`);
  const { mode, acl } = inheritAcl(entries, inode.mode);
  inode.mode = mode;
  if (acl !== undefined) {
    tx.put(key.xattr(inode.ino, accessAclName), encodeAcl(acl));
    inode.traits |= trait.xattrs | trait.accessAcl;
  }
  if (isDirectory(mode)) {
    tx.put(key.xattr(inode.ino, defaultAclName), stored!);
    inode.traits |= trait.xattrs | trait.defaultAcl;
  }
}
