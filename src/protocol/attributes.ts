import type { Ino } from '#base';

/**
 * What an inode is, as everyone but the store sees it: stat(2) and statx(2) in one flat record. Times are whole
 * seconds since the epoch (negative before 1970) and nanoseconds, 0 to 999,999,999.
 */
export interface Attributes {
  ino: Ino;
  /** File type and permission bits (`S_IF*` | 07777). */
  mode: number;
  nlink: number;
  uid: number;
  gid: number;
  /** Of devices only, in the kernel's encoding: minor low 8 | major << 8 | minor high << 12. */
  rdev: number;
  /** Bytes. */
  size: number;
  /** Allocated, in units of 512 bytes. */
  blocks: number;
  atimeSec: number;
  atimeNsec: number;
  mtimeSec: number;
  mtimeNsec: number;
  ctimeSec: number;
  ctimeNsec: number;
  /** Birth. */
  btimeSec: number;
  btimeNsec: number;
  /** `FS_*_FL` of linux/fs.h that are kept: see `inode-flags.ts`. */
  flags: number;
  /** Grows with every change of the content that the server sees; KEEP_CACHE follows it. */
  dataVersion: number;
  /** Whether the inode carries a POSIX ACL (access or default). */
  hasAcl: boolean;
  /** Whether it carries file capabilities (security.capability), which a write must remove. */
  hasFileCapabilities: boolean;
}
