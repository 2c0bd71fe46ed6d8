/**
 * Every way an operation can fail, once. `code` goes over the wire and is never reused; `errno` is what Linux calls
 * it (asm-generic/errno.h); `retry` tells a client what a failed call may do: `never`, `always` (nothing was done),
 * or `ifIdempotent` (it may have been done).
 */
export const statuses = {
  notPermitted: { code: 1, errno: 1, name: 'EPERM', retry: 'never' },
  notFound: { code: 2, errno: 2, name: 'ENOENT', retry: 'never' },
  interrupted: { code: 3, errno: 4, name: 'EINTR', retry: 'never' },
  io: { code: 4, errno: 5, name: 'EIO', retry: 'never' },
  noSuchAddress: { code: 5, errno: 6, name: 'ENXIO', retry: 'never' },
  badHandle: { code: 6, errno: 9, name: 'EBADF', retry: 'never' },
  wouldBlock: { code: 7, errno: 11, name: 'EAGAIN', retry: 'never' },
  noMemory: { code: 8, errno: 12, name: 'ENOMEM', retry: 'never' },
  accessDenied: { code: 9, errno: 13, name: 'EACCES', retry: 'never' },
  busy: { code: 10, errno: 16, name: 'EBUSY', retry: 'never' },
  exists: { code: 11, errno: 17, name: 'EEXIST', retry: 'never' },
  crossDevice: { code: 12, errno: 18, name: 'EXDEV', retry: 'never' },
  notDirectory: { code: 13, errno: 20, name: 'ENOTDIR', retry: 'never' },
  isDirectory: { code: 14, errno: 21, name: 'EISDIR', retry: 'never' },
  invalid: { code: 15, errno: 22, name: 'EINVAL', retry: 'never' },
  tooManyOpenSystem: { code: 16, errno: 23, name: 'ENFILE', retry: 'never' },
  tooManyOpen: { code: 17, errno: 24, name: 'EMFILE', retry: 'never' },
  notTypewriter: { code: 18, errno: 25, name: 'ENOTTY', retry: 'never' },
  textBusy: { code: 19, errno: 26, name: 'ETXTBSY', retry: 'never' },
  fileTooLarge: { code: 20, errno: 27, name: 'EFBIG', retry: 'never' },
  noSpace: { code: 21, errno: 28, name: 'ENOSPC', retry: 'never' },
  readOnly: { code: 22, errno: 30, name: 'EROFS', retry: 'never' },
  tooManyLinks: { code: 23, errno: 31, name: 'EMLINK', retry: 'never' },
  range: { code: 24, errno: 34, name: 'ERANGE', retry: 'never' },
  deadlock: { code: 25, errno: 35, name: 'EDEADLK', retry: 'never' },
  nameTooLong: { code: 26, errno: 36, name: 'ENAMETOOLONG', retry: 'never' },
  noLocks: { code: 27, errno: 37, name: 'ENOLCK', retry: 'never' },
  notImplemented: { code: 28, errno: 38, name: 'ENOSYS', retry: 'never' },
  notEmpty: { code: 29, errno: 39, name: 'ENOTEMPTY', retry: 'never' },
  tooManySymlinks: { code: 30, errno: 40, name: 'ELOOP', retry: 'never' },
  noData: { code: 31, errno: 61, name: 'ENODATA', retry: 'never' },
  overflow: { code: 32, errno: 75, name: 'EOVERFLOW', retry: 'never' },
  notSupported: { code: 33, errno: 95, name: 'EOPNOTSUPP', retry: 'never' },
  timedOut: { code: 34, errno: 110, name: 'ETIMEDOUT', retry: 'ifIdempotent' },
  stale: { code: 35, errno: 116, name: 'ESTALE', retry: 'never' },
  quotaExceeded: { code: 36, errno: 122, name: 'EDQUOT', retry: 'never' },
  cancelled: { code: 37, errno: 4, name: 'EINTR', retry: 'never' },
  argumentTooLong: { code: 38, errno: 7, name: 'E2BIG', retry: 'never' },
  /** The connection broke with the call under way. */
  disconnected: { code: 39, errno: 5, name: 'EIO', retry: 'ifIdempotent' },
  /** Another writer got there first; nothing was done. */
  conflict: { code: 40, errno: 11, name: 'EAGAIN', retry: 'always' },
  /** What is stored contradicts itself: a torn page, a bad checksum, a record that does not decode. */
  corrupted: { code: 41, errno: 117, name: 'EUCLEAN', retry: 'never' },
  /** Nothing was done: the decision needs the caller's groups and capabilities, which the call did not bring. */
  needsIdentity: { code: 42, errno: 1, name: 'EPERM', retry: 'always' },
} as const satisfies Record<string, StatusRow>;

interface StatusRow {
  readonly code: number;
  readonly errno: number;
  readonly name: string;
  readonly retry: 'never' | 'always' | 'ifIdempotent';
}
