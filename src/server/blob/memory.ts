import { below, FsError, type Maybe, type Random } from '#base';
import type { BlobStat, BlobStatistics, BlobTime, FileBlobStore } from './blob-store.ts';
import { copyOf, emptyContent, mixed, type PagedContent } from './paged-content.ts';

const keepSize = 1;
const punchHole = 2;

export interface MemoryBlobStoreOptions {
  /** Tells the time that writes leave on a blob, as a file system's clock does. */
  now?: () => BlobTime;
  /** Lets each call settle later, in whatever order the simulation likes; without it all settle at once. */
  schedule?: (run: () => void) => void;
  /** What the store holds at most, in bytes of data: beyond it writes fail with `noSpace`. */
  capacityBytes?: number;
  lentMax?: number;
}

interface Blob {
  content: PagedContent;
  mtime: BlobTime;
  atime: BlobTime;
  /** How often it is lent. */
  lent: number;
}

/**
 * Blobs in memory, for tests and simulation: behaves as the local store does, and can lose power. `afterPowerCut`
 * gives the store as the next start would find it.
 */
export class MemoryBlobStore implements FileBlobStore {
  readonly #options: MemoryBlobStoreOptions;
  readonly #blobs = new Map<number, Blob>();
  /** What a power cut leaves: as it was when last synced. */
  readonly #durable = new Map<number, Blob>();
  #lentCount = 0;
  #tick = 0;

  constructor(options: MemoryBlobStoreOptions = {}) {
    this.#options = options;
  }

