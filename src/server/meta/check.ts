import { type Ino, rootIno } from '#base';
import type { KvStore } from '../kv/store.ts';
import { decodeSession } from '../session/session-record.ts';
import { BelongingsCheck } from './check-belongings.ts';
import { checkNames } from './check-names.ts';
import type { CheckState } from './check-state.ts';
import type { CheckedInode, Contradiction } from './contradiction.ts';
import { emptyRoot } from './format.ts';
import { decodeNumber } from './ino-allocator.ts';
import { isDirectory } from './inode.ts';
import { inoOfKey, key } from './keys.ts';
import type { Place } from './links.ts';
import { decodeInode, type Inode } from './records.ts';

/** Walks all of the metadata of a volume that nobody changes meanwhile. Whole inodes stay in memory. */
export async function check(store: KvStore, hashSeed: number): Promise<{ inodes: number; found: Contradiction[] }> {
  const found: Contradiction[] = [];
  const state: CheckState = {
    store,
    hashSeed,
    inodes: new Map(),
    unreadable: new Set(),
    report: (ino, message, fault) => void found.push({ ino, message, ...fault }),
  };
  await readInodes(state);
  await checkNames(state);
  const belongings = new BelongingsCheck(state);
  await belongings.run();
  for (const checked of state.inodes.values()) checkInode(state, checked);
  await checkInoLimit(state);
  await checkSessions(state);
  return { inodes: state.inodes.size, found };
}

async function readInodes({ store, inodes, unreadable, report }: CheckState): Promise<void> {
  for await (const pair of store.scan('I')) {
    const ino = inoOfKey(pair.key);
    try {
      inodes.set(ino, { inode: decodeInode(ino, pair.value), names: [], entries: 0, subdirectories: 0 });
    } catch (error) {
      unreadable.add(ino);
      report(ino, (error as Error).message, { kind: 'unreadable', key: pair.key });
    }
  }
  const root = inodes.get(rootIno);
  if (root !== undefined && isDirectory(root.inode.mode)) return;
  report(rootIno, 'the root directory is lost', { kind: 'lostRoot' });
  // Its names are still there: what follows takes them for the new root's.
  unreadable.delete(rootIno);
  inodes.set(rootIno, { inode: emptyRoot({ sec: 0, nsec: 0 }), names: [], entries: 0, subdirectories: 0 });
}

/** The record of an inode against its names and entries. */
function checkInode(state: CheckState, checked: CheckedInode): void {
  const { inode, names } = checked;
  const { ino } = inode;
  if (names.length === 0 && ino !== rootIno && inode.nlink > 0) {
    const directory = isDirectory(inode.mode);
    state.report(ino, `inode ${ino} has no name and counts ${inode.nlink}`, { kind: 'nameless', directory });
    return;
  }
  const right = isDirectory(inode.mode) ? rightOfDirectory(checked) : rightOfOther(checked);
  const wrong = Object.entries(right).filter(([field, value]) => inode[field as keyof Inode] !== value);
  if (wrong.length === 0) return;
  const told = wrong.map(([field, value]) => `${field} is ${inode[field as keyof Inode]}, not ${value}`).join(', ');
  state.report(ino, `inode ${ino}: ${told}`, { kind: 'wrongRecord', right: Object.fromEntries(wrong) });
}

function rightOfDirectory({ inode, names, entries, subdirectories }: CheckedInode): Partial<Inode> {
  const right = { nlink: 2 + subdirectories, size: entries };
  const place = inode.ino === rootIno ? { parent: rootIno, cookie: 0 } : names[0];
  return place === undefined ? right : { ...right, parent: place.parent, cookie: place.cookie };
}

function rightOfOther({ inode, names }: CheckedInode): Partial<Inode> {
  const placed = names.length === 0 || names.some((place) => isSame(place, inode));
  return placed ? { nlink: names.length } : { nlink: names.length, ...names[0] };
}

function isSame(place: Place, { parent, cookie }: Inode): boolean {
  return place.parent === parent && place.cookie === cookie;
}

/** A session whose record is lost cannot go on; its client begins another. */
async function checkSessions({ store, report }: CheckState): Promise<void> {
  for await (const pair of store.scan('S')) {
    const session = inoOfKey(pair.key);
    try {
      decodeSession(session, pair.value);
    } catch (error) {
      report(rootIno, (error as Error).message, { kind: 'unreadable', key: pair.key });
    }
  }
}

async function checkInoLimit({ store, inodes, report }: CheckState): Promise<void> {
  let largest: number = rootIno;
  for (const ino of inodes.keys()) largest = Math.max(largest, ino);
  const stored = await store.read((snapshot) => snapshot.get(key.volume('inoLimit')));
  const limit = stored === undefined ? 0 : decodeNumber(stored);
  if (limit > largest) return;
  const message = `inode numbers up to ${largest} are in use, and only those below ${limit} are reserved`;
  report(largest as Ino, message, { kind: 'wrongInoLimit', limit: largest + 1 });
}
