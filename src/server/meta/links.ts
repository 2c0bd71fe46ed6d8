import { FsError, type Ino } from '#base';
import type { Attributes } from '#protocol';
import type { Snapshot, Transaction } from '../kv/transaction.ts';
import type { Volume } from '../volume.ts';
import { destroyInode } from './destroy.ts';
import { putInode, touchCtime, type WallTime } from './inode.ts';
import { key, readU64, u64 } from './keys.ts';
import { type Inode, trait } from './records.ts';

/**
 * Which names an inode has. The record holds one; from the second on, `L` keys hold all of them, and go on doing so
 * when only one is left. None of these functions writes the record unless it says so.
 */
export interface Place {
  readonly parent: Ino;
  readonly cookie: number;
}

const noValue = new Uint8Array(0);
const noIno = 0 as Ino;

/** Counts one more name of something that is no directory. */
export function addLink(tx: Transaction, inode: Inode, place: Place): void {
  if (inode.nlink === 0) {
    setPlace(inode, place);
  } else if ((inode.traits & trait.links) === 0) {
    inode.traits |= trait.links;
    tx.put(key.link(inode.ino, inode.parent, inode.cookie), noValue);
  }
  if ((inode.traits & trait.links) !== 0) tx.put(key.link(inode.ino, place.parent, place.cookie), noValue);
  inode.nlink += 1;
}

/** One of the inode's names is somewhere else now. */
export function moveLink(tx: Transaction, inode: Inode, from: Place, to: Place): void {
  if ((inode.traits & trait.links) !== 0) {
    tx.delete(key.link(inode.ino, from.parent, from.cookie));
    tx.put(key.link(inode.ino, to.parent, to.cookie), noValue);
  }
  if (isAt(inode, from)) setPlace(inode, to);
}

/**
 * One name of something that is no directory is gone: writes its record, or removes the inode when that was the last
 * name, and then returns what it was; one that is open becomes an orphan.
 */
export function dropLink(
  volume: Volume,
  tx: Transaction,
  inode: Inode,
  place: Place,
  now: WallTime,
): Attributes | undefined {
  inode.nlink -= 1;
  touchCtime(inode, now);
  if ((inode.traits & trait.links) !== 0) tx.delete(key.link(inode.ino, place.parent, place.cookie));
  if (inode.nlink === 0) {
    if (!volume.opens.has(inode.ino)) {
      return destroyInode(volume, tx, inode);
    }
    makeOrphan(volume, tx, inode, place.parent);
  } else if (isAt(inode, place)) {
    setPlace(inode, someLink(tx, inode));
  }
  putInode(tx, inode);
  return undefined;
}

/**
 * An inode without names that is still open; remembers the directory of its last name, or in which it was made, for
 * those who may see only a part of the volume. The record is not written.
 */
export function makeOrphan(volume: Volume, tx: Transaction, inode: Inode, directory: Ino): void {
  inode.nlink = 0;
  inode.parent = noIno;
  inode.cookie = 0;
  tx.put(key.orphan(inode.ino), Buffer.from(u64(directory), 'latin1'));
  // Too many in there do no harm, when this is rolled back.
  volume.mayBeOrphans.add(inode.ino);
}

/** The directory that the value of an orphan's key names. */
export function placeOfOrphan(value: Uint8Array): Ino {
  return readU64(Buffer.from(value).toString('latin1'), 0) as Ino;
}

export function setPlace(inode: Inode, place: Place): void {
  inode.parent = place.parent;
  inode.cookie = place.cookie;
}

function isAt(inode: Inode, place: Place): boolean {
  return inode.cookie === place.cookie && inode.parent === place.parent;
}

function someLink(snapshot: Snapshot, inode: Inode): Place {
  const prefix = key.links(inode.ino);
  const pair = snapshot.list(prefix, prefix, 1)[0];
  if (pair === undefined) throw new FsError('corrupted', `inode ${inode.ino}: its other names are lost; run cfs fsck`);
  return placeOfLinkKey(pair.key);
}

export function placeOfLinkKey(linkKey: string): Place {
  return { parent: readU64(linkKey, 9) as Ino, cookie: readU64(linkKey, 17) };
}
