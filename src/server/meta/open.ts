import { chain, fail, type Maybe } from '#base';
import {
  type Caller,
  FMODE_EXEC,
  FS_APPEND_FL,
  MAY_EXEC,
  MAY_READ,
  MAY_WRITE,
  O_ACCMODE,
  O_APPEND,
  O_NOATIME,
  O_RDONLY,
  O_TRUNC,
  O_WRONLY,
  type OpenReply,
  type RequestOf,
} from '#protocol';
import { ownerOrCapable } from '#security';
import { truncate } from '../data/truncate.ts';
import type { Snapshot } from '../kv/transaction.ts';
import type { Volume } from '../volume.ts';
import { requireAccess } from './guard.ts';
import { isDirectory, isRegular, isSymlink, putInode, requireInode, shownAttributes } from './inode.ts';
import { killPrivileges } from './kill-privileges.ts';
import { countOpen } from './opens.ts';
import { type Inode, trait } from './records.ts';
import { release } from './release.ts';

export function open(volume: Volume, request: RequestOf<'open'>): Maybe<OpenReply> {
  const { ino } = request;
  // Counted before it is looked at, so that no removal of the last name comes between. Uncounted if that fails.
  countOpen(volume, ino);
  const undoAndThrow = (error: unknown): never => undoOpen(volume, ino, error);
  try {
    const reply = (request.flags & O_TRUNC) === 0 ? openAsIs(volume, request) : openTruncated(volume, request);
    return reply instanceof Promise ? reply.catch(undoAndThrow) : reply;
  } catch (error) {
    return undoAndThrow(error);
  }
}

function undoOpen(volume: Volume, ino: RequestOf<'open'>['ino'], error: unknown): never {
  const released = release(volume, { ino, count: 1 });
  // What failed to be released now is removed at the next start; the open's own failure is the one to report.
  if (released instanceof Promise) released.catch(() => undefined);
  throw error;
}

function openAsIs(volume: Volume, { caller, ino, flags }: RequestOf<'open'>): Maybe<OpenReply> {
  return volume.store.read((snapshot) => {
    const inode = requireInode(snapshot, ino);
    requireMayOpen(snapshot, inode, caller, flags);
    return openReply(volume, inode);
  });
}

function openTruncated(volume: Volume, request: RequestOf<'open'>): Maybe<OpenReply> {
  const { caller, ino, flags, killPrivileges: kill } = request;
  const allowed = volume.store.read((snapshot) => {
    requireMayOpen(snapshot, requireInode(snapshot, ino), caller, flags);
  });
  const truncated = chain(allowed, () => truncate(volume, ino, 0));
  return chain(truncated, () => {
    if (!kill) return volume.store.read((snapshot) => openReply(volume, requireInode(snapshot, ino)));
    return volume.store.transact((tx) => {
      const inode = requireInode(tx, ino);
      killPrivileges(tx, inode, caller);
      putInode(tx, inode);
      return openReply(volume, inode);
    });
  });
}

/** may_open and do_open (fs/namei.c). */
function requireMayOpen(snapshot: Snapshot, inode: Inode, caller: Caller, flags: number): void {
  if (isSymlink(inode.mode)) fail('tooManySymlinks', `inode ${inode.ino} is a symlink`);
  if (isDirectory(inode.mode)) fail('isDirectory', `inode ${inode.ino} is a directory`);
  if (!isRegular(inode.mode)) fail('noSuchAddress', `inode ${inode.ino} is opened by the kernel alone`);
  const mask = accessOf(flags);
  requireAccess(snapshot, inode, caller, mask);
  if ((inode.flags & FS_APPEND_FL) !== 0) requireAppending(inode, flags);
  if ((flags & O_NOATIME) !== 0 && !caller.checked && !ownerOrCapable(inode, caller)) {
    fail('notPermitted', `inode ${inode.ino} is another user's: no O_NOATIME`);
  }
}

function accessOf(flags: number): number {
  if ((flags & FMODE_EXEC) !== 0) return MAY_EXEC;
  const truncation = (flags & O_TRUNC) !== 0 ? MAY_WRITE : 0;
  switch (flags & O_ACCMODE) {
    case O_RDONLY:
      return MAY_READ | truncation;
    case O_WRONLY:
      return MAY_WRITE;
    default:
      return MAY_READ | MAY_WRITE;
  }
}

function requireAppending(inode: Inode, flags: number): void {
  const writes = (flags & O_ACCMODE) !== O_RDONLY;
  if ((writes && (flags & O_APPEND) === 0) || (flags & O_TRUNC) !== 0) {
    fail('notPermitted', `inode ${inode.ino} is append-only`);
  }
}

function openReply(volume: Volume, inode: Inode): OpenReply {
  return {
    attributes: shownAttributes(volume, inode),
    storage: (inode.traits & trait.blob) === 0 ? 'inline' : 'blob',
  };
}
