import { type Clock, FsError, type Ino, type Maybe, type Random, type Timer } from '#base';
import type { BlobStore, FileBlobStore } from './blob/blob-store.ts';
import { Collector } from './data/collector.ts';
import { InodeTurns } from './data/inode-turns.ts';
import { giveBackAll } from './data/lend.ts';
import { LentBlobs } from './data/lent-blobs.ts';
import { recoverContent } from './data/recover.ts';
import { settle } from './data/settle.ts';
import { Unsynced } from './data/unsynced.ts';
import type { KvEngine } from './kv/engine.ts';
import { KvStore, type KvStoreOptions } from './kv/store.ts';
import { formatVolume, type Owner, readVolumeFacts, removeOrphans, type VolumeFacts } from './meta/format.ts';
import { InoAllocator } from './meta/ino-allocator.ts';
import { key } from './meta/keys.ts';
import { NewDirectories } from './meta/new-directories.ts';
import type { Volume } from './volume.ts';

/** Small files up to this size lie in the metadata store: making one costs no file on the disk. */
const inlineLimitBytes = 16_384;
/** Blobs are synced at the latest so long after they grew, as the kernel does with dirty pages. */
const settleDelayMs = 30_000;

export interface VolumeParts {
  readonly engine: KvEngine;
  readonly blobs: BlobStore | FileBlobStore;
  readonly clock: Clock;
  readonly random: Random;
}

export interface VolumeOptions {
  /** Content up to this size lies in the metadata store. Default 16,384, at most 1 MiB. */
  readonly inlineLimitBytes?: number;
  /** Who owns the root directory of a volume that is made. Default user 0. */
  readonly owner?: Owner;
  readonly store?: KvStoreOptions;
  /**
   * Inodes without names are kept when the volume opens and closes: clients that still have them open come back.
   * Whoever serves it removes the others then. Default: they are removed at once.
   */
  readonly keepOrphans?: boolean;
}

/**
 * Opens the volume in an engine and a blob store, makes it where the engine is empty, and mends what a crash left
 * behind. Engine and blobs belong to the volume from here on, also when this fails. Fails with `corrupted`,
 * `notSupported` (made by a newer version), and as the stores do.
 */
export async function openVolume(parts: VolumeParts, options: VolumeOptions = {}): Promise<ServedVolume> {
  const store = new KvStore(parts.engine, parts.clock, options.store);
  try {
    const facts = (await readVolumeFacts(store)) ?? (await formatted(store, parts, options.owner));
    const volume = new ServedVolume(store, parts, facts, options);
    await volume.recover();
    return volume;
  } catch (cause) {
    // What went wrong first is what matters; letting go of broken files may fail too.
    await store.close().catch(() => undefined);
    await parts.blobs.close().catch(() => undefined);
    throw cause;
  }
}

async function formatted(store: KvStore, parts: VolumeParts, owner?: Owner): Promise<VolumeFacts> {
  await formatVolume(store, parts, owner);
  await store.flush();
  return (await readVolumeFacts(store))!;
}

/** A volume that is open. */
export class ServedVolume implements Volume {
  readonly store: KvStore;
  readonly blobs: BlobStore;
  readonly fileBlobs: FileBlobStore | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly inos: InoAllocator;
  readonly hashSeed: number;
  readonly uuid: string;
  readonly opens = new Map<Ino, number>();
  readonly mayBeOrphans = new Set<Ino>();
  readonly newDirectories = new NewDirectories();
  readonly lent: LentBlobs;
  readonly unsynced: Unsynced;
  readonly inlineLimitBytes: number;
  readonly #keepsOrphans: boolean;
  readonly #turns = new InodeTurns();
  readonly #collector: Collector;
  #settleTimer: Timer | undefined;
  #settling: Promise<void> | undefined;
  #isClosed = false;

  constructor(store: KvStore, parts: VolumeParts, facts: VolumeFacts, options: VolumeOptions) {
    this.store = store;
    this.blobs = parts.blobs;
    this.fileBlobs = 'lendFd' in parts.blobs ? parts.blobs : undefined;
    this.clock = parts.clock;
    this.random = parts.random;
    this.inos = new InoAllocator(facts.inoLimit);
    this.hashSeed = facts.hashSeed;
    this.uuid = facts.uuid;
    this.lent = new LentBlobs(this.fileBlobs);
    this.unsynced = new Unsynced(() => this.#settleLater());
    this.inlineLimitBytes = options.inlineLimitBytes ?? inlineLimitBytes;
    this.#keepsOrphans = options.keepOrphans ?? false;
    this.#collector = new Collector(this);
  }

  exclusively<T>(ino: Ino, body: () => Maybe<T>): Maybe<T> {
    return this.#turns.exclusively(ino, body);
  }

  collectSoon(): void {
    this.#collector.soon();
  }

  /** Mends what the last run left, unless it ended with `close`. Called once, before anything else. */
  async recover(): Promise<void> {
    const mark = key.volume('clean');
    const clean = await this.store.read((snapshot) => snapshot.get(mark));
    await this.store.transact((tx) => tx.delete(mark));
    const mayHaveOrphans = clean?.[0] !== cleanMark[0];
    if (clean === undefined) await recoverContent(this);
    else await this.#noticeCrashes();
    if (mayHaveOrphans && !this.#keepsOrphans) await removeOrphans(this);
    if (clean !== undefined) return;
    this.collectSoon();
  }

  /**
   * Ends the volume in order: what is under way ends, files that are still lent come back, everything becomes
   * durable, and the store is marked clean. Lets go of the stores also when that fails, and fails then.
   */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#settleTimer?.cancel();
    try {
      await this.#turns.idle();
      await giveBackAll(this);
      await this.#settling;
      await settle(this);
      this.opens.clear();
      if (!this.#keepsOrphans) await removeOrphans(this);
      await this.#collector.close();
      const mark = this.#keepsOrphans ? cleanWithOrphansMark : cleanMark;
      await this.store.transact((tx) => tx.put(key.volume('clean'), mark));
    } finally {
      try {
        await this.store.close();
      } finally {
        await this.blobs.close();
      }
    }
  }

  /** From here on a crash must be noticed: metadata become durable in order, but blobs for themselves. */
  async #noticeCrashes(): Promise<void> {
    try {
      await this.store.flush();
    } catch (cause) {
      // Who mounts a full disk wants to make room on it.
      if (!(cause instanceof FsError) || cause.status !== 'noSpace') throw cause;
    }
  }

  #settleLater(): void {
    if (this.#isClosed || this.#settleTimer !== undefined) return;
    this.#settleTimer = this.clock.after(settleDelayMs, () => {
      this.#settleTimer = undefined;
      // What could not be synced keeps its marks, and is tried again when the next blob grows, and at the end.
      this.#settling = settle(this).catch(() => undefined);
    });
  }
}

const cleanMark = new Uint8Array([1]);
/** Clean, but for inodes without names that clients may have open. */
const cleanWithOrphansMark = new Uint8Array([2]);
