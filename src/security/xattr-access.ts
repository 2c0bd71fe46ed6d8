import type { ByteString, Status } from '#base';
import { CAP_SYS_ADMIN, MAY_READ, MAY_WRITE, S_IFDIR, S_IFMT, S_IFREG, S_ISVTX } from '#protocol';
import { ownerOrCapable, permits } from './access.ts';
import type { Guarded, Subject } from './subject.ts';

/** Lets file capabilities be set (uapi/linux/capability.h). */
const CAP_SETFCAP = 31;

export const accessAclName = 'system.posix_acl_access';
export const defaultAclName = 'system.posix_acl_default';
export const capabilityName = 'security.capability';

export interface XattrAccess {
  readonly name: ByteString;
  readonly write: boolean;
  /** The inode's access ACL, as for `permits`. */
  readonly acl: Uint8Array | undefined;
}

/**
 * Why `subject` may not read or write this extended attribute (Linux's xattr_permission, cap_inode_setxattr and
 * set_posix_acl); undefined when it may.
 */
export function refuseXattr(node: Guarded, subject: Subject, access: XattrAccess): Status | undefined {
  const { name, write } = access;
  if (name.startsWith('user.')) return refuseUser(node, subject, access);
  if (name.startsWith('trusted.')) {
    if (subject.capable(CAP_SYS_ADMIN)) return undefined;
    return write ? 'notPermitted' : 'noData';
  }
  if (!write) return undefined;
  if (name === accessAclName || name === defaultAclName) {
    return ownerOrCapable(node, subject) ? undefined : 'notPermitted';
  }
  const needed = name === capabilityName ? CAP_SETFCAP : CAP_SYS_ADMIN;
  return subject.capable(needed) ? undefined : 'notPermitted';
}

function refuseUser(node: Guarded, subject: Subject, { write, acl }: XattrAccess): Status | undefined {
  if (write && isStickyDirectory(node) && !ownerOrCapable(node, subject)) return 'notPermitted';
  return permits(node, subject, write ? MAY_WRITE : MAY_READ, acl) ? undefined : 'accessDenied';
}

/** Whether an inode of this mode can have extended attributes of this name at all, whoever asks. */
export function xattrFits(mode: number, name: ByteString): boolean {
  if (!name.startsWith('user.')) return true;
  const type = mode & S_IFMT;
  return type === S_IFREG || type === S_IFDIR;
}

function isStickyDirectory(node: Guarded): boolean {
  return (node.mode & S_IFMT) === S_IFDIR && (node.mode & S_ISVTX) !== 0;
}

/** Whether a listing shows the name to `subject`. */
export function listsXattr(name: ByteString, subject: Subject): boolean {
  return !name.startsWith('trusted.') || subject.capable(CAP_SYS_ADMIN);
}
