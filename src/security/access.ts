import {
  CAP_DAC_OVERRIDE,
  CAP_DAC_READ_SEARCH,
  CAP_FOWNER,
  CAP_FSETID,
  MAY_EXEC,
  MAY_READ,
  MAY_WRITE,
  S_IFDIR,
  S_IFMT,
  S_ISVTX,
} from '#protocol';
import { aclVerdict } from './acl-verdict.ts';
import type { Guarded, Subject } from './subject.ts';

const S_IRWXG = 0o070;
const S_IXUGO = 0o111;

/**
 * Whether `subject` may do all of `mask` (MAY_*) with an inode: Linux's generic_permission (fs/namei.c). `acl` is the
 * inode's access ACL as its extended attribute stores it; undefined when it has none.
 */
export function permits(node: Guarded, subject: Subject, mask: number, acl?: Uint8Array): boolean {
  return allowedByMode(node, subject, mask, acl) || overridden(node, subject, mask);
}

/** acl_permission_check: the owner's bits, else the ACL, else the group's or the others' bits. */
function allowedByMode(node: Guarded, subject: Subject, mask: number, acl: Uint8Array | undefined): boolean {
  if (subject.uid === node.uid) return (mask & ~(node.mode >> 6)) === 0;
  // Empty group bits are an empty ACL_MASK: no entry of the ACL could then allow what the mode does not.
  if (acl !== undefined && (node.mode & S_IRWXG) !== 0) return aclVerdict(acl, node, subject, mask);
  const groupDiffers = (mask & (node.mode ^ (node.mode >> 3))) !== 0;
  const bits = groupDiffers && subject.inGroup(node.gid) ? node.mode >> 3 : node.mode;
  return (mask & ~bits) === 0;
}

/** What CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH allow in spite of the mode. */
function overridden(node: Guarded, subject: Subject, mask: number): boolean {
  if ((node.mode & S_IFMT) === S_IFDIR) {
    if ((mask & MAY_WRITE) === 0 && subject.capable(CAP_DAC_READ_SEARCH)) return true;
    return subject.capable(CAP_DAC_OVERRIDE);
  }
  if (mask === MAY_READ && subject.capable(CAP_DAC_READ_SEARCH)) return true;
  // Nobody executes a file without any execute bit.
  const overridable = (mask & MAY_EXEC) === 0 || (node.mode & S_IXUGO) !== 0;
  return overridable && subject.capable(CAP_DAC_OVERRIDE);
}

/** inode_owner_or_capable: who may chmod, set times and the like. */
export function ownerOrCapable(node: Guarded, subject: Subject): boolean {
  return subject.uid === node.uid || subject.capable(CAP_FOWNER);
}

/** in_group_or_capable: who may have setgid on an inode of group `gid`. */
export function inGroupOrCapable(gid: number, subject: Subject): boolean {
  return subject.inGroup(gid) || subject.capable(CAP_FSETID);
}

/** check_sticky: whether a sticky directory keeps `subject` from removing or renaming `node` in it. */
export function stickyForbids(directory: Guarded, node: Guarded, subject: Subject): boolean {
  if ((directory.mode & S_ISVTX) === 0) return false;
  if (subject.uid === node.uid || subject.uid === directory.uid) return false;
  return !subject.capable(CAP_FOWNER);
}

/** The same subject with no capability: what access(2) asks for when the real user is not root. */
export function withoutCapabilities(subject: Subject): Subject {
  return { uid: subject.uid, inGroup: (gid) => subject.inGroup(gid), capable: () => false };
}
