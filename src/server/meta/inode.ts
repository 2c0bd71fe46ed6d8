import { FsError, fail, type Ino } from '#base';
import { type Attributes, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '#protocol';
import type { Snapshot, Transaction } from '../kv/transaction.ts';
import { bytesOf } from '../kv/value.ts';
import type { Volume } from '../volume.ts';
import { key } from './keys.ts';
import { attributesOf, decodeInode, type Inode, StoredInode } from './records.ts';

/** A moment on the server's clock, read once per operation. */
export interface WallTime {
  readonly sec: number;
  readonly nsec: number;
}

export function wallTime(volume: Volume): WallTime {
  const { clock } = volume;
  clock.readWall();
  return { sec: clock.wallSec, nsec: clock.wallNsec };
}

export function getInode(snapshot: Snapshot, ino: Ino): Inode | undefined {
  const value = snapshot.getValue(key.inode(ino));
  if (value === undefined) return undefined;
  return value instanceof StoredInode ? value.copy() : decodeInode(ino, bytesOf(value));
}

/** The inode that a call names by number; `stale` when it is gone. */
export function requireInode(snapshot: Snapshot, ino: Ino): Inode {
  return getInode(snapshot, ino) ?? fail('stale', `inode ${ino} is gone`);
}

/** The inode that a name means: its absence contradicts what is stored. */
export function requireNamed(snapshot: Snapshot, ino: Ino): Inode {
  const inode = getInode(snapshot, ino);
  if (inode === undefined) throw new FsError('corrupted', `inode ${ino} has a name but no record; run cfs fsck`);
  return inode;
}

/** The directory that a name is looked for in; `notFound` when it was removed. */
export function requireDirectory(snapshot: Snapshot, ino: Ino): Inode {
  const inode = getInode(snapshot, ino);
  if (inode === undefined || inode.nlink === 0) fail('notFound', `directory ${ino} was removed`);
  if (!isDirectory(inode.mode)) fail('notDirectory', `inode ${ino} is no directory`);
  return inode;
}

/** `inode` is the store's from here on and must not be changed. */
export function putInode(tx: Transaction, inode: Inode): void {
  tx.put(key.inode(inode.ino), new StoredInode(inode));
}

/** What clients are shown of an inode, lent or not. */
export function shownAttributes(volume: Volume, inode: Inode): Attributes {
  return volume.lent.merge(attributesOf(inode));
}

export function isDirectory(mode: number): boolean {
  return (mode & S_IFMT) === S_IFDIR;
}

export function isRegular(mode: number): boolean {
  return (mode & S_IFMT) === S_IFREG;
}

export function isSymlink(mode: number): boolean {
  return (mode & S_IFMT) === S_IFLNK;
}

export function touchCtime(inode: Inode, now: WallTime): void {
  inode.ctimeSec = now.sec;
  inode.ctimeNsec = now.nsec;
}

/** Marks a directory whose names changed. */
export function touchEntries(directory: Inode, now: WallTime): void {
  directory.dataVersion += 1;
  directory.mtimeSec = now.sec;
  directory.mtimeNsec = now.nsec;
  touchCtime(directory, now);
}
