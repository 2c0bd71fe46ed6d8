import { type Clock, FsError, type Ino, type Random, rootIno } from '#base';
import { S_IFDIR } from '#protocol';
import type { KvStore } from '../kv/store.ts';
import type { Snapshot } from '../kv/transaction.ts';
import type { Volume } from '../volume.ts';
import { decodeNumber, encodeNumber, readInoLimit } from './ino-allocator.ts';
import { putInode, type WallTime } from './inode.ts';
import { inoOfKey, key } from './keys.ts';
import type { Inode } from './records.ts';
import { removeOrphan } from './release.ts';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** What a volume is, from its making on. */
export interface VolumeFacts {
  readonly formatVersion: number;
  /** Seeds the hash of names. */
  readonly hashSeed: number;
  /** 32 hexadecimal digits. */
  readonly uuid: string;
  /** From here on no inode number was given out. */
  readonly inoLimit: number;
}

/** The layout of keys and records that this program writes. */
export const formatVersion = 1;

/** Makes a new volume in an empty store: a root directory of `owner`. Fails with `exists` if there is one already. */
export async function formatVolume(
  store: KvStore,
  { clock, random }: { clock: Clock; random: Random },
  owner: Owner = { uid: 0, gid: 0 },
): Promise<void> {
  clock.readWall();
  const { wallSec: sec, wallNsec: nsec } = clock;
  const hashSeed = random.u32();
  const uuid = new Uint8Array(new Uint32Array([random.u32(), random.u32(), random.u32(), random.u32()]).buffer);
  await store.transact((tx) => {
    if (tx.get(key.volume('format')) !== undefined) throw new FsError('exists', 'the store holds a volume already');
    tx.put(key.volume('format'), encodeNumber(formatVersion));
    tx.put(key.volume('hashSeed'), encodeNumber(hashSeed));
    tx.put(key.volume('uuid'), uuid);
    tx.put(key.volume('inoLimit'), encodeNumber(rootIno + 1));
    putInode(tx, { ...emptyRoot({ sec, nsec }), ...owner });
  });
}

/** The facts of the volume in a store; undefined when the store is empty. */
export async function readVolumeFacts(store: KvStore): Promise<VolumeFacts | undefined> {
  return store.read((snapshot) => {
    const format = snapshot.get(key.volume('format'));
    if (format === undefined) return undefined;
    const version = decodeNumber(format);
    if (version > formatVersion) {
      throw new FsError(
        'notSupported',
        `the store has format ${version}, made by a newer cfs; this one knows formats up to ${formatVersion}: use the newer cfs`,
      );
    }
    const uuid = Buffer.from(requireFact(snapshot, 'uuid')).toString('hex');
    const hashSeed = decodeNumber(requireFact(snapshot, 'hashSeed'));
    return { formatVersion: version, hashSeed, uuid, inoLimit: readInoLimit(snapshot) };
  });
}

/** Removes inodes that were open without names when the last run ended. Returns how many. */
export async function removeOrphans(volume: Volume): Promise<number> {
  const orphans: Ino[] = [];
  for await (const pair of volume.store.scan(orphanPrefix)) orphans.push(inoOfKey(pair.key));
  for (const ino of orphans) await removeOrphan(volume, ino);
  return orphans.length;
}

const orphanPrefix = 'O';

function requireFact(snapshot: Snapshot, name: string): Uint8Array {
  const value = snapshot.get(key.volume(name));
  if (value === undefined) throw new FsError('corrupted', `the store has lost its ${name}; restore it from a backup`);
  return value;
}

/** A root directory of user 0 without entries. */
export function emptyRoot(now: WallTime): Inode {
  return {
    ino: rootIno,
    mode: S_IFDIR | 0o755,
    uid: 0,
    gid: 0,
    nlink: 2,
    rdev: 0,
    flags: 0,
    traits: 0,
    size: 0,
    blocks: 0,
    parent: rootIno,
    cookie: 0,
    dataVersion: 1,
    atimeSec: now.sec,
    atimeNsec: now.nsec,
    mtimeSec: now.sec,
    mtimeNsec: now.nsec,
    ctimeSec: now.sec,
    ctimeNsec: now.nsec,
    btimeSec: now.sec,
    btimeNsec: now.nsec,
  };
}
