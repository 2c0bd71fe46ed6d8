import { type Clock, FsError, type Ino, type Random } from '#base';
import type { BlobStat } from './blob/blob-store.ts';
import { check } from './meta/check.ts';
import type { Contradiction } from './meta/contradiction.ts';
import { putInode, requireInode } from './meta/inode.ts';
import { inoOfKey } from './meta/keys.ts';
import { decodeInode, trait } from './meta/records.ts';
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
 * back in /lost+found, a blob without an inode is removed, a file whose blob is gone or short keeps what is there.
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
    const meta = await checkMetadata(volume, options.repair);
    const blobs = await checkBlobs(volume, options.repair);
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
  const expected = await inodesWithBlobs(volume);
  let count = 0;
  for await (const id of volume.blobs.list()) {
    count += 1;
    const ino = id as Ino;
    const size = expected.get(ino);
    expected.delete(ino);
    const problem = size === undefined ? strayBlob(ino) : await compare(ino, size, await volume.blobs.stat(id));
    if (problem === undefined) continue;
    if (mend) await mendBlob(volume, problem);
    problems.push({ ...problem, repaired: mend });
  }
  for (const ino of expected.keys()) {
    const problem = { ino, kind: 'lostBlob', message: `inode ${ino}: the blob with its content is gone` } as const;
    if (mend) await mendBlob(volume, problem);
    problems.push({ ...problem, repaired: mend });
  }
  await volume.store.flush();
  return { count, problems };
}

interface BlobProblem {
  readonly ino: Ino;
  readonly kind: 'strayBlob' | 'lostBlob' | 'wrongSize';
  readonly message: string;
}

function strayBlob(ino: Ino): BlobProblem {
  return { ino, kind: 'strayBlob', message: `blob ${ino} belongs to no file` };
}

function compare(ino: Ino, size: number, stat: BlobStat): BlobProblem | undefined {
  if (stat.size === size) return undefined;
  return { ino, kind: 'wrongSize', message: `inode ${ino}: its size is ${size}, its blob has ${stat.size} bytes` };
}

async function mendBlob(volume: ServedVolume, { ino, kind }: BlobProblem): Promise<void> {
  if (kind === 'strayBlob') return void (await volume.blobs.remove(ino));
  const stat = kind === 'wrongSize' ? await volume.blobs.stat(ino) : undefined;
  await volume.store.transact((tx) => {
    const inode = requireInode(tx, ino);
    inode.size = stat?.size ?? 0;
    inode.blocks = stat?.blocks ?? 0;
    if (stat === undefined) inode.traits &= ~trait.blob;
    inode.dataVersion += 1;
    putInode(tx, inode);
  });
}

/** The size of each file whose content is in a blob. Records that do not decode are the metadata check's to tell. */
async function inodesWithBlobs(volume: ServedVolume): Promise<Map<Ino, number>> {
  const sizes = new Map<Ino, number>();
  for await (const { key, value } of volume.store.scan('I')) {
    const ino = inoOfKey(key);
    try {
      const inode = decodeInode(ino, value);
      if ((inode.traits & trait.blob) !== 0) sizes.set(ino, inode.size);
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
    }
  }
  return sizes;
}
