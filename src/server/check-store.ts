import { type Clock, FsError, type Ino, type Random, rootIno, SystemClock, SystemRandom } from '#base';
import { S_IFREG } from '#protocol';
import type { BlobStat } from './blob/blob-store.ts';
import { LocalBlobStore } from './blob/local.ts';
import { isInBlob } from './data/content.ts';
import { LmdbEngine } from './kv/lmdb.ts';
import { KvStore } from './kv/store.ts';
import { check } from './meta/check.ts';
import { readVolumeFacts } from './meta/format.ts';
import { getInode, putInode } from './meta/inode.ts';
import { inoOfKey, key } from './meta/keys.ts';
import { decodeInode, type Inode, trait } from './meta/records.ts';
import { repair } from './meta/repair.ts';
import { openVolume } from './open-volume.ts';
import { takeStoreDirectory } from './store-directory.ts';

export interface StoreReport {
  readonly inodes: number;
  readonly blobs: number;
  readonly problems: StoreProblem[];
}
export interface StoreProblem {
  readonly message: string;
  readonly repaired: boolean;
}

/**
 * Checks metadata and blobs of the store at `path` against each other while nobody has it open; with `repair`, mends
 * what can be mended, after the recovery that a mount would do. Fails with `busy`, `notFound`, `notSupported`,
 * `corrupted`, and as the system does.
 */
export async function checkStore(
  path: string,
  options: { repair: boolean },
  machine: { clock: Clock; random: Random } = { clock: new SystemClock(), random: new SystemRandom() },
): Promise<StoreReport> {
  const directory = await takeStoreDirectory(path, { make: false });
  const { metaPath, blobsPath } = directory;
  try {
    if (options.repair) {
      const parts = { engine: await LmdbEngine.open(metaPath), blobs: new LocalBlobStore(blobsPath), ...machine };
      await (await openVolume(parts)).close();
    }
    const store = new KvStore(await LmdbEngine.open(metaPath), machine.clock);
    const blobs = new LocalBlobStore(blobsPath);
    try {
      return await examine(store, blobs, { ...machine, repair: options.repair, path });
    } finally {
      await store.close();
      await blobs.close();
    }
  } finally {
    directory.close();
  }
}

interface Examination {
  readonly path: string;
  readonly repair: boolean;
  readonly clock: Clock;
}

async function examine(store: KvStore, blobs: LocalBlobStore, how: Examination): Promise<StoreReport> {
  const facts = await readVolumeFacts(store);
  if (facts === undefined)
    throw new FsError('corrupted', `the store ${how.path} has lost its metadata: restore a backup`);
  // Blobs first: a blob that lost its inode gets a new one, which the metadata's repair then gives a name.
  const content = new ContentCheck(store, blobs, how);
  await content.run();
  const context = { hashSeed: facts.hashSeed, clock: how.clock };
  const { mended, left } = how.repair
    ? await repair(store, context)
    : { mended: [], left: (await check(store, facts.hashSeed)).found };
  const problems = [
    ...content.problems,
    ...mended.map(({ message }) => ({ message, repaired: true })),
    ...left.map(({ message }) => ({ message, repaired: false })),
  ];
  const { inodes } = await check(store, facts.hashSeed);
  return { inodes, blobs: content.blobs, problems };
}

/** Blobs against the records that name them. */
class ContentCheck {
  readonly problems: StoreProblem[] = [];
  blobs = 0;
  readonly #store: KvStore;
  readonly #blobs: LocalBlobStore;
  readonly #how: Examination;

  constructor(store: KvStore, blobs: LocalBlobStore, how: Examination) {
    this.#store = store;
    this.#blobs = blobs;
    this.#how = how;
  }

  async run(): Promise<void> {
    const found = new Set<number>();
    for await (const id of this.#blobs.list()) found.add(id);
    this.blobs = found.size;
    for await (const pair of this.#store.scan('I')) {
      const inode = readable(inoOfKey(pair.key), pair.value);
      // Of an unreadable record the metadata's check speaks; its blob is kept.
      if (inode === undefined) found.delete(inoOfKey(pair.key));
      else if (isInBlob(inode)) await this.#checkNamed(inode, found.delete(inode.ino));
    }
    for (const id of found) await this.#checkUnnamed(id as Ino);
    await this.#store.flush();
  }

  async #checkNamed(inode: Inode, isThere: boolean): Promise<void> {
    const { ino, size } = inode;
    const marked = await this.#store.read((snapshot) => snapshot.get(key.lent(ino)) !== undefined);
    // What was not synced at a crash is put right by the next start.
    if (marked) return;
    const stat = isThere ? await this.#blobs.stat(ino) : undefined;
    if (stat !== undefined && stat.size >= size) return;
    const end = stat === undefined ? 'is missing' : `ends at ${stat.size} bytes`;
    const message = `inode ${ino}: its blob ${end}, and the file at ${size}; what is missing is lost, look for a backup`;
    await this.#report(message, () => this.#follow(ino, stat));
  }

  /** The record follows the blob: a program must not take zeros for what it wrote. */
  async #follow(ino: Ino, stat: BlobStat | undefined): Promise<void> {
    await this.#store.transact((tx) => {
      const inode = getInode(tx, ino);
      if (inode === undefined) return;
      inode.size = stat?.size ?? 0;
      inode.blocks = stat?.blocks ?? 0;
      inode.dataVersion += 1;
      if (stat === undefined) inode.traits &= ~trait.blob;
      putInode(tx, inode);
    });
  }

  async #checkUnnamed(ino: Ino): Promise<void> {
    const { inode, isFreed } = await this.#store.read((tx) => ({
      inode: getInode(tx, ino),
      isFreed: tx.get(key.freed(ino)) !== undefined,
    }));
    if (isFreed) return;
    if (inode !== undefined) {
      await this.#report(`inode ${ino} lies inline and has a blob too`, async () => this.#blobs.remove(ino));
      return;
    }
    const stat = await this.#blobs.stat(ino);
    const message = `blob ${ino} of ${stat.size} bytes belongs to no inode`;
    await this.#report(message, () => this.#adopt(ino, stat));
  }

  /** A file of nobody but root, that the repair of the metadata will name. */
  async #adopt(ino: Ino, stat: BlobStat): Promise<void> {
    const { mtime, atime } = stat;
    await this.#store.transact((tx) => {
      putInode(tx, {
        ino,
        mode: S_IFREG | 0o600,
        uid: 0,
        gid: 0,
        nlink: 1,
        rdev: 0,
        flags: 0,
        traits: trait.blob,
        size: stat.size,
        blocks: stat.blocks,
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
      });
    });
  }

  async #report(message: string, mend: () => Promise<void>): Promise<void> {
    if (this.#how.repair) await mend();
    this.problems.push({ message, repaired: this.#how.repair });
  }
}

function readable(ino: Ino, bytes: Uint8Array): Inode | undefined {
  try {
    return decodeInode(ino, bytes);
  } catch (cause) {
    if (cause instanceof FsError) return undefined;
    throw cause;
  }
}
