import { type ByteString, fail } from '#base';
import { type Caller, FS_APPEND_FL, FS_IMMUTABLE_FL } from '#protocol';
import { accessAclName, capabilityName, defaultAclName, refuseXattr, xattrFits } from '#security';
import type { Snapshot, Transaction } from '../kv/transaction.ts';
import { accessAclOf } from './guard.ts';
import { key } from './keys.ts';
import { type Inode, trait } from './records.ts';

/** The largest listing that listxattr(2) can return (XATTR_LIST_MAX), which bounds how many names there can be. */
export const xattrListMaxBytes = 65_536;
/** Each name takes at least two bytes of a listing. */
const xattrCountMax = xattrListMaxBytes / 2;
const prefixes = ['user.', 'trusted.', 'security.'];

export function isAcl(name: ByteString): boolean {
  return name === accessAclName || name === defaultAclName;
}

/** Fails with `notSupported` for a name outside the namespaces that are kept. */
export function requireXattrName(name: ByteString): void {
  if (isAcl(name)) return;
  const prefix = prefixes.find((known) => name.startsWith(known));
  if (prefix === undefined) fail('notSupported', `extended attribute ${name}`);
  if (name.length === prefix.length) fail('invalid', `extended attribute ${name} has no name`);
}

export function requireMayReadXattr(snapshot: Snapshot, inode: Inode, caller: Caller, name: ByteString): void {
  if (!xattrFits(inode.mode, name)) fail('noData', `inode ${inode.ino} has no attribute ${name}`);
  if (caller.checked) return;
  const status = refuseXattr(inode, caller, { name, write: false, acl: accessAclOf(snapshot, inode) });
  if (status !== undefined) fail(status, `attribute ${name} of inode ${inode.ino}`);
}

export function requireMayWriteXattr(snapshot: Snapshot, inode: Inode, caller: Caller, name: ByteString): void {
  if ((inode.flags & (FS_IMMUTABLE_FL | FS_APPEND_FL)) !== 0) {
    fail('notPermitted', `inode ${inode.ino} is immutable or append-only`);
  }
  if (!xattrFits(inode.mode, name)) fail('notPermitted', `inode ${inode.ino} can have no attribute ${name}`);
  if (caller.checked) return;
  const status = refuseXattr(inode, caller, { name, write: true, acl: accessAclOf(snapshot, inode) });
  if (status !== undefined) fail(status, `attribute ${name} of inode ${inode.ino}`);
}

/** The names, ACLs among them, in the order of their bytes. */
export function xattrNames(snapshot: Snapshot, inode: Inode): ByteString[] {
  if ((inode.traits & trait.xattrs) === 0) return [];
  const prefix = key.xattrs(inode.ino);
  return snapshot.list(prefix, prefix, xattrCountMax).map((pair) => pair.key.slice(prefix.length));
}

/** Notes in the record that an attribute was added. */
export function noteXattr(inode: Inode, name: ByteString): void {
  inode.traits |= trait.xattrs;
  if (name === capabilityName) inode.traits |= trait.fileCapabilities;
}

/** Notes in the record that an attribute was removed. */
export function noteXattrGone(tx: Transaction, inode: Inode, name: ByteString): void {
  if (name === capabilityName) inode.traits &= ~trait.fileCapabilities;
  const prefix = key.xattrs(inode.ino);
  if (tx.list(prefix, prefix, 1).length === 0) inode.traits &= ~trait.xattrs;
}
