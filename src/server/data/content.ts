import { fail, type Ino } from '#base';
import {
  CAP_FSETID,
  type Caller,
  FS_IMMUTABLE_FL,
  fileSizeMaxBytes,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
  S_ISGID,
  S_ISUID,
} from '#protocol';
import type { Snapshot, Transaction } from '../kv/transaction.ts';
import { getInode, putInode, wallTime } from '../meta/inode.ts';
import { key } from '../meta/keys.ts';
import { dropFileCapabilities, killPrivileges } from '../meta/kill-privileges.ts';
import { type Inode, trait } from '../meta/records.ts';
import type { Volume } from '../volume.ts';

/** The regular file that a call on content names; `stale` when it is gone. */
export function requireFile(snapshot: Snapshot, ino: Ino): Inode {
  const inode = getInode(snapshot, ino);
  if (inode === undefined) fail('stale', `inode ${ino} is gone`);
  const type = inode.mode & S_IFMT;
  if (type !== S_IFREG) fail(type === S_IFDIR ? 'isDirectory' : 'invalid', `inode ${ino} is no regular file`);
  return inode;
}

/** As `requireFile`, of a file whose content may be changed: Linux refuses an immutable one even through old handles. */
export function requireChangeable(snapshot: Snapshot, ino: Ino): Inode {
  const inode = requireFile(snapshot, ino);
  if ((inode.flags & FS_IMMUTABLE_FL) !== 0) fail('notPermitted', `inode ${ino} is immutable`);
  return inode;
}

export function isInBlob(inode: Inode): boolean {
  return (inode.traits & trait.blob) !== 0;
}

/** Fails with `fileTooLarge` unless a file may end at `end`. */
export function requireSize(ino: Ino, end: number): void {
  if (end > fileSizeMaxBytes) fail('fileTooLarge', `inode ${ino}: ${end} bytes are more than ${fileSizeMaxBytes}`);
}

export function inlineContent(snapshot: Snapshot, inode: Inode): Uint8Array | undefined {
  // An empty file has no content to look for, and most files are written just once after they were made.
  return inode.blocks === 0 ? undefined : snapshot.get(key.content(inode.ino));
}

/** Puts new inline content and size; empty content has no key. */
export function putInline(tx: Transaction, inode: Inode, content: Uint8Array | undefined, size: number): void {
  if (content !== undefined) tx.put(key.content(inode.ino), content);
  else if (inode.blocks > 0) tx.delete(key.content(inode.ino));
  inode.size = size;
  inode.blocks = content === undefined ? 0 : Math.ceil(content.length / 512);
}

/** Whether a change of content takes setuid and setgid away, and who makes it. */
export interface Killing {
  readonly killPrivileges: boolean;
  readonly keepCapabilities?: boolean | undefined;
  readonly caller?: Caller | undefined;
}
export const killsNothing: Killing = { killPrivileges: false };

/** Marks an inode whose content changed: times, version, and the privileges that a change of content takes away. */
export function putChanged(volume: Volume, tx: Transaction, inode: Inode, kill: Killing): void {
  touchContent(volume, inode);
  dropPrivileges(tx, inode, kill);
  putInode(tx, inode);
}

function touchContent(volume: Volume, inode: Inode): void {
  const { sec, nsec } = wallTime(volume);
  inode.mtimeSec = sec;
  inode.mtimeNsec = nsec;
  inode.ctimeSec = sec;
  inode.ctimeNsec = nsec;
  inode.dataVersion += 1;
}

/**
 * file_remove_privs of Linux: a change of content takes file capabilities away, and with `killPrivileges` (the writer
 * lacks CAP_FSETID) setuid and setgid.
 */
export function dropPrivileges(tx: Transaction, inode: Inode, kill: Killing): void {
  if (kill.killPrivileges) killPrivileges(tx, inode, kill.caller);
  else if (kill.keepCapabilities !== true) dropFileCapabilities(tx, inode);
}

/** Asks for the caller's capabilities only where the answer matters. */
export function killsSetIds(inode: Inode, caller: Caller): boolean {
  return (inode.mode & (S_ISUID | S_ISGID)) !== 0 && !caller.capable(CAP_FSETID);
}
