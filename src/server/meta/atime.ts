import { FS_NOATIME_FL } from '#protocol';
import type { Volume } from '../volume.ts';
import { getInode, putInode, type WallTime, wallTime } from './inode.ts';
import type { Inode } from './records.ts';

const dayInSeconds = 86_400;

/** Moves the access time as relatime does: when it is not after mtime and ctime, or a day old. Outside of a transaction. */
export function touchAtime(volume: Volume, inode: Inode): void {
  if ((inode.flags & FS_NOATIME_FL) !== 0) return;
  const now = wallTime(volume);
  if (!isAtimeDue(inode, now)) return;
  const touched = volume.store.transact((tx) => {
    const current = getInode(tx, inode.ino);
    if (current === undefined || !isAtimeDue(current, now)) return;
    current.atimeSec = now.sec;
    current.atimeNsec = now.nsec;
    putInode(tx, current);
  });
  // Reading does not wait for its trace, nor fail with it: a full disk can still be read.
  if (touched instanceof Promise) touched.catch(() => undefined);
}

function isAtimeDue(inode: Inode, now: WallTime): boolean {
  return (
    !isBefore(inode.mtimeSec, inode.mtimeNsec, inode) ||
    !isBefore(inode.ctimeSec, inode.ctimeNsec, inode) ||
    now.sec - inode.atimeSec >= dayInSeconds
  );
}

/** Whether the time lies before the inode's access time. */
function isBefore(sec: number, nsec: number, inode: Inode): boolean {
  return sec < inode.atimeSec || (sec === inode.atimeSec && nsec < inode.atimeNsec);
}
