import { fail, type Maybe } from '#base';
import {
  type RequestOf,
  type SetXattrRequest,
  XATTR_CREATE,
  XATTR_REPLACE,
  xattrNameMaxBytes,
  xattrValueMaxBytes,
} from '#protocol';
import type { Transaction } from '../kv/transaction.ts';
import type { Volume } from '../volume.ts';
import { setAcl } from './acl-store.ts';
import { putInode, requireInode, touchCtime, wallTime } from './inode.ts';
import { key } from './keys.ts';
import { type Inode, trait } from './records.ts';
import {
  isAcl,
  noteXattr,
  noteXattrGone,
  requireMayWriteXattr,
  requireXattrName,
  xattrListMaxBytes,
  xattrNames,
} from './xattrs.ts';

export function setxattr(volume: Volume, request: RequestOf<'setxattr'>): Maybe<void> {
  const { caller, ino, name } = request;
  requireXattrName(name);
  requireSizes(request);
  // The store keeps what it is given, and the caller may reuse its bytes. (A Buffer's slice would not copy.)
  const value = new Uint8Array(request.value);
  const now = wallTime(volume);
  return volume.store.transact((tx) => {
    const inode = requireInode(tx, ino);
    requireMayWriteXattr(tx, inode, caller, name);
    requireExistence(tx, inode, request);
    if (isAcl(name)) {
      if (!setAcl(tx, inode, caller, { name, value })) noteXattrGone(tx, inode, name);
    } else {
      tx.put(key.xattr(ino, name), value);
      noteXattr(inode, name);
    }
    touchCtime(inode, now);
    putInode(tx, inode);
  });
}

function requireSizes({ name, value }: SetXattrRequest): void {
  if (name.length > xattrNameMaxBytes) fail('range', `an attribute name of ${name.length} bytes`);
  if (value.byteLength > xattrValueMaxBytes) fail('argumentTooLong', `an attribute of ${value.byteLength} bytes`);
}

/** XATTR_CREATE and XATTR_REPLACE, and room for one more name. */
function requireExistence(tx: Transaction, inode: Inode, { name, flags }: SetXattrRequest): void {
  const exists = (inode.traits & trait.xattrs) !== 0 && tx.get(key.xattr(inode.ino, name)) !== undefined;
  if (exists) {
    if ((flags & XATTR_CREATE) !== 0) fail('exists', `attribute ${name} of inode ${inode.ino}`);
    return;
  }
  if ((flags & XATTR_REPLACE) !== 0) fail('noData', `inode ${inode.ino} has no attribute ${name}`);
  const listed = xattrNames(tx, inode).reduce((sum, other) => sum + other.length + 1, name.length + 1);
  if (listed > xattrListMaxBytes) fail('noSpace', `inode ${inode.ino} has attributes whose names take ${listed} bytes`);
}
