import { fail, type Maybe } from '#base';
import {
  type Attributes,
  MAY_WRITE,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  RENAME_WHITEOUT,
  type RenameRequest,
  type RequestOf,
  S_IFCHR,
} from '#protocol';
import type { Transaction } from '../kv/transaction.ts';
import type { Volume } from '../volume.ts';
import { addDentry, dentrySlot, refreshSlot, removeDentry, replaceDentry } from './dentry.ts';
import { destroyInode } from './destroy.ts';
import { requireAccess, requireKind, requireMayAdd, requireMayRemove, requireSearch } from './guard.ts';
import {
  isDirectory,
  putInode,
  requireDirectory,
  requireNamed,
  touchCtime,
  touchEntries,
  type WallTime,
  wallTime,
} from './inode.ts';
import { addLink, dropLink, moveLink, setPlace } from './links.ts';
import { newInode } from './new-inode.ts';
import type { Inode } from './records.ts';
import { exchange } from './rename-exchange.ts';
import { isBelow, type RenameSide } from './rename-side.ts';
import { requireEmpty } from './rmdir.ts';

/** renameat2(2), with all of Linux's rules. */
export function rename(volume: Volume, request: RequestOf<'rename'>): Maybe<Attributes | undefined> {
  requirePossible(request);
  const now = wallTime(volume);
  return volume.store.transact((tx) => renameIn(volume, tx, request, now));
}

function requirePossible({ name, newName, flags }: RenameRequest): void {
  const known = RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT;
  const exclusive = (flags & RENAME_EXCHANGE) !== 0 && (flags & (RENAME_NOREPLACE | RENAME_WHITEOUT)) !== 0;
  if ((flags & ~known) !== 0 || exclusive) fail('invalid', `rename with flags ${flags}`);
  if (isDots(name) || isDots(newName)) fail((flags & RENAME_NOREPLACE) !== 0 ? 'exists' : 'busy', 'rename of . or ..');
}

function isDots(name: string): boolean {
  return name === '.' || name === '..';
}

function renameIn(volume: Volume, tx: Transaction, request: RenameRequest, now: WallTime): Attributes | undefined {
  const { caller, flags } = request;
  const oldDirectory = requireDirectory(tx, request.parent);
  // One directory has one record in memory, or the second change of it would undo the first.
  const same = request.newParent === request.parent;
  const newDirectory = same ? oldDirectory : requireDirectory(tx, request.newParent);
  requireSearch(tx, oldDirectory, caller);
  if (!same) requireSearch(tx, newDirectory, caller);
  const oldSlot = dentrySlot(tx, volume, oldDirectory.ino, request.name);
  const newSlot = dentrySlot(tx, volume, newDirectory.ino, request.newName);
  if (oldSlot.entry === undefined) fail('notFound', `${request.name} in directory ${oldDirectory.ino}`);
  if (newSlot.entry === undefined) {
    if ((flags & RENAME_EXCHANGE) !== 0) fail('notFound', `${request.newName} in directory ${newDirectory.ino}`);
  } else if ((flags & RENAME_NOREPLACE) !== 0) {
    fail('exists', `${request.newName} in directory ${newDirectory.ino}`);
  }
  const source: RenameSide = { directory: oldDirectory, slot: oldSlot, inode: requireNamed(tx, oldSlot.entry.ino) };
  const target: RenameSide = { directory: newDirectory, slot: newSlot, inode: undefined };
  requireNoLoop(tx, source, target, flags);
  // Two names of one inode: POSIX wants nothing to happen.
  if (newSlot.entry !== undefined && newSlot.entry.ino === oldSlot.entry.ino) return undefined;
  if (newSlot.entry !== undefined) target.inode = requireNamed(tx, newSlot.entry.ino);
  requireMayRename(tx, source, target, request);
  let removed: Attributes | undefined;
  if ((flags & RENAME_EXCHANGE) !== 0) exchange(tx, source, target, now);
  else removed = replace(volume, tx, { source, target, request, now });
  touchEntries(oldDirectory, now);
  putInode(tx, oldDirectory);
  if (same) return removed;
  touchEntries(newDirectory, now);
  putInode(tx, newDirectory);
  return removed;
}

