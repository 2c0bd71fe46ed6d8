import { fail, type Maybe } from '#base';
import {
  type Attributes,
  CAP_MKNOD,
  type MakeRequest,
  type RequestOf,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  symlinkTargetMaxBytes,
} from '#protocol';
import type { Transaction } from '../kv/transaction.ts';
import type { Volume } from '../volume.ts';
import { addDentry, dentrySlot } from './dentry.ts';
import { requireMayAdd, requireSearch } from './guard.ts';
import { putInode, requireDirectory, touchEntries, type WallTime, wallTime } from './inode.ts';
import { key } from './keys.ts';
import { addLink, setPlace } from './links.ts';
import { newInode } from './new-inode.ts';
import { transactOpening } from './opens.ts';
import { attributesOf, type Inode } from './records.ts';

/** open(O_CREAT), mknod(2), mkdir(2), symlink(2). */
export function make(volume: Volume, request: RequestOf<'make'>): Maybe<Attributes> {
  requireMakeable(request);
  const now = wallTime(volume);
  if (!request.open) return volume.store.transact((tx) => attributesOf(makeInode(volume, tx, request, now)));
  return transactOpening(volume, (tx, opened) => {
    const inode = makeInode(volume, tx, request, now);
    opened(inode.ino);
    return attributesOf(inode);
  });
}

function requireMakeable({ name, mode, rdev, target, caller, open }: MakeRequest): void {
  if (name === '.' || name === '..') fail('exists', `the name ${name} is every directory's`);
  switch (mode & S_IFMT) {
    case S_IFREG:
      return;
    case S_IFLNK:
      if (target.length === 0) fail('notFound', 'an empty symlink target');
      if (target.length > symlinkTargetMaxBytes) fail('nameTooLong', `a symlink target of ${target.length} bytes`);
      break;
    case S_IFCHR:
    case S_IFBLK:
      requireMayMakeDevice(mode, rdev, caller);
      break;
    case S_IFDIR:
    case S_IFIFO:
    case S_IFSOCK:
      break;
    default:
      fail('invalid', `mode 0${mode.toString(8)} has no file type`);
  }
  if (open) fail('invalid', 'only regular files are opened by their making');
}

/** A whiteout, the character device 0:0, is no danger and everyone's to make. */
function requireMayMakeDevice(mode: number, rdev: number, caller: MakeRequest['caller']): void {
  if (caller.checked || ((mode & S_IFMT) === S_IFCHR && rdev === 0) || caller.capable(CAP_MKNOD)) return;
  fail('notPermitted', `uid ${caller.uid} may not make device nodes`);
}

function makeInode(volume: Volume, tx: Transaction, request: MakeRequest, now: WallTime): Inode {
  const { caller, name, mode, umask, rdev } = request;
  const parent = requireDirectory(tx, request.parent);
  requireSearch(tx, parent, caller);
  const slot = dentrySlot(tx, volume, parent.ino, name);
  if (slot.entry !== undefined) fail('exists', `${name} in directory ${parent.ino}`);
  requireMayAdd(tx, parent, caller);
  const inode = newInode(tx, parent, { ino: volume.inos.next(tx), mode, umask, rdev, caller }, now);
  const place = { parent: parent.ino, cookie: addDentry(tx, slot, inode.ino, mode) };
  switch (mode & S_IFMT) {
    case S_IFDIR:
      inode.nlink = 2;
      volume.newDirectories.begin(inode.ino);
      setPlace(inode, place);
      parent.nlink += 1;
      break;
    case S_IFLNK:
      tx.put(key.target(inode.ino), Buffer.from(request.target, 'latin1'));
      inode.size = request.target.length;
      addLink(tx, inode, place);
      break;
    default:
      addLink(tx, inode, place);
  }
  putInode(tx, inode);
  parent.size += 1;
  touchEntries(parent, now);
  putInode(tx, parent);
  return inode;
}
