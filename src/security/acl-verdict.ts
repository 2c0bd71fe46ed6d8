import {
  ACL_GROUP,
  ACL_GROUP_OBJ,
  ACL_MASK,
  ACL_OTHER,
  ACL_USER,
  ACL_USER_OBJ,
  aclEntryBytes,
  aclHeaderBytes,
} from './acl.ts';
import type { Guarded, Subject } from './subject.ts';

/**
 * posix_acl_permission (fs/posix_acl.c), on the stored bytes: an ACL is read on every access to its inode and
 * changed hardly ever, so that decoding it first would be the larger cost.
 */
export function aclVerdict(acl: Uint8Array, node: Guarded, subject: Subject, mask: number): boolean {
  let groupFound = false;
  for (let at = aclHeaderBytes; at + aclEntryBytes <= acl.length; at += aclEntryBytes) {
    const bits = acl[at + 2]!;
    const allows = (bits & mask) === mask;
    switch (acl[at]) {
      case ACL_USER_OBJ:
        if (subject.uid === node.uid) return allows;
        break;
      case ACL_USER:
        if (subject.uid === idAt(acl, at)) return allows && maskAllows(acl, at, mask);
        break;
      case ACL_GROUP_OBJ:
      case ACL_GROUP:
        if (subject.inGroup(acl[at] === ACL_GROUP ? idAt(acl, at) : node.gid)) {
          groupFound = true;
          if (allows) return maskAllows(acl, at, mask);
        }
        break;
      case ACL_OTHER:
        return !groupFound && allows;
    }
  }
  return false;
}

/** The mask comes after the entries that it limits; without one they are not limited. */
function maskAllows(acl: Uint8Array, from: number, mask: number): boolean {
  for (let at = from + aclEntryBytes; at + aclEntryBytes <= acl.length; at += aclEntryBytes) {
    if (acl[at] === ACL_MASK) return (acl[at + 2]! & mask) === mask;
  }
  return true;
}

function idAt(acl: Uint8Array, at: number): number {
  return (acl[at + 4]! | (acl[at + 5]! << 8) | (acl[at + 6]! << 16) | (acl[at + 7]! << 24)) >>> 0;
}
