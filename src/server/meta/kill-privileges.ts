import { type Caller, S_ISGID, S_ISUID } from '#protocol';
import { capabilityName, inGroupOrCapable } from '#security';
import type { Transaction } from '../kv/transaction.ts';
import { isDirectory } from './inode.ts';
import { key } from './keys.ts';
import { type Inode, trait } from './records.ts';

const S_IXGRP = 0o010;

/**
 * The file no longer runs with more than its caller's rights: what chown does to anything but a directory, whoever
 * calls, and a write by someone without CAP_FSETID (setattr_should_drop_suidgid). The record is not written.
 */
export function killPrivileges(tx: Transaction, inode: Inode, caller?: Caller): void {
  if (isDirectory(inode.mode)) return;
  dropFileCapabilities(tx, inode);
  inode.mode &= ~S_ISUID;
  if ((inode.mode & S_ISGID) === 0) return;
  // Without group execution setgid once meant mandatory locking; it stays, unless an outsider of the group calls.
  const isOutsider = caller !== undefined && !inGroupOrCapable(inode.gid, caller);
  if ((inode.mode & S_IXGRP) !== 0 || isOutsider) inode.mode &= ~S_ISGID;
}

/** security.capability goes with every write, truncation and chown. The record is not written. */
export function dropFileCapabilities(tx: Transaction, inode: Inode): void {
  if ((inode.traits & trait.fileCapabilities) === 0) return;
  tx.delete(key.xattr(inode.ino, capabilityName));
  inode.traits &= ~trait.fileCapabilities;
  const prefix = key.xattrs(inode.ino);
  if (tx.list(prefix, prefix, 1).length === 0) inode.traits &= ~trait.xattrs;
}
