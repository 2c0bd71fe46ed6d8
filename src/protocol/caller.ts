/**
 * Who asks. The kernel tells fsuid and fsgid with each request; groups and capabilities are looked up only by a
 * decision that depends on them.
 */
export interface Caller {
  readonly uid: number;
  readonly gid: number;
  /**
   * True where somebody has decided already that the call is allowed: the kernel (`default_permissions`) or the
   * file system itself. Access is then not checked again; rules that no kernel checks for us (immutable inodes,
   * clearing of setgid) still hold.
   */
  readonly checked: boolean;
  /**
   * Whether groups and capabilities are at hand, so that they travel with a call that leaves this process. `unknown`:
   * asking for them fails with `needsIdentity`. Missing: they are looked up when they are asked for, and a call
   * travels without them first.
   */
  readonly identity?: 'known' | 'unknown';
  /** Whether `gid` is the caller's own or one of its supplementary groups. */
  inGroup(gid: number): boolean;
  /** All supplementary groups, for a call that leaves this process; missing: none are known. */
  groups?(): readonly number[];
  /** Whether the capability (`CAP_*`) is effective for the caller. */
  capable(capability: number): boolean;
}

/** The file system itself, and callers of embedded tools: everything is allowed. */
export const superuser: Caller = {
  uid: 0,
  gid: 0,
  checked: true,
  identity: 'known',
  inGroup: () => true,
  capable: () => true,
};
