import { fail } from '#base';
import {
  type AttributeChanges,
  CAP_CHOWN,
  type Caller,
  FS_APPEND_FL,
  FS_IMMUTABLE_FL,
  fileSizeMaxBytes,
  MAY_WRITE,
} from '#protocol';
import { ownerOrCapable } from '#security';
import type { Snapshot } from '../kv/transaction.ts';
import { requireAccess } from './guard.ts';
import { isDirectory, isRegular } from './inode.ts';
import type { Inode } from './records.ts';

/** Fails unless `caller` may make these changes: Linux's notify_change and setattr_prepare (fs/attr.c). */
export function requireMayChange(snapshot: Snapshot, inode: Inode, caller: Caller, changes: AttributeChanges): void {
  requireChangeable(inode, changes);
  if (changes.size !== undefined) requireMayTruncate(snapshot, inode, caller, changes);
  if (caller.checked) return;
  if (changes.uid !== undefined) requireMayGive(inode, caller, changes.uid);
  if (changes.gid !== undefined) requireMayGiveGroup(inode, caller, changes.gid);
  if (changes.mode !== undefined || changes.ctime !== undefined || setsTimes(changes)) requireOwner(inode, caller);
  else if (killsAlone(changes)) requireOwner(inode, caller);
  else if (touches(changes) && !ownerOrCapable(inode, caller)) requireAccess(snapshot, inode, caller, MAY_WRITE);
}

/** What no right allows. */
function requireChangeable(inode: Inode, changes: AttributeChanges): void {
  if ((inode.flags & FS_IMMUTABLE_FL) !== 0) fail('notPermitted', `inode ${inode.ino} is immutable`);
  if ((inode.flags & FS_APPEND_FL) === 0) return;
  const { mode, uid, gid, size } = changes;
  const frozen = mode !== undefined || uid !== undefined || gid !== undefined || size !== undefined;
  if (frozen || setsTimes(changes)) fail('notPermitted', `inode ${inode.ino} is append-only`);
}

function requireMayTruncate(snapshot: Snapshot, inode: Inode, caller: Caller, changes: AttributeChanges): void {
  if (isDirectory(inode.mode)) fail('isDirectory', `inode ${inode.ino} is a directory`);
  if (!isRegular(inode.mode)) fail('invalid', `inode ${inode.ino} has no size to set`);
  const size = changes.size!;
  if (size > fileSizeMaxBytes) fail('fileTooLarge', `a size of ${size} bytes; ${fileSizeMaxBytes} are possible`);
  if (size < 0) fail('invalid', `a size of ${size} bytes`);
  if (changes.hasHandle !== true) requireAccess(snapshot, inode, caller, MAY_WRITE);
}

function requireOwner(inode: Inode, caller: Caller): void {
  if (!ownerOrCapable(inode, caller)) fail('notPermitted', `inode ${inode.ino} is another user's`);
}

function requireMayGive(inode: Inode, caller: Caller, uid: number): void {
  if (caller.uid === inode.uid && uid === inode.uid) return;
  if (!caller.capable(CAP_CHOWN)) fail('notPermitted', `uid ${caller.uid} may not give inode ${inode.ino} away`);
}

function requireMayGiveGroup(inode: Inode, caller: Caller, gid: number): void {
  if (caller.uid === inode.uid && (gid === inode.gid || caller.inGroup(gid))) return;
  if (!caller.capable(CAP_CHOWN)) fail('notPermitted', `uid ${caller.uid} may not set group ${gid}`);
}

/** No system call of somebody else takes setuid away and does nothing besides. */
function killsAlone({ killPrivileges, size, uid, gid, atime, mtime }: AttributeChanges): boolean {
  return killPrivileges === true && (size ?? uid ?? gid ?? atime ?? mtime) === undefined;
}

/** Both times to now is what every writer may do; anything else about times takes the owner (do_utimes). */
function touches({ atime, mtime, size }: AttributeChanges): boolean {
  return size === undefined && atime === 'now' && mtime === 'now';
}

function setsTimes(changes: AttributeChanges): boolean {
  const { atime, mtime, size } = changes;
  if (size !== undefined) return typeof atime === 'object' || typeof mtime === 'object';
  return (atime !== undefined || mtime !== undefined) && !touches(changes);
}
