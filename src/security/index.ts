/** Who may do what: access to inodes, POSIX ACLs, extended attributes, exports; and who is who: certificates. */
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
export {
  CertificateAuthority,
  type CertificateUse,
  type IssuedCertificate,
  type IssueRequest,
  revokedSerials,
  validityInWords,
} from './certificate-authority.ts';
export { type Export, Exports, nobodyId, wholeVolume } from './exports.ts';
export { IdMap, type IdRange } from './id-map.ts';
export type { Guarded, Subject } from './subject.ts';
export { loadTlsCredentials, type TlsCredentials, type TlsFiles } from './tls-credentials.ts';
export { accessAclName, capabilityName, defaultAclName, listsXattr, refuseXattr, xattrFits } from './xattr-access.ts';
