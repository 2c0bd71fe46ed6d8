import type { Transaction } from '../kv/transaction.ts';
import { refreshSlot, replaceDentry } from './dentry.ts';
import { isDirectory, putInode, touchCtime, type WallTime } from './inode.ts';
import { moveLink, setPlace } from './links.ts';
import type { RenameSide } from './rename-side.ts';

/** RENAME_EXCHANGE: two names change meanings; each keeps its cookie. */
export function exchange(tx: Transaction, source: RenameSide, target: RenameSide, now: WallTime): void {
  const first = source.inode!;
  const second = target.inode!;
  const firstPlace = { parent: source.directory.ino, cookie: source.slot.entry!.cookie };
  const secondPlace = { parent: target.directory.ino, cookie: target.slot.entry!.cookie };
  replaceDentry(tx, source.slot, second.ino, second.mode);
  if (target.slot.key === source.slot.key) refreshSlot(tx, target.slot);
  replaceDentry(tx, target.slot, first.ino, first.mode);
  if (isDirectory(first.mode)) {
    setPlace(first, secondPlace);
    source.directory.nlink -= 1;
    target.directory.nlink += 1;
  } else {
    moveLink(tx, first, firstPlace, secondPlace);
  }
  if (isDirectory(second.mode)) {
    setPlace(second, firstPlace);
    target.directory.nlink -= 1;
    source.directory.nlink += 1;
  } else {
    moveLink(tx, second, secondPlace, firstPlace);
  }
  touchCtime(first, now);
  touchCtime(second, now);
  putInode(tx, first);
  putInode(tx, second);
}
