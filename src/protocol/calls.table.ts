import type { CallName } from './calls.ts';

/**
 * One row per call: its number on the wire (never reused), and whether a repeated call does no harm. One that is
 * not idempotent carries session, slot and sequence, and a repetition gets the stored reply.
 */
export const calls = {
  lookup: { code: 1, idempotent: true },
  make: { code: 2, idempotent: false },
  makeUnnamed: { code: 3, idempotent: false },
  link: { code: 4, idempotent: false },
  unlink: { code: 5, idempotent: false },
  rmdir: { code: 6, idempotent: false },
  rename: { code: 7, idempotent: false },
  readdir: { code: 8, idempotent: true },
  readlink: { code: 9, idempotent: true },
  getattr: { code: 10, idempotent: true },
  setattr: { code: 11, idempotent: false },
  access: { code: 12, idempotent: true },
  getxattr: { code: 13, idempotent: true },
  listxattr: { code: 14, idempotent: true },
  setxattr: { code: 15, idempotent: false },
  removexattr: { code: 16, idempotent: false },
  setflags: { code: 17, idempotent: false },
  open: { code: 18, idempotent: false },
  opendir: { code: 19, idempotent: true },
  release: { code: 20, idempotent: false },
  read: { code: 21, idempotent: true },
  write: { code: 22, idempotent: false },
  fallocate: { code: 23, idempotent: false },
  seek: { code: 24, idempotent: true },
  copyRange: { code: 25, idempotent: false },
  fsync: { code: 26, idempotent: true },
  statfs: { code: 27, idempotent: true },
} as const satisfies Record<CallName, { code: number; idempotent: boolean }>;
