import { type Clock, FsError, type Ino, type Random, rootIno } from '#base';
import { S_IFREG } from '#protocol';
import type { BlobStat } from './blob/blob-store.ts';
import { check } from './meta/check.ts';
import type { Contradiction } from './meta/contradiction.ts';
import { getInode, putInode } from './meta/inode.ts';
import { inoOfKey } from './meta/keys.ts';
import { decodeInode, type Inode, trait } from './meta/records.ts';
import { repair } from './meta/repair.ts';
import type { ServedVolume } from './open-volume.ts';
import { openLocalVolume, takeStoreDirectory } from './store-directory.ts';

/** What `cfs fsck` found. */
export interface StoreReport {
  readonly inodes: number;
  readonly blobs: number;
  readonly problems: readonly StoreProblem[];
}
export interface StoreProblem {
  readonly ino: Ino;
  readonly kind: string;
  readonly message: string;
  readonly repaired: boolean;
}

/**
 * Checks a store that nobody has open: metadata against itself, then metadata and blobs against each other. What a
 * crash left is recovered first, as a mount would. With `repair` what is found is mended: a name that is lost comes
 * back in /lost+found, and so does a blob without an inode; a file whose blob is gone or short keeps what is there.
 * Fails as `openLocalVolume` does.
 */
export async function checkStore(
  path: string,
  machine: { clock: Clock; random: Random },
  options: { repair: boolean },
): Promise<StoreReport> {
  // A check must not make a store where there is none.
  (await takeStoreDirectory(path, { make: false })).close();
  const { volume, close } = await openLocalVolume(path, machine);
  try {
    // Blobs first: one that lost its inode gets a new one, to which the repair of the metadata gives a name.
    const blobs = await checkBlobs(volume, options.repair);
    const meta = await checkMetadata(volume, options.repair);
    return { inodes: meta.inodes, blobs: blobs.count, problems: [...meta.problems, ...blobs.problems] };
  } finally {
    await close();
  }
}

async function checkMetadata(
  volume: ServedVolume,
  mend: boolean,
): Promise<{ inodes: number; problems: StoreProblem[] }> {
  const { inodes, found } = await check(volume.store, volume.hashSeed);
  if (found.length === 0 || !mend) return { inodes, problems: found.map((one) => problemOf(one, false)) };
  const { mended, left } = await repair(volume.store, volume);
  return {
    inodes,
    problems: [...mended.map((one) => problemOf(one, true)), ...left.map((one) => problemOf(one, false))],
  };
}

function problemOf({ ino, kind, message }: Contradiction, repaired: boolean): StoreProblem {
  return { ino, kind, message, repaired };
}

async function checkBlobs(volume: ServedVolume, mend: boolean): Promise<{ count: number; problems: StoreProblem[] }> {
  const problems: StoreProblem[] = [];
  const { expected, kept } = await inodesWithBlobs(volume);
  let count = 0;
  const tell = async (problem: BlobProblem): Promise<void> => {
    if (mend) await mendBlob(volume, problem);
    problems.push({ ino: problem.ino, kind: problem.kind, message: problem.message, repaired: mend });
  };
  for await (const id of volume.blobs.list()) {
    count += 1;
    const ino = id as Ino;
    const size = expected.get(ino);
    expected.delete(ino);
    if (size === undefined && kept.has(ino)) continue;
    const stat = await volume.blobs.stat(id);
    // Bytes behind the size are of a write whose record a crash took away: nobody sees them.
    if (size === undefined || stat.size < size) await tell(problemOfBlob(ino, size, stat));
  }
  for (const ino of expected.keys()) {
    await tell({ ino, kind: 'lostBlob', message: `inode ${ino}: the blob with its content is gone`, stat: undefined });
  }
  await volume.store.flush();
  return { count, problems };
}

interface BlobProblem {
  readonly ino: Ino;
  readonly kind: 'strayBlob' | 'lostBlob' | 'shortBlob';
  readonly message: string;
  readonly stat: BlobStat | undefined;
}

function problemOfBlob(ino: Ino, size: number | undefined, stat: BlobStat): BlobProblem {
  if (size === undefined) {
    return { ino, kind: 'strayBlob', message: `blob ${ino} of ${stat.size} bytes belongs to no file`, stat };
  }
  const message = `inode ${ino}: its size is ${size}, its blob has only ${stat.size} bytes`;
  return { ino, kind: 'shortBlob', message, stat };
}

async function mendBlob(volume: ServedVolume, { ino, stat }: BlobProblem): Promise<void> {
  const isUnused = await volume.store.transact((tx) => {
    const inode = getInode(tx, ino);
    if (inode === undefined) putInode(tx, foundFile(ino, stat!));
    else if ((inode.traits & trait.blob) === 0) return true;
    else putInode(tx, followed(inode, stat));
    return false;
  });
  // The inode has its content inline: the blob was made before a crash for a record that did not become durable.
  if (isUnused) await volume.blobs.remove(ino);
}

/** The record follows the blob: no program must take zeros for what it wrote. */
function followed(inode: Inode, stat: BlobStat | undefined): Inode {
  const traits = stat === undefined ? inode.traits & ~trait.blob : inode.traits;
  const { dataVersion } = inode;
  return { ...inode, traits, size: stat?.size ?? 0, blocks: stat?.blocks ?? 0, dataVersion: dataVersion + 1 };
}

/** A new inode, root's alone, for content that has lost its own. */
function foundFile(ino: Ino, { size, blocks, mtime, atime }: BlobStat): Inode {
  return {
    ino,
    mode: S_IFREG | 0o600,
    uid: 0,
    gid: 0,
    nlink: 1,
    rdev: 0,
    flags: 0,
    traits: trait.blob,
    size,
    blocks,
    parent: rootIno,
    cookie: 0,
    dataVersion: 1,
    atimeSec: atime.sec,
    atimeNsec: atime.nsec,
    mtimeSec: mtime.sec,
    mtimeNsec: mtime.nsec,
    ctimeSec: mtime.sec,
    ctimeNsec: mtime.nsec,
    btimeSec: mtime.sec,
    btimeNsec: mtime.nsec,
  };
}

/**
 * The size of each file whose content is in a blob, and the blobs that are left alone: those that are to be removed
 * anyway, and those of records that do not decode, of which the metadata's check tells.
 */
async function inodesWithBlobs(volume: ServedVolume): Promise<{ expected: Map<Ino, number>; kept: Set<Ino> }> {
  const expected = new Map<Ino, number>();
  const kept = new Set<Ino>();
  for await (const { key } of volume.store.scan('F')) kept.add(inoOfKey(key));
  for await (const { key, value } of volume.store.scan('I')) {
    const ino = inoOfKey(key);
    try {
      const inode = decodeInode(ino, value);
      if ((inode.traits & trait.blob) !== 0) expected.set(ino, inode.size);
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      kept.add(ino);
    }
  }
  return { expected, kept };
}
