import { FsError, fail } from '#base';
import { type Caller, S_IFLNK, S_IFMT, S_ISGID } from '#protocol';
import {
  type AclEntry,
  accessAclName,
  aclWithMode,
  defaultAclName,
  encodeAcl,
  inGroupOrCapable,
  isMinimalAcl,
  modeOfAcl,
  parseAcl,
} from '#security';
import type { Transaction } from '../kv/transaction.ts';
import { accessAclOf } from './guard.ts';
import { isDirectory } from './inode.ts';
import { key } from './keys.ts';
import { type Inode, trait } from './records.ts';

/** Brings the access ACL in line with mode bits that were just changed. */
export function applyModeToAcl(tx: Transaction, inode: Inode): void {
  const stored = accessAclOf(tx, inode);
  if (stored === undefined) return;
  const entries = parseAcl(stored);
  if (!Array.isArray(entries)) throw new FsError('corrupted', `inode ${inode.ino}: its access ACL is unreadable`);
  tx.put(key.xattr(inode.ino, accessAclName), encodeAcl(aclWithMode(entries, inode.mode)));
}

/**
 * Sets an ACL by its extended attribute; an empty one removes it. The record is not written.
 * @returns whether the ACL is stored as an attribute now.
 */
export function setAcl(
  tx: Transaction,
  inode: Inode,
  caller: Caller,
  acl: { name: string; value: Uint8Array },
): boolean {
  if ((inode.mode & S_IFMT) === S_IFLNK) fail('notSupported', `inode ${inode.ino} is a symlink`);
  const entries = parseAcl(acl.value);
  if (!Array.isArray(entries)) fail(entries, `inode ${inode.ino}: its new ACL is not valid`);
  if (acl.name === defaultAclName) return setDefaultAcl(tx, inode, entries);
  if (entries.length > 0) applyAclToMode(inode, caller, entries);
  const kept = entries.length > 0 && !isMinimalAcl(entries);
  writeAcl(tx, inode, { name: accessAclName, bit: trait.accessAcl, entries: kept ? entries : [] });
  return kept;
}

function setDefaultAcl(tx: Transaction, inode: Inode, entries: AclEntry[]): boolean {
  if (entries.length > 0 && !isDirectory(inode.mode)) {
    fail('accessDenied', `inode ${inode.ino} is no directory and has no default ACL`);
  }
  writeAcl(tx, inode, { name: defaultAclName, bit: trait.defaultAcl, entries });
  return entries.length > 0;
}

/** posix_acl_update_mode. */
function applyAclToMode(inode: Inode, caller: Caller, entries: AclEntry[]): void {
  inode.mode = (inode.mode & ~0o777) | modeOfAcl(entries);
  if ((inode.mode & S_ISGID) !== 0 && !inGroupOrCapable(inode.gid, caller)) inode.mode &= ~S_ISGID;
}

function writeAcl(tx: Transaction, inode: Inode, acl: { name: string; bit: number; entries: AclEntry[] }): void {
  const aclKey = key.xattr(inode.ino, acl.name);
  if (acl.entries.length > 0) {
    tx.put(aclKey, encodeAcl(acl.entries));
    inode.traits |= acl.bit | trait.xattrs;
  } else if ((inode.traits & acl.bit) !== 0) {
    tx.delete(aclKey);
    inode.traits &= ~acl.bit;
  }
}
