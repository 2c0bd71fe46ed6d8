/**
 * One thing that happened to the recorded disk. Their order is the order in which the disk did them; inode 1 is the
 * root. A sync promises what happened before it began, and only once it has ended.
 */
export type DiskEvent =
  | { kind: 'make'; parent: number; name: string; ino: number; isDirectory: boolean }
  | { kind: 'link'; parent: number; name: string; ino: number }
  /** unlink(2) and rmdir(2). */
  | { kind: 'unlink'; parent: number; name: string }
  | { kind: 'rename'; parent: number; name: string; newParent: number; newName: string; ino: number }
  | { kind: 'write'; ino: number; mtime: Mtime; offset: number; bytes: Uint8Array }
  | { kind: 'truncate'; ino: number; mtime: Mtime; size: number }
  /** The range reads as zeros from here on; the size stays. */
  | { kind: 'clear'; ino: number; mtime: Mtime; offset: number; length: number }
  /** utimensat(2). */
  | { kind: 'touch'; ino: number; mtime: Mtime }
  /**
   * Without an inode: syncfs(2). With a range: an O_SYNC or O_DSYNC write, which promises nothing but itself. With
   * `dataOnly`, as of O_DSYNC and fdatasync(2), it promises no time.
   */
  | { kind: 'syncBegin'; sync: number; ino?: number; dataOnly?: true; range?: { offset: number; length: number } }
  | { kind: 'syncEnd'; sync: number }
  /** Something that whoever uses the disk wants to find again between its events. */
  | { kind: 'mark'; text: string };

/** Seconds and nanoseconds. */
export type Mtime = readonly [number, number];

/** Marks are written, one at a time, to the file of this name in the root of the mount. It is no file of the disk. */
export const marksName = '.marks';

/** Marks that stand for syncfs(2), which the kernel keeps from a FUSE server: see `announce-syncfs.mjs`. */
export const syncAllBegins = 'syncfs begins';
export const syncAllEnds = 'syncfs ends';
