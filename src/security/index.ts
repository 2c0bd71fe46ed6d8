/** Who may do what: access to inodes, POSIX ACLs, extended attributes. Pure decisions, without I/O. */
export {
  inGroupOrCapable,
  ownerOrCapable,
  permits,
  stickyForbids,
  withoutCapabilities,
} from './access.ts';
export {
  ACL_GROUP,
  ACL_GROUP_OBJ,
  ACL_MASK,
  ACL_OTHER,
  ACL_USER,
  ACL_USER_OBJ,
  type AclEntry,
  aclWithMode,
  encodeAcl,
  inheritAcl,
  isMinimalAcl,
  modeOfAcl,
  parseAcl,
} from './acl.ts';
export type { Guarded, Subject } from './subject.ts';
export { accessAclName, capabilityName, defaultAclName, listsXattr, refuseXattr, xattrFits } from './xattr-access.ts';