/** Neither side may hold the other one's directory. Within one directory neither can. */
function requireNoLoop(tx: Transaction, source: RenameSide, target: RenameSide, flags: number): void {
  if (source.directory === target.directory) return;
  const inode = source.inode!;
  if (isDirectory(inode.mode) && isBelow(tx, target.directory, inode.ino)) {
    fail('invalid', `directory ${inode.ino} would move below itself`);
  }
  const { entry } = target.slot;
  if (entry !== undefined && isDirectory(entry.type) && isBelow(tx, source.directory, entry.ino)) {
    fail((flags & RENAME_EXCHANGE) !== 0 ? 'invalid' : 'notEmpty', `directory ${entry.ino} holds what is renamed`);
  }
}

function requireMayRename(tx: Transaction, source: RenameSide, target: RenameSide, request: RenameRequest): void {
  const { caller, flags } = request;
  const exchanging = (flags & RENAME_EXCHANGE) !== 0;
  const inode = source.inode!;
  requireMayRemove(tx, source.directory, inode, caller);
  if (target.inode === undefined) {
    requireMayAdd(tx, target.directory, caller);
  } else {
    requireMayRemove(tx, target.directory, target.inode, caller);
    if (!exchanging) requireKind(target.inode, isDirectory(inode.mode) ? 'directory' : 'other');
  }
  if (source.directory === target.directory) return;
  // The '..' of a directory that moves is written.
  if (isDirectory(inode.mode)) requireAccess(tx, inode, caller, MAY_WRITE);
  if (exchanging && isDirectory(target.inode!.mode)) requireAccess(tx, target.inode!, caller, MAY_WRITE);
}

interface Replacing {
  source: RenameSide;
  target: RenameSide;
  request: RenameRequest;
  now: WallTime;
}

function replace(volume: Volume, tx: Transaction, { source, target, request, now }: Replacing): Attributes | undefined {
  const inode = source.inode!;
  const from = { parent: source.directory.ino, cookie: source.slot.entry!.cookie };
  const removed = target.inode === undefined ? undefined : removeReplaced(volume, tx, target, now);
  if ((request.flags & RENAME_WHITEOUT) !== 0) {
    leaveWhiteout(volume, tx, source, request, now);
  } else {
    removeDentry(tx, source.slot);
    source.directory.size -= 1;
  }
  // Both names may share one bucket.
  if (target.slot.key === source.slot.key) refreshSlot(tx, target.slot);
  let cookie: number;
  if (target.slot.entry === undefined) {
    cookie = addDentry(tx, target.slot, inode.ino, inode.mode);
    target.directory.size += 1;
  } else {
    cookie = target.slot.entry.cookie;
    replaceDentry(tx, target.slot, inode.ino, inode.mode);
  }
  const to = { parent: target.directory.ino, cookie };
  if (isDirectory(inode.mode)) {
    setPlace(inode, to);
    source.directory.nlink -= 1;
    target.directory.nlink += 1;
  } else {
    moveLink(tx, inode, from, to);
  }
  touchCtime(inode, now);
  putInode(tx, inode);
  return removed;
}

/** The inode whose name is taken over loses it; the entry stays. */
function removeReplaced(volume: Volume, tx: Transaction, target: RenameSide, now: WallTime): Attributes | undefined {
  const inode = target.inode!;
  if (isDirectory(inode.mode)) {
    requireEmpty(inode);
    touchCtime(inode, now);
    volume.newDirectories.end(inode.ino);
    target.directory.nlink -= 1;
    return destroyInode(volume, tx, inode);
  }
  return dropLink(volume, tx, inode, { parent: target.directory.ino, cookie: target.slot.entry!.cookie }, now);
}

/** RENAME_WHITEOUT: a character device 0:0 takes the old name, for overlayfs. */
function leaveWhiteout(
  volume: Volume,
  tx: Transaction,
  { directory, slot }: RenameSide,
  { caller }: RenameRequest,
  now: WallTime,
): void {
  const ino = volume.inos.next(tx);
  const whiteout: Inode = newInode(tx, directory, { ino, mode: S_IFCHR, umask: 0, rdev: 0, caller }, now);
  replaceDentry(tx, slot, ino, S_IFCHR);
  addLink(tx, whiteout, { parent: directory.ino, cookie: slot.entry!.cookie });
  putInode(tx, whiteout);
}
