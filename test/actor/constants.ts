/** The kernel's numbers, by the names that its headers and manual pages use, without the common prefix. */

import { constants } from 'node:fs';

/** O_ flags of open(2). Those that differ between architectures come from Node. */
export const O = {
  RDONLY: 0,
  WRONLY: 1,
  RDWR: 2,
  CREAT: 0o100,
  EXCL: 0o200,
  NOCTTY: 0o400,
  TRUNC: 0o1000,
  APPEND: 0o2000,
  NONBLOCK: 0o4000,
  DSYNC: 0o10000,
  SYNC: 0o4010000,
  DIRECT: constants.O_DIRECT,
  DIRECTORY: constants.O_DIRECTORY,
  NOFOLLOW: constants.O_NOFOLLOW,
  NOATIME: 0o1000000,
  PATH: 0o10000000,
  TMPFILE: 0o20000000 | constants.O_DIRECTORY,
} as const;

export const AT = {
  FDCWD: -100,
  SYMLINK_NOFOLLOW: 0x100,
  EACCESS: 0x200,
  REMOVEDIR: 0x200,
  SYMLINK_FOLLOW: 0x400,
  EMPTY_PATH: 0x1000,
  STATX_FORCE_SYNC: 0x2000,
} as const;

/** S_IF kinds of a mode. */
export const S = {
  IFMT: 0o170000,
  IFSOCK: 0o140000,
  IFLNK: 0o120000,
  IFREG: 0o100000,
  IFBLK: 0o060000,
  IFDIR: 0o040000,
  IFCHR: 0o020000,
  IFIFO: 0o010000,
} as const;

/** DT_ types of a directory entry. */
export const DT = { FIFO: 1, CHR: 2, DIR: 4, BLK: 6, REG: 8, LNK: 10, SOCK: 12 } as const;

export const RENAME = { NOREPLACE: 1, EXCHANGE: 2, WHITEOUT: 4 } as const;
export const SEEK = { SET: 0, CUR: 1, END: 2, DATA: 3, HOLE: 4 } as const;
export const ACCESS = { F: 0, X: 1, W: 2, R: 4 } as const;
export const XATTR = { CREATE: 1, REPLACE: 2 } as const;
export const FALLOC = { KEEP_SIZE: 1, PUNCH_HOLE: 2, COLLAPSE_RANGE: 8, ZERO_RANGE: 16, INSERT_RANGE: 32 } as const;
export const LOCK = { SH: 1, EX: 2, NB: 4, UN: 8 } as const;

/** Commands and types of fcntl(2) locks. */
export const F = {
  GETLK: 5,
  SETLK: 6,
  SETLKW: 7,
  OFD_GETLK: 36,
  OFD_SETLK: 37,
  OFD_SETLKW: 38,
  RDLCK: 0,
  WRLCK: 1,
  UNLCK: 2,
} as const;

export const PROT = { NONE: 0, READ: 1, WRITE: 2, EXEC: 4 } as const;
export const MAP = { SHARED: 1, PRIVATE: 2 } as const;
export const MS = { ASYNC: 1, INVALIDATE: 2, SYNC: 4 } as const;
export const MADV = { DONTNEED: 4 } as const;
export const RWF = { HIPRI: 1, DSYNC: 2, SYNC: 4, NOWAIT: 8, APPEND: 16 } as const;

/** Nanosecond values of utimensat(2) that stand for an action. */
export const UTIME = { NOW: 0x3fffffff, OMIT: 0x3ffffffe } as const;

/** FS_IOC_SETFLAGS, as chattr sets them. */
export const FS = { SYNC_FL: 0x8, IMMUTABLE_FL: 0x10, APPEND_FL: 0x20, NODUMP_FL: 0x40, NOATIME_FL: 0x80 } as const;

/** STATX_ bits of the answered mask, and STATX_ATTR_ bits. */
export const STATX = { BTIME: 0x800, ATTR_IMMUTABLE: 0x10, ATTR_APPEND: 0x20 } as const;

/** Capabilities(7) by number. */
export const CAP = {
  CHOWN: 0,
  DAC_OVERRIDE: 1,
  DAC_READ_SEARCH: 2,
  FOWNER: 3,
  FSETID: 4,
  LINUX_IMMUTABLE: 9,
  SYS_ADMIN: 21,
  SYS_RESOURCE: 24,
  MKNOD: 27,
  SETFCAP: 31,
} as const;
