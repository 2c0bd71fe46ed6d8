/**
 * POSIX ACLs in the form of the kernel's extended attributes (uapi/linux/posix_acl_xattr.h, version 2): a header of
 * four bytes, then entries of eight: tag, permission bits, id, all little-endian.
 */
export const ACL_USER_OBJ = 0x01;
export const ACL_USER = 0x02;
export const ACL_GROUP_OBJ = 0x04;
export const ACL_GROUP = 0x08;
export const ACL_MASK = 0x10;
export const ACL_OTHER = 0x20;

export const aclHeaderBytes = 4;
export const aclEntryBytes = 8;
const aclVersion = 2;
const undefinedId = 0xffffffff;

export interface AclEntry {
  readonly tag: number;
  readonly perm: number;
  /** Of ACL_USER and ACL_GROUP only. */
  readonly id: number;
}

export type AclProblem = 'notSupported' | 'invalid';

/** The entries of a stored ACL, none for an empty one; or why it is no valid ACL (posix_acl_valid's rules). */
export function parseAcl(bytes: Uint8Array): AclEntry[] | AclProblem {
  if (bytes.byteLength < aclHeaderBytes) return 'invalid';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== aclVersion) return 'notSupported';
  if ((bytes.byteLength - aclHeaderBytes) % aclEntryBytes !== 0) return 'invalid';
  const entries: AclEntry[] = [];
  for (let at = aclHeaderBytes; at < bytes.byteLength; at += aclEntryBytes) {
    entries.push({
      tag: view.getUint16(at, true),
      perm: view.getUint16(at + 2, true),
      id: view.getUint32(at + 4, true),
    });
  }
  return entries.length === 0 || isValid(entries) ? entries : 'invalid';
}

/** The order is USER_OBJ, USER…, GROUP_OBJ, GROUP…, MASK, OTHER; named entries need a mask. */
function isValid(entries: readonly AclEntry[]): boolean {
  let previous = 0;
  let named = false;
  for (const entry of entries) {
    const repeatable = entry.tag === ACL_USER || entry.tag === ACL_GROUP;
    if (entry.perm > 7 || !follows(previous, entry.tag)) return false;
    if (repeatable && entry.id === undefinedId) return false;
    named ||= repeatable;
    previous = entry.tag;
  }
  return previous === ACL_OTHER && (!named || entries.some((entry) => entry.tag === ACL_MASK));
}

function follows(previous: number, tag: number): boolean {
  switch (tag) {
    case ACL_USER_OBJ:
      return previous === 0;
    case ACL_USER:
      return previous === ACL_USER_OBJ || previous === ACL_USER;
    case ACL_GROUP_OBJ:
      return previous === ACL_USER_OBJ || previous === ACL_USER;
    case ACL_GROUP:
      return previous === ACL_GROUP_OBJ || previous === ACL_GROUP;
    case ACL_MASK:
      return previous === ACL_GROUP_OBJ || previous === ACL_GROUP;
    case ACL_OTHER:
      return previous === ACL_GROUP_OBJ || previous === ACL_GROUP || previous === ACL_MASK;
    default:
      return false;
  }
}

export function encodeAcl(entries: readonly AclEntry[]): Uint8Array {
  const bytes = new Uint8Array(aclHeaderBytes + entries.length * aclEntryBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, aclVersion, true);
  let at = aclHeaderBytes;
  for (const { tag, perm, id } of entries) {
    view.setUint16(at, tag, true);
    view.setUint16(at + 2, perm, true);
    view.setUint32(at + 4, tag === ACL_USER || tag === ACL_GROUP ? id : undefinedId, true);
    at += aclEntryBytes;
  }
  return bytes;
}

/** Whether the ACL says no more than nine mode bits can. */
export function isMinimalAcl(entries: readonly AclEntry[]): boolean {
  return entries.every(({ tag }) => tag === ACL_USER_OBJ || tag === ACL_GROUP_OBJ || tag === ACL_OTHER);
}

/** The nine mode bits that go with an access ACL; the group's are the mask where there is one. */
export function modeOfAcl(entries: readonly AclEntry[]): number {
  return (permOf(entries, ACL_USER_OBJ) << 6) | (groupClass(entries) << 3) | permOf(entries, ACL_OTHER);
}

/** The access ACL after a chmod to `mode` (posix_acl_chmod). */
export function aclWithMode(entries: readonly AclEntry[], mode: number): AclEntry[] {
  const hasMask = entries.some((entry) => entry.tag === ACL_MASK);
  return entries.map((entry) => {
    if (entry.tag === ACL_USER_OBJ) return { ...entry, perm: (mode >> 6) & 7 };
    if (entry.tag === ACL_OTHER) return { ...entry, perm: mode & 7 };
    if (entry.tag === (hasMask ? ACL_MASK : ACL_GROUP_OBJ)) return { ...entry, perm: (mode >> 3) & 7 };
    return entry;
  });
}

/**
 * What a new inode made with `mode` gets from its directory's default ACL (posix_acl_create): mode bits that neither
 * exceeds, and an access ACL unless those bits say it all.
 */
export function inheritAcl(entries: readonly AclEntry[], mode: number): { mode: number; acl: AclEntry[] | undefined } {
  const bits = modeOfAcl(entries) & mode & 0o777;
  const acl = isMinimalAcl(entries) ? undefined : aclWithMode(entries, bits);
  return { mode: (mode & ~0o777) | bits, acl };
}

function permOf(entries: readonly AclEntry[], tag: number): number {
  return entries.find((entry) => entry.tag === tag)?.perm ?? 0;
}

function groupClass(entries: readonly AclEntry[]): number {
  return entries.find((entry) => entry.tag === ACL_MASK)?.perm ?? permOf(entries, ACL_GROUP_OBJ);
}
