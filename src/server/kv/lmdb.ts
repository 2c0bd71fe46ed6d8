import { strict as assert } from 'node:assert';
import { realpathSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import * as lmdb from 'lmdb';
import { type ByteString, FsError, file } from '#base';
import type { KvBatch, KvEngine, KvPair } from './engine.ts';
import { assertWithinLimits, isSameValue } from './limits.ts';
import { commitFailure, panic, thrownFailure } from './lmdb-failure.ts';
import { checkHeader } from './lmdb-header.ts';
import { LmdbInstructions } from './lmdb-instructions.ts';
import { LmdbReserve } from './lmdb-reserve.ts';
import { ownCopy } from './own-copy.ts';

/**
 * Address space to reserve, not memory: only pages that were read are resident. Beyond it lmdb-js maps twice as much
 * and keeps the old mapping until it closes; with this much that happens above some 50 million files.
 */
const mapBytes = 17_179_869_184;

const openOptions = {
  /** Every value arrives in one buffer that the next read overwrites. */
  encoder: {
    encode: (value: Uint8Array): Uint8Array => value,
    decode: (shared: Uint8Array): Uint8Array => ownCopy(shared, shared.length),
  },
  /** Strings of one char per byte go straight into LMDB's key buffer and back; LMDB orders them as bytes. */
  keyEncoder: {
    writeKey: (key: ByteString, target: Latin1Buffer, start: number): number => start + target.latin1Write(key, start),
    readKey: (source: Latin1Buffer, start: number, end: number): ByteString => source.latin1Slice(start, end),
  },
  /**
   * LMDB's own order: pages, fdatasync, then the root with O_DSYNC, so a commit that returned is durable, and one that
   * failed has left no trace. lmdb-js's default shows a commit before it is durable and hides whether the sync failed;
   * its gain, transactions that overlap a sync, is what group commit above the engine gives anyway.
   */
  overlappingSync: false,
  mapSize: mapBytes,
  /** Copying a page per change is the cost of a small write, so pages are as small as the disk's. */
  pageSize: 4096,
  /** Reads go to the mapping itself, not through a cache of chunks. */
  remapChunks: false,
  /** Reading ahead is left on: keys that are used together (a directory, inodes made one after another) lie together. */
  noReadAhead: false,
  /** This process has one reader, tools that copy the store a few; a slot of a killed process is freed at the next open. */
  maxReaders: 32,
  maxDbs: 1,
} as const;

/** Methods of Buffer that its types leave out; they skip the choice of an encoding. */
interface Latin1Buffer {
  latin1Write(text: string, offset: number): number;
  latin1Slice(start: number, end: number): string;
}

/** The parts of lmdb-js that its types leave out. */
interface Native {
  readonly getAddress: (buffer: ArrayBuffer) => number;
}
interface Environment {
  startWriting(address: number, done: (status: number) => void): void;
  info(): { readonly lastPageNumber: number };
  stat(): { readonly pageSize: number };
}
interface Database {
  readonly env: Environment;
  readonly db: { readonly dbi: number };
  readonly lastSize: number;
  getBinaryFast(key: ByteString): Uint8Array | undefined;
  getRange(options: {
    start: ByteString;
    end: ByteString;
    limit: number;
  }): Iterable<{ key: string; value: Uint8Array }>;
  resetReadTxn(): void;
  close(): Promise<void>;
}

/** After so many keys the mapped pages are let go: a few milliseconds, about once a second under full load. */
const touchesMax = 65_536;

/**
 * The embedded engine: one LMDB file, read synchronously through a memory map, written by a thread of its own, one
 * LMDB transaction per batch. Only one process may have the directory open for writing; the store's lock sees to that.
 */
export class LmdbEngine implements KvEngine {
  readonly #directory: string;
  readonly #db: Database;
  readonly #instructions: LmdbInstructions;
  readonly #reserve: LmdbReserve;
  /** The end of the commit that was called last. */
  #last: Promise<void> = Promise.resolve();
  /** Set when LMDB refuses every further transaction until the store is opened again. */
  #broken: FsError | undefined;
  #isClosed = false;
  /** Keys read and written since the mapped pages were let go. */
  #touches = 0;
  readonly #mappedPath: string;

  private constructor(directory: string, db: Database, reserve: LmdbReserve) {
    this.#directory = directory;
    this.#mappedPath = join(realpathSync(directory), 'data.mdb');
    this.#db = db;
    this.#reserve = reserve;
    const native = (lmdb as unknown as { nativeAddon: Native }).nativeAddon;
    this.#instructions = new LmdbInstructions({ dbi: db.db.dbi, addressOf: native.getAddress });
  }

  /**
   * Opens the store in `directory`, and creates both where missing. Throws `corrupted` when the file is damaged,
   * `notSupported` when its format is another version's, else what the system says (`accessDenied`, `readOnly`, `noSpace`).
   */
  static async open(directory: string): Promise<LmdbEngine> {
    try {
      file.makeDirectories(directory, 0o777);
      checkHeader(directory);
      const options = openOptions as unknown as lmdb.RootDatabaseOptions;
      const db = lmdb.open(directory, { ...options, noSubdir: false }) as unknown as Database;
      lengthen(db, directory);
      const reserve = await LmdbReserve.open(directory);
      await reserve.keep(usedBytes(db));
      return new LmdbEngine(directory, db, reserve);
    } catch (error) {
      throw thrownFailure(error, directory);
    }
  }

  get(key: ByteString): Uint8Array | undefined {
    try {
      if (++this.#touches > touchesMax) this.#letGo();
      const shared = this.#db.getBinaryFast(key);
      if (shared === undefined) return undefined;
      return ownCopy(shared, this.#db.lastSize);
    } catch (error) {
      throw this.#readFailure(error);
    }
  }

  range(from: ByteString, to: ByteString, limit: number): KvPair[] {
    try {
      const pairs: KvPair[] = [];
      for (const pair of this.#db.getRange({ start: from, end: to, limit })) pairs.push(pair);
      this.#touches += pairs.length;
      return pairs;
    } catch (error) {
      throw this.#readFailure(error);
    }
  }

  commit(batch: KvBatch): Promise<void> {
    assert(!this.#isClosed, 'the engine is closed');
    assertWithinLimits(batch);
    const done = this.#last.then(() => this.#write(batch));
    this.#last = done.catch(() => undefined);
    return done;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#last;
    await this.#db.close();
    this.#reserve.close();
  }

  get refusal(): FsError | undefined {
    return this.#reserve.refusal;
  }

  async #write(batch: KvBatch): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken;
    // Nobody else writes, and the batch before is visible: what holds now holds in the transaction.
    this.#require(batch);
    if (batch.writes.size === 0) return;
    this.#touches += batch.writes.size;
    const address = this.#instructions.encode(batch.writes);
    const status = await new Promise<number>((resolve) => this.#db.env.startWriting(address, resolve));
    // Reads share a snapshot until a timer of lmdb-js resets it; from here on they must see the batch.
    this.#db.resetReadTxn();
    this.#instructions.trim();
    await this.#reserve.keep(usedBytes(this.#db));
    if (status === 0) return;
    const failure = await commitFailure(status, this.#directory);
    // A root page could not be written. The writer thread gave up with its lock held: another attempt would hang.
    if (status === panic) this.#broken = failure;
    throw failure;
  }

  /**
   * Every page that was ever looked at stays mapped, and counts as this process's memory, though the kernel keeps it
   * for all: a walk over a million inodes would leave 350 MiB. Asked for again, a page costs a minor fault.
   */
  #letGo(): void {
    this.#touches = 0;
    file.releaseMappedPages(this.#mappedPath);
  }

  #readFailure(error: unknown): FsError {
    // Else every later read of the same snapshot fails with MDB_BAD_TXN.
    this.#db.resetReadTxn();
    return thrownFailure(error, this.#directory);
  }

  #require(batch: KvBatch): void {
    for (const [key, value] of batch.unchanged ?? []) {
      if (!isSameValue(this.get(key), value)) throw new FsError('conflict', 'a key is not as the batch requires');
    }
    for (const { from, to } of batch.empty ?? []) {
      if (this.range(from, to, 1).length > 0) throw new FsError('conflict', 'a range is not empty');
    }
  }
}

/**
 * Reading a mapped page beyond the end of the file kills the process (SIGBUS). LMDB may leave pages at the end
 * unwritten that it holds free, and a damaged file may lack ones in use: both then read as zeros, which LMDB reports.
 */
function lengthen(db: Database, directory: string): void {
  const path = join(directory, 'data.mdb');
  const size = usedBytes(db);
  if (statSync(path).size < size) truncateSync(path, size);
}

function usedBytes({ env }: Database): number {
  return (env.info().lastPageNumber + 1) * env.stat().pageSize;
}
