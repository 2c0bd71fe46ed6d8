/** Numbers of the kernel protocol that are not opcodes (those are in the operations table) or INIT flags. */

/** FOPEN_*: how the kernel shall treat what was just opened. */
export const fopen = {
  directIo: 1 << 0,
  keepCache: 1 << 1,
  cacheDir: 1 << 3,
  noFlush: 1 << 5,
  parallelDirectWrites: 1 << 6,
  passthrough: 1 << 7,
} as const;

/** FATTR_*: the fields of a SETATTR that count. */
export const fattr = {
  mode: 1 << 0,
  uid: 1 << 1,
  gid: 1 << 2,
  size: 1 << 3,
  atime: 1 << 4,
  mtime: 1 << 5,
  handle: 1 << 6,
  atimeNow: 1 << 7,
  mtimeNow: 1 << 8,
  lockOwner: 1 << 9,
  ctime: 1 << 10,
  killSuidgid: 1 << 11,
} as const;

/** FUSE_NOTIFY_*: what the daemon tells the kernel unasked. */
export const notifyCode = {
  poll: 1,
  invalInode: 2,
  invalEntry: 3,
  store: 4,
  retrieve: 5,
  delete: 6,
  resend: 7,
  incEpoch: 8,
  prune: 9,
} as const;

/** FUSE_EXPIRE_ONLY: the name stays, but the kernel asks before it believes it again. */
export const expireOnly = 1;
/** FUSE_OPEN_KILL_SUIDGID, in `open_flags` of OPEN and CREATE. */
export const openKillSuidgid = 1;
/** FUSE_WRITE_CACHE: pages that mappings made dirty, long after anybody's call. */
export const writeCache = 1;
/** FUSE_WRITE_KILL_SUIDGID. */
export const writeKillSuidgid = 1 << 2;
/** FUSE_LK_FLOCK: flock(2), not fcntl(2). */
export const lockFlock = 1;
/** F_RDLCK, F_WRLCK, F_UNLCK (asm-generic/fcntl.h). */
export const lockType = { read: 0, write: 1, unlock: 2 } as const;
/** FUSE_FSYNC_FDATASYNC. */
export const fsyncDataOnly = 1;
/** FUSE_EXT_GROUPS: the extension that carries a group of the caller; lower types are security contexts. */
export const extensionGroups = 32;

export const protocolMajor = 7;
/** The newest minor that this file system was written for. */
export const protocolMinor = 45;
/** Older kernels (before 4.20) lack what the rest takes for granted. */
export const oldestProtocolMinor = 28;
/** Where single features came in. */
export const sinceMinor = { noFlush: 35, parallelDirectWrites: 38, incEpoch: 44, prune: 45 } as const;

export const pageBytes = 4096;
export const inHeaderBytes = 40;
export const outHeaderBytes = 16;
/** The kernel refuses to read into less than this, whatever `max_write` is. */
export const readBufferMinBytes = 8192;
/** SETXATTR, and renames and symlinks with two long names, must fit whatever `max_write` is. */
export const requestBodyMinBytes = 128 * 1024;
/** What one listing carries at most; a larger buffer of the application is filled by several. */
export const replyBodyBytes = 256 * 1024;

/** ioctls on inode flags (linux/fs.h), by 64-bit and 32-bit callers. */
export const ioctl = {
  getFlags: 0x80086601,
  setFlags: 0x40086602,
  getFlags32: 0x80046601,
  setFlags32: 0x40046602,
  fsGetXattr: 0x801c581f,
  fsSetXattr: 0x401c5820,
} as const;

/** FS_XFLAG_* of FS_IOC_FSGETXATTR, beside the FS_*_FL that they mean. */
export const xflags: readonly { readonly xflag: number; readonly flag: number }[] = [
  { xflag: 0x08, flag: 0x10 }, // IMMUTABLE
  { xflag: 0x10, flag: 0x20 }, // APPEND
  { xflag: 0x20, flag: 0x08 }, // SYNC
  { xflag: 0x40, flag: 0x80 }, // NOATIME
  { xflag: 0x80, flag: 0x40 }, // NODUMP
];

/** STATX_BASIC_STATS | STATX_BTIME. */
export const statxMask = 0xfff;
/** STATX_ATTR_*, equal to the FS_*_FL of the same names: IMMUTABLE, APPEND, NODUMP. */
export const statxAttributesMask = 0x70;
