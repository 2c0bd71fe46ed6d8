import { type Clock, FsError, type Ino, rootIno } from '#base';
import { S_IFDIR, superuser } from '#protocol';
import type { KvStore } from '../kv/store.ts';
import type { Transaction } from '../kv/transaction.ts';
import { check } from './check.ts';
import type { Contradiction } from './contradiction.ts';
import { addDentry, dentrySlot, removeNameFromBucket, retypeNameInBucket } from './dentry.ts';
import { emptyRoot } from './format.ts';
import { encodeNumber, readInoLimit } from './ino-allocator.ts';
import { getInode, putInode, requireNamed, type WallTime } from './inode.ts';
import { key } from './keys.ts';
import { newInode } from './new-inode.ts';
import type { Inode } from './records.ts';

/** What one pass mends can bring to light what it hid; a store that is not sound after so many passes never will be. */
const passesMax = 8;
const lostAndFound = 'lost+found';
const noValue = new Uint8Array(0);

export interface RepairContext {
  readonly hashSeed: number;
  readonly clock: Clock;
}

/**
 * Mends what `check` finds in a volume that nobody uses, pass by pass. Nothing that has content is thrown away: an
 * inode that lost its name gets one in /lost+found. Returns what was mended and what could not be.
 */
export async function repair(
  store: KvStore,
  context: RepairContext,
): Promise<{ mended: Contradiction[]; left: Contradiction[] }> {
  const mended: Contradiction[] = [];
  for (let pass = 0; pass < passesMax; pass++) {
    const { found } = await check(store, context.hashSeed);
    const mendable = found.filter(isMendable);
    if (mendable.length === 0) return { mended, left: found };
    // A name for a find may need a new inode number.
    mendable.sort((a, b) => Number(b.kind === 'wrongInoLimit') - Number(a.kind === 'wrongInoLimit'));
    for (const contradiction of mendable) await mend(store, context, contradiction);
    mended.push(...mendable);
    await store.flush();
  }
  return { mended, left: (await check(store, context.hashSeed)).found };
}

function isMendable(contradiction: Contradiction): boolean {
  // What a broken record or a lost target held cannot be guessed. Names of a broken bucket come back by /lost+found.
  if (contradiction.kind === 'unreadable') return !contradiction.key.startsWith('I');
  return contradiction.kind !== 'lostTarget';
}

async function mend(store: KvStore, context: RepairContext, contradiction: Contradiction): Promise<void> {
  context.clock.readWall();
  const now = { sec: context.clock.wallSec, nsec: context.clock.wallNsec };
  await store.transact((tx) => mendIn(tx, contradiction, { hashSeed: context.hashSeed, now }));
}

interface Mending {
  readonly hashSeed: number;
  readonly now: WallTime;
}

function mendIn(tx: Transaction, contradiction: Contradiction, mending: Mending): void {
  switch (contradiction.kind) {
    case 'unreadable':
    case 'stray':
      tx.delete(contradiction.key);
      break;
    case 'missingMark':
      tx.put(contradiction.key, noValue);
      break;
    case 'falseName':
      removeNameFromBucket(tx, contradiction.key, contradiction.name);
      break;
    case 'wrongType':
      retypeNameInBucket(tx, contradiction.key, contradiction);
      break;
    case 'wrongRecord':
      correctRecord(tx, contradiction.ino, contradiction.right);
      break;
    case 'nameless':
      giveName(tx, contradiction.ino, mending);
      break;
    case 'lostRoot':
      putInode(tx, emptyRoot(mending.now));
      break;
    case 'wrongInoLimit':
      tx.put(key.volume('inoLimit'), encodeNumber(contradiction.limit));
      break;
    case 'lostTarget':
      break;
  }
}

function correctRecord(tx: Transaction, ino: Ino, right: Partial<Inode>): void {
  const inode = getInode(tx, ino);
  if (inode !== undefined) putInode(tx, Object.assign(inode, right));
}

/** Counts of what is named and of the directory are the next pass's to correct. */
function giveName(tx: Transaction, ino: Ino, mending: Mending): void {
  const inode = requireNamed(tx, ino);
  const directory = lostAndFoundIn(tx, mending);
  const slot = dentrySlot(tx, mending, directory, `#${ino}`);
  if (slot.entry === undefined) addDentry(tx, slot, ino, inode.mode);
}

/** The directory for finds, made when there is none. */
function lostAndFoundIn(tx: Transaction, { hashSeed, now }: Mending): Ino {
  const slot = dentrySlot(tx, { hashSeed }, rootIno, lostAndFound);
  if (slot.entry !== undefined) {
    if (slot.entry.type === S_IFDIR) return slot.entry.ino;
    throw new FsError('exists', `/${lostAndFound} is no directory: move it away, then run cfs fsck --repair again`);
  }
  const root = requireNamed(tx, rootIno);
  const ino = takeIno(tx);
  const made = newInode(tx, root, { ino, mode: S_IFDIR | 0o700, umask: 0, rdev: 0, caller: superuser }, now);
  made.nlink = 2;
  made.parent = rootIno;
  made.cookie = addDentry(tx, slot, ino, made.mode);
  putInode(tx, made);
  return ino;
}

/** A new number when no allocator is at work. */
function takeIno(tx: Transaction): Ino {
  const ino = readInoLimit(tx);
  tx.put(key.volume('inoLimit'), encodeNumber(ino + 1));
  return ino as Ino;
}
