import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import * as native from '#native';
import { fromErrno } from './status.ts';

/**
 * The file calls that Node lacks or makes slow, over the addon. Those that answer at once return a number ≥ 0, or
 * `-errno`; `check` turns the latter into a failure. Those that may wait for a disk return a promise and fail with
 * the status of the errno. `which` names the file in the message, and is turned into text only then.
 */
export {
  closeFd,
  fstat,
  fstatAt,
  fstatfs,
  lockFile,
  openAt,
  readNowait,
  readSync,
  releaseMappedPages,
  sendDatagram,
  setTimes,
  truncateSync,
  unlinkAt,
  writeSync,
} from '#native';

/** The name of a file, or what knows it. */
export type Named = string | { toString(): string };

export const AT_FDCWD = -100;
/** The nanoseconds that tell `setTimes` to leave a time. */
export const UTIME_OMIT = 0x3ffffffe;

/** Where `fstat` puts what it found; the array needs `fstatFields` elements. */
export const statField = {
  size: 0,
  blocks: 1,
  mtimeSec: 2,
  mtimeNsec: 3,
  ctimeSec: 4,
  ctimeNsec: 5,
  atimeSec: 6,
  atimeNsec: 7,
  mode: 8,
} as const;
export const fstatFields = 12;

/** Where `fstatfs` puts what it found; the array needs `fstatfsFields` elements. */
export const statfsField = { blockSize: 0, blocks: 1, free: 2, available: 3, files: 4, filesFree: 5 } as const;
export const fstatfsFields = 6;

/** Returns `result`, or fails with the status of the errno that it stands for: "`what` `which`: ENOSPC". */
export function check(result: number, what: string, which: Named): number {
  if (result < 0) throw fromErrno(-result, `${what} ${which}`);
  return result;
}

/** pread(2) until `into` is full or the file ends: bytes read. */
export function read(fd: number, into: Uint8Array, offset: number, which: Named): Promise<number> {
  return settle('read', which, (done) => native.read(fd, into, offset, done));
}

/** pwrite(2) until all is written; after a failure on the way the bytes that were: a shorter count. */
export function write(fd: number, from: Uint8Array, offset: number, which: Named): Promise<number> {
  return settle('write', which, (done) => native.write(fd, from, offset, done));
}

export function fsync(fd: number, dataOnly: boolean, which: Named): Promise<number> {
  return settle('sync', which, (done) => native.fsync(fd, dataOnly, done));
}

export function syncfs(fd: number, which: Named): Promise<number> {
  return settle('sync the file system of', which, (done) => native.syncfs(fd, done));
}

export function truncate(fd: number, size: number, which: Named): Promise<number> {
  return settle('truncate', which, (done) => native.truncate(fd, size, done));
}

export function fallocate(
  fd: number,
  mode: number,
  range: { offset: number; length: number },
  which: Named,
): Promise<number> {
  return settle('allocate', which, (done) => native.fallocate(fd, mode, range.offset, range.length, done));
}

export function seek(fd: number, offset: number, whence: 3 | 4, which: Named): Promise<number> {
  return settle('seek', which, (done) => native.seek(fd, offset, whence, done));
}

/** copy_file_range(2) until all is copied or the source ends: bytes copied. */
export function copyRange(
  from: { fd: number; offset: number },
  to: { fd: number; offset: number },
  length: number,
  which: Named,
): Promise<number> {
  return settle('copy', which, (done) => native.copyRange(from.fd, from.offset, to.fd, to.offset, length, done));
}

function settle(what: string, which: Named, start: (done: (result: number) => void) => void): Promise<number> {
  return new Promise((resolve, reject) => {
    start((result) => {
      if (result < 0) reject(fromErrno(-result, `${what} ${which}`));
      else resolve(result);
    });
  });
}

const realtime = 0;
const boottime = 7;
const time = new Float64Array(2);

/** CLOCK_REALTIME into `out`: seconds, nanoseconds. */
export function readWallClock(out: Float64Array): void {
  native.clockGetTime(realtime, out);
}

/** CLOCK_BOOTTIME in milliseconds. */
export function bootTimeMs(): number {
  native.clockGetTime(boottime, time);
  return time[0]! * 1000 + time[1]! / 1e6;
}

/**
 * Makes a directory and those above it that are missing; returns whether it was missing itself. Unlike Node's own
 * `recursive`, it ends where a directory cannot be made (/proc, where that tries for ever), with the system's reason.
 */
export function makeDirectories(path: string, mode: number): boolean {
  try {
    mkdirSync(path, { mode });
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && statSync(path).isDirectory()) return false;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
  }
  makeDirectories(dirname(path), mode);
  mkdirSync(path, { mode });
  return true;
}