  create(id: number): Maybe<void> {
    return this.#settle(() => {
      if (this.#blobs.has(id)) throw new FsError('exists', `blob ${id} exists`);
      const now = this.#now();
      this.#blobs.set(id, { content: emptyContent(), mtime: now, atime: now, lent: 0 });
    });
  }

  read(id: number, offset: number, length: number): Maybe<Uint8Array> {
    return this.#settle(() => this.#require(id).content.read(offset, length));
  }

  write(id: number, offset: number, data: Uint8Array): Maybe<number> {
    return this.#settle(() => {
      const blob = this.#require(id);
      const room = (this.#options.capacityBytes ?? Number.MAX_SAFE_INTEGER) - this.#usedBytes();
      const written = blob.content.write(offset, data, room);
      if (written === 0 && data.length > 0) throw new FsError('noSpace', `write blob ${id}: no space left`);
      blob.mtime = this.#now();
      return written;
    });
  }

  truncate(id: number, size: number): Maybe<void> {
    return this.#settle(() => {
      const blob = this.#require(id);
      blob.content.truncate(size);
      blob.mtime = this.#now();
    });
  }

  fallocate(id: number, mode: number, offset: number, length: number): Maybe<void> {
    return this.#settle(() => {
      const blob = this.#require(id);
      const end = offset + length;
      // Mode 0 and KEEP_SIZE promise space and change no byte; the others leave zeros.
      if ((mode & ~keepSize) !== 0) blob.content.clear(offset, end);
      if ((mode & (keepSize | punchHole)) === 0 && end > blob.content.size) blob.content.truncate(end);
      blob.mtime = this.#now();
    });
  }

  seek(id: number, offset: number, whence: 3 | 4): Maybe<number> {
    return this.#settle(() => {
      const found = this.#require(id).content.seek(offset, whence);
      if (found === undefined) throw new FsError('noSuchAddress', `seek blob ${id}: nothing at or after ${offset}`);
      return found;
    });
  }

  copyRange(from: number, fromOffset: number, to: number, toOffset: number, length: number): Maybe<number> {
    return this.#settle(() => {
      const bytes = this.#require(from).content.read(fromOffset, length);
      const target = this.#require(to);
      target.content.write(toOffset, bytes, Number.MAX_SAFE_INTEGER);
      target.mtime = this.#now();
      return bytes.length;
    });
  }

  stat(id: number): Maybe<BlobStat> {
    return this.#settle(() => this.statLent(id));
  }

  setTimes(id: number, times: { atime?: BlobTime; mtime?: BlobTime }): void {
    const blob = this.#require(id);
    if (times.atime !== undefined) blob.atime = times.atime;
    if (times.mtime !== undefined) blob.mtime = times.mtime;
  }

  async sync(id: number, _dataOnly: boolean): Promise<void> {
    await this.#settle(() => void this.#durable.set(id, copyOfBlob(this.#require(id))));
  }

  async syncAll(): Promise<void> {
    await this.#settle(() => {
      this.#durable.clear();
      for (const [id, blob] of this.#blobs) this.#durable.set(id, copyOfBlob(blob));
    });
  }

  remove(id: number): Maybe<void> {
    return this.#settle(() => void this.#blobs.delete(id));
  }

  async syncRemoved(ids: readonly number[]): Promise<void> {
    await this.#settle(() => {
      for (const id of ids) if (!this.#blobs.has(id)) this.#durable.delete(id);
    });
  }

  async *list(range = { from: 0, to: Number.MAX_SAFE_INTEGER }): AsyncIterable<number> {
    yield* [...this.#blobs.keys()].filter((id) => id >= range.from && id < range.to);
  }

  statistics(): BlobStatistics {
    const blocks = Math.floor((this.#options.capacityBytes ?? 2 ** 40) / 4096);
    const free = Math.max(blocks - Math.ceil(this.#usedBytes() / 4096), 0);
    return { blockSize: 4096, blocks, blocksFree: free, blocksAvailable: free, files: 2 ** 32, filesFree: 2 ** 31 };
  }

  lendFd(id: number): number {
    const blob = this.#require(id);
    if (blob.lent === 0) {
      const lentMax = this.#options.lentMax ?? 8192;
      if (this.#lentCount >= lentMax) throw new FsError('tooManyOpen', `${lentMax} files are lent already`);
      this.#lentCount++;
    }
    blob.lent++;
    return firstFd + id;
  }

  returnFd(id: number): void {
    const blob = this.#blobs.get(id);
    if (blob !== undefined && --blob.lent === 0) this.#lentCount--;
  }

  reuse(): void {
    // Every read has memory of its own.
  }

  statLent(id: number): BlobStat {
    const { content, mtime, atime } = this.#require(id);
    return { size: content.size, blocks: content.blocks(), mtime, atime };
  }

  async close(): Promise<void> {
    await this.#settle(() => undefined);
  }

  /**
   * The store after a power cut now: what was synced is there, of what was written, truncated, made and removed
   * since, each page and each name by the toss of a coin.
   */
  afterPowerCut(random: Random): MemoryBlobStore {
    const after = new MemoryBlobStore(this.#options);
    const coin = () => below(random, 2) === 0;
    for (const id of new Set([...this.#blobs.keys(), ...this.#durable.keys()])) {
      const now = this.#blobs.get(id);
      const durable = this.#durable.get(id);
      if ((now === undefined || durable === undefined) && coin()) continue;
      const left = mixed(durable?.content ?? emptyContent(), now?.content ?? durable!.content, random);
      const { mtime, atime } = (coin() ? now : durable) ?? now ?? durable!;
      after.#blobs.set(id, { content: left, mtime, atime, lent: 0 });
      after.#durable.set(id, { content: copyOf(left), mtime, atime, lent: 0 });
    }
    return after;
  }

  /** The store after `kill -9` now: all that calls have written is there, nothing is lent. */
  afterKill(): MemoryBlobStore {
    const after = new MemoryBlobStore(this.#options);
    for (const [id, blob] of this.#blobs) after.#blobs.set(id, copyOfBlob(blob));
    for (const [id, blob] of this.#durable) after.#durable.set(id, copyOfBlob(blob));
    return after;
  }

  #require(id: number): Blob {
    const blob = this.#blobs.get(id);
    if (blob === undefined) throw new FsError('notFound', `blob ${id} does not exist`);
    return blob;
  }

  #settle<T>(compute: () => T): Maybe<T> {
    const { schedule } = this.#options;
    if (schedule === undefined) return compute();
    return new Promise((resolve, reject) => {
      schedule(() => {
        try {
          resolve(compute());
        } catch (cause) {
          reject(cause);
        }
      });
    });
  }

  #usedBytes(): number {
    let blocks = 0;
    if (this.#options.capacityBytes !== undefined)
      for (const { content } of this.#blobs.values()) blocks += content.blocks();
    return blocks * 512;
  }

  #now(): BlobTime {
    return this.#options.now?.() ?? { sec: 0, nsec: ++this.#tick };
  }
}

/** Lent descriptors are only numbers here, above any real one. */
const firstFd = 1_000_000;

function copyOfBlob(blob: Blob): Blob {
  return { ...blob, content: copyOf(blob.content), lent: 0 };
}
