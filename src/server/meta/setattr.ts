import { chain, type Maybe } from '#base';
import {
  type AttributeChanges,
  type Attributes,
  type Caller,
  type RequestOf,
  S_IFMT,
  S_ISGID,
  type TimeChange,
} from '#protocol';
import { inGroupOrCapable } from '#security';
import { truncate } from '../data/truncate.ts';
import type { Transaction } from '../kv/transaction.ts';
import type { Volume } from '../volume.ts';
import { applyModeToAcl } from './acl-store.ts';
import { putInode, requireInode, shownAttributes, touchCtime, type WallTime, wallTime } from './inode.ts';
import { killPrivileges } from './kill-privileges.ts';
import type { Inode } from './records.ts';
import { requireMayChange } from './setattr-rules.ts';

/** chmod(2), chown(2), truncate(2), utimensat(2) and any mixture of them. */
export function setattr(volume: Volume, request: RequestOf<'setattr'>): Maybe<Attributes> {
  const { caller, ino, changes } = request;
  const { size } = changes;
  if (size === undefined) {
    const check = (tx: Transaction, inode: Inode): void => requireMayChange(tx, inode, caller, changes);
    const run = (): Maybe<Attributes> => volume.store.transact(changing(volume, request, check));
    // A file that is being lent for passthrough takes its times along; they must not change halfway.
    return changes.atime === undefined && changes.mtime === undefined ? run() : volume.exclusively(ino, run);
  }
  const allowed = volume.store.read((snapshot) => {
    requireMayChange(snapshot, requireInode(snapshot, ino), caller, changes);
  });
  const truncated = chain(allowed, () => truncate(volume, ino, size));
  return chain(truncated, () =>
    truncationIsAll(changes)
      ? volume.store.read((snapshot) => shownAttributes(volume, requireInode(snapshot, ino)))
      : volume.store.transact(changing(volume, request, () => undefined)),
  );
}

/** Truncating has set mtime and ctime to now already and dropped file capabilities. */
function truncationIsAll({ mode, uid, gid, atime, mtime, ctime, killPrivileges: kill }: AttributeChanges): boolean {
  const others = mode ?? uid ?? gid ?? atime;
  return others === undefined && typeof mtime !== 'object' && typeof ctime !== 'object' && kill !== true;
}

/** The transaction of `request`, which runs `check` on the inode first. */
function changing(volume: Volume, request: RequestOf<'setattr'>, check: (tx: Transaction, inode: Inode) => void) {
  const now = wallTime(volume);
  return (tx: Transaction): Attributes => {
    const inode = requireInode(tx, request.ino);
    check(tx, inode);
    applyChanges(tx, inode, request, now);
    putInode(tx, inode);
    setLentTimes(volume, request.changes, inode);
    return shownAttributes(volume, inode);
  };
}

function applyChanges(tx: Transaction, inode: Inode, { caller, changes }: RequestOf<'setattr'>, now: WallTime): void {
  touchCtime(inode, now);
  if (isChown(changes)) applyOwner(tx, inode, caller, changes);
  if (changes.killPrivileges === true) killPrivileges(tx, inode, caller);
  if (changes.mode !== undefined) applyMode(tx, inode, caller, changes.mode);
  applyTimes(inode, changes, now);
}

/**
 * chown(2) of neither user nor group comes without any field, and still takes setuid and setgid away. So does what the
 * kernel asks for before a write past the daemon to a file with these bits, by someone without the capability.
 */
function isChown({ mode, uid, gid, size, atime, mtime, ctime }: AttributeChanges): boolean {
  if (uid !== undefined || gid !== undefined) return true;
  const others = mode ?? size ?? atime ?? mtime ?? ctime;
  return others === undefined;
}

function applyOwner(tx: Transaction, inode: Inode, caller: Caller, { uid, gid }: AttributeChanges): void {
  killPrivileges(tx, inode, caller);
  if (uid !== undefined) inode.uid = uid;
  if (gid !== undefined) inode.gid = gid;
}

function applyMode(tx: Transaction, inode: Inode, caller: Caller, wanted: number): void {
  let mode = (inode.mode & S_IFMT) | (wanted & 0o7777);
  if ((mode & S_ISGID) !== 0 && !caller.checked && !inGroupOrCapable(inode.gid, caller)) mode &= ~S_ISGID;
  inode.mode = mode;
  applyModeToAcl(tx, inode);
}

function applyTimes(inode: Inode, { atime, mtime, ctime }: AttributeChanges, now: WallTime): void {
  if (atime !== undefined) {
    const time = timeOf(atime, now);
    inode.atimeSec = time.sec;
    inode.atimeNsec = time.nsec;
  }
  if (mtime !== undefined) {
    const time = timeOf(mtime, now);
    inode.mtimeSec = time.sec;
    inode.mtimeNsec = time.nsec;
  }
  if (ctime !== undefined) touchCtime(inode, timeOf(ctime, now));
}

function timeOf(change: TimeChange, now: WallTime): WallTime {
  return change === 'now' ? now : change;
}

/** A file lent for passthrough carries its own times. */
function setLentTimes(volume: Volume, { atime, mtime }: AttributeChanges, inode: Inode): void {
  if (atime === undefined && mtime === undefined) return;
  const times: { atime?: WallTime; mtime?: WallTime } = {};
  if (atime !== undefined) times.atime = { sec: inode.atimeSec, nsec: inode.atimeNsec };
  if (mtime !== undefined) times.mtime = { sec: inode.mtimeSec, nsec: inode.mtimeNsec };
  volume.lent.setTimes(inode.ino, times);
}
