/**
 * The features of INIT that are taken when the kernel offers them, and why. `bit` counts through both words of
 * flags (32 and up lie in the second); `since` is the protocol minor that brought it, so that an offer can be masked
 * down to an older kernel's.
 */
export const initFlags = {
  ASYNC_READ: { bit: 0, since: 9, why: 'readahead goes out as parallel reads' },
  POSIX_LOCKS: {
    bit: 1,
    since: 7,
    cluster: true,
    why: 'fcntl locks count on all clients of a cluster; else the kernel’s own are exact',
  },
  ATOMIC_O_TRUNC: { bit: 3, since: 9, why: 'open and truncate in one request' },
  EXPORT_SUPPORT: { bit: 4, since: 10, why: 'inode numbers are permanent, so file handles may be' },
  BIG_WRITES: { bit: 5, since: 9, why: 'without it every buffered write is 4 KiB' },
  DONT_MASK: { bit: 6, since: 12, why: 'a default ACL replaces the umask, so the server applies it' },
  FLOCK_LOCKS: { bit: 10, since: 17, cluster: true, why: 'flock counts on all clients of a cluster' },
  AUTO_INVAL_DATA: { bit: 12, since: 20, why: 'pages go when size or mtime turn out to have changed' },
  DO_READDIRPLUS: { bit: 13, since: 21, why: 'a listing brings the attributes' },
  READDIRPLUS_AUTO: { bit: 14, since: 21, why: 'but only to those who ask for them' },
  ASYNC_DIO: { bit: 15, since: 22, why: 'large direct reads and writes run in parallel' },
  PARALLEL_DIROPS: { bit: 18, since: 25, why: 'one slow lookup does not hold up its directory' },
  POSIX_ACL: { bit: 20, since: 26, why: 'the kernel checks the ACLs that the server keeps' },
  ABORT_ERROR: { bit: 21, since: 27, why: 'an abort can be told from an unmount' },
  MAX_PAGES: { bit: 22, since: 28, why: 'reads and writes of up to 1 MiB, and long names' },
  CACHE_SYMLINKS: { bit: 23, since: 28, why: 'symlinks never change' },
  HANDLE_KILLPRIV_V2: { bit: 28, since: 33, why: 'the server takes setuid away, and a write asks for no xattr' },
  SETXATTR_EXT: { bit: 29, since: 33, why: 'an ACL change says whether setgid goes' },
  INIT_EXT: { bit: 30, since: 36, why: 'the second word of flags counts' },
  CREATE_SUPP_GROUP: { bit: 34, since: 38, why: 'setgid directories know the group of their makers' },
  DIRECT_IO_ALLOW_MMAP: { bit: 36, since: 39, why: 'files without page cache can be mapped shared' },
  PASSTHROUGH: { bit: 37, since: 40, why: 'the kernel reads and writes the store itself' },
} as const satisfies Record<string, InitFlagRow>;

interface InitFlagRow {
  readonly bit: number;
  readonly since: number;
  readonly why: string;
  /** Only where the volume is shared with other clients. */
  readonly cluster?: true;
}

export type InitFlag = keyof typeof initFlags;

/**
 * Not taken though offered: WRITEBACK_CACHE (excludes passthrough and hides remote changes of size), EXPLICIT_INVAL_DATA (leaves stale
 * zeros behind a grown file's old end), HANDLE_KILLPRIV (the second version says more), SECURITY_CTX (no labels are
 * kept), ALLOW_IDMAP, OVER_IO_URING (its requests are lost with a daemon that crashes), REQUEST_TIMEOUT (aborts the
 * whole connection).
 */
export const initFlagNames = Object.keys(initFlags) as InitFlag[];
