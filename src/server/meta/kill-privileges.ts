import { type Caller, S_ISGID, S_ISUID } from '#protocol';
import { capabilityName, inGroupOrCapable } from '#security';
import type { Transaction } from '../kv/transaction.ts';
import { isDirectory } from './inode.ts';
import { key } from './keys.ts';
import { type Inode, trait } from './records.ts';

const S_IXGRP = 0o010;

/** The file no longer runs with more than its caller's rights. The record is not written. */
export function killPrivileges(tx: Transaction, inode: Inode): void {
  if (isDirectory(inode.mode)) return;
  dropFileCapabilities(tx, inode);
  inode.mode &= ~S_ISUID;
  // Without group execution setgid once meant mandatory locking; it stays as it is.
  if ((inode.mode & S_IXGRP) !== 0) inode.mode &= ~S_ISGID;
}

/** What chown does to anything but a directory, whoever calls (chown_common, setattr_should_drop_sgid). */
export function killPrivilegesOfChown(tx: Transaction, inode: Inode, caller: Caller): void {
  if (isDirectory(inode.mode)) return;
  const { gid } = inode;
  killPrivileges(tx, inode);
  if ((inode.mode & S_ISGID) !== 0 && !inGroupOrCapable(gid, caller)) inode.mode &= ~S_ISGID;
}

/** security.capability goes with every write, truncation and chown. The record is not written. */
export function dropFileCapabilities(tx: Transaction, inode: Inode): void {
  if ((inode.traits & trait.fileCapabilities) === 0) return;
  tx.delete(key.xattr(inode.ino, capabilityName));
  inode.traits &= ~trait.fileCapabilities;
  const prefix = key.xattrs(inode.ino);
  if (tx.list(prefix, prefix, 1).length === 0) inode.traits &= ~trait.xattrs;
}
