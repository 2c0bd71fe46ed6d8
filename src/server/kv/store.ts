import { strict as assert } from 'node:assert';
import { type ByteString, type Clock, FsError, type Maybe } from '#base';
import type { CleanLimits } from './clean-ring.ts';
import type { KvEngine, KvPair } from './engine.ts';
import { referenced } from './entry.ts';
import { Fetched, Missing } from './fetched.ts';
import { type CommitOptions, GroupCommit } from './group-commit.ts';
import { endOfPrefix, keyMaxBytes, valueMaxBytes } from './limits.ts';
import { list } from './listing.ts';
import { Resident } from './resident.ts';
import { rangePrefixBytes, type Snapshot, type Transaction } from './transaction.ts';
import { bytesOf, type KvValue } from './value.ts';

export interface KvStoreOptions extends Partial<CommitOptions> {
  /** Bounds the values that are kept in memory beside those not yet saved. */
  readonly clean?: CleanLimits;
}

const defaults = {
  flushDelayMs: 20,
  flushEntries: 4096,
  flushBytes: 4_194_304,
  maxEntries: 65_536,
  maxBytes: 33_554_432,
  clean: { entries: 16_384, bytes: 16_777_216 },
};

/** A body that asks for so many values which are not there is abandoned for good. */
const attemptsMax = 1000;
/** From this attempt on no commit may start, so that values which were fetched are still true in the next. */
const holdFromAttempt = 8;
const scanPairs = 256;
/** Adding so much is not adding: marks, as that a file is open, which deletions and truncations need too. */
const markBytes = 32;

/**
 * What operations read and write: serial transactions in memory over an engine that saves them in groups. A
 * transaction is *visible* when `transact` returns and *durable* after `flush`; a crash loses a tail of transactions,
 * never part of one.
 *
 * When the engine refuses a commit (a full disk), nothing is lost from memory and reads go on. `flush` rejects with
 * the reason, once for each attempt; the batch is tried again after 0.1 to 2 s, together with what came since, so that
 * deletions reach the engine. Transactions that add data go on until an eighth of the bounds is dirty, and throw the
 * reason from then on; those that do not make the store larger go on until the bounds.
 */
export class KvStore {
  readonly #engine: KvEngine;
  readonly #resident: Resident;
  readonly #group: GroupCommit;
  readonly #view: View;
  #fetched: Fetched | undefined;
  #missing: Missing | undefined;
  #mode: 'idle' | 'reading' | 'writing' | 'closed' = 'idle';
  #hits = 0;
  #misses = 0;
  #abandoned = 0;
  #waits = 0;

  constructor(engine: KvEngine, clock: Clock, options: KvStoreOptions = {}) {
    const all = { ...defaults, ...options };
    this.#engine = engine;
    this.#resident = new Resident(all.clean);
    this.#group = new GroupCommit(engine, this.#resident, clock, all);
    this.#view = {
      get: (key) => {
        const value = this.#get(key);
        return value && bytesOf(value);
      },
      getValue: (key) => this.#get(key),
      list: (prefix, after, limit) => this.#list(prefix, after, limit),
      put: (key, value) => {
        assert(value.length <= valueMaxBytes, 'a value is too large');
        this.#write(key, value);
      },
      delete: (key) => this.#write(key, undefined),
      resident: this.#resident,
      range: (from, to, limit) => this.#range(from, to, limit),
    };
  }

  /**
   * Runs `body` as one transaction. When it throws, none of its writes remain and the error goes on to the caller.
   * Answers at once when all values are in memory and there is room; else later, with `body` run again from its
   * start, so it must have no effect but its writes. Throws the engine's failure (`noSpace`, `io`) when it refuses
   * commits and too much is dirty, `io` when `body` needs more than 1,000 fetches.
   */
  transact<T>(body: (tx: Transaction) => T): Maybe<T> {
    if (this.#group.isFull) return this.#admitted(body);
    const result = this.#attempt(body, 'writing');
    return this.#missing === undefined ? (result as T) : this.#retry(body, 'writing');
  }

  /** Runs `body` on the visible state, with the same rules as `transact`. */
  read<T>(body: (snapshot: Snapshot) => T): Maybe<T> {
    const result = this.#attempt(body, 'reading');
    return this.#missing === undefined ? (result as T) : this.#retry(body, 'reading');
  }

  /** Waits until everything visible now is durable. Rejects when the engine refuses it (`noSpace`, `io`). */
  flush(): Promise<void> {
    return this.#group.flush();
  }

  /** The number of transactions with writes so far; each is visible. */
  get committed(): number {
    return this.#group.committed;
  }

  /** All transactions up to this number are durable. */
  get durable(): number {
    return this.#group.durable;
  }

  /**
   * Everything whose key begins with `prefix` (of any length), in order, after a flush. What transactions change
   * meanwhile may be seen or not: for the time before a volume is served, and for checks that bear with changes.
   */
  async *scan(prefix: ByteString): AsyncIterable<KvPair> {
    await this.flush();
    const to = endOfPrefix(prefix);
    for (let from = prefix; ; ) {
      const pairs = await this.#engine.range(from, to, scanPairs);
      yield* pairs;
      if (pairs.length < scanPairs) return;
      from = `${pairs.at(-1)!.key}\0`;
    }
  }

  /** Flushes and lets go of the engine, also when the flush fails (and this then rejects). Nothing may run any more. */
  async close(): Promise<void> {
    assert(this.#mode === 'idle', `close while ${this.#mode}`);
    try {
      await this.flush();
    } finally {
      this.#mode = 'closed';
      this.#group.stop();
      await this.#engine.close();
    }
  }

  /** Counters since the start and present sizes. */
  statistics(): KvStatistics {
    const group = this.#group;
    const resident = this.#resident;
    return {
      committed: group.committed,
      durable: group.durable,
      commits: group.commits,
      failedCommits: group.failures,
      committedEntries: group.entries,
      largestBatchEntries: group.largestBatch,
      hits: this.#hits,
      misses: this.#misses,
      abandonedBodies: this.#abandoned,
      waits: this.#waits,
      dirtyEntries: resident.dirtyCount + resident.frozenCount,
      dirtyBytes: resident.dirtyBytes + resident.frozenBytes,
      cleanEntries: resident.ring.size,
      cleanBytes: resident.ring.bytes,
    };
  }

  /** Runs `body` once; with a value missing, `#missing` is set and nothing has happened. */
  #attempt<T>(body: (view: View) => T, mode: 'reading' | 'writing'): T | undefined {
    assert(this.#mode === 'idle', `a transaction starts while the store is ${this.#mode}`);
    this.#mode = mode;
    this.#missing = undefined;
    let isDone = false;
    try {
      const result = body(this.#view);
      isDone = this.#missing === undefined;
      if (isDone && this.#resident.hasWrites) {
        isDone = false;
        this.#refuseGrowth();
        isDone = true;
        this.#resident.keep();
        this.#group.add();
      }
      return result;
    } catch (error) {
      if (this.#missing === undefined) throw error;
      return undefined;
    } finally {
      if (!isDone) this.#resident.rollback();
      this.#mode = 'idle';
    }
  }

  #refuseGrowth(): void {
    const { refusal } = this.#engine;
    if (refusal !== undefined && this.#resident.growthBytes() > markBytes) throw refusal;
    if (this.#group.isRefusing && this.#resident.growthBytes() > 0) throw this.#group.failure!;
  }

  async #admitted<T>(body: (tx: Transaction) => T): Promise<T> {
    this.#waits++;
    while (this.#group.isFull) {
      if (this.#group.failure !== undefined) throw this.#group.failure;
      await this.#group.nextEnd();
    }
    return this.transact(body);
  }

  /** Fetches what `body` misses and runs it again, until it misses nothing. */
  async #retry<T>(body: (view: View) => T, mode: 'reading' | 'writing'): Promise<T> {
    const fetched = new Fetched();
    let isHeld = false;
    try {
      for (let attempt = 1; attempt < attemptsMax; attempt++) {
        const missing = this.#missing!;
        this.#missing = undefined;
        this.#abandoned++;
        if (attempt === holdFromAttempt) {
          this.#group.hold();
          isHeld = true;
        }
        await fetched.add(missing);
        fetched.expire(this.#resident.epoch);
        this.#fetched = fetched;
        try {
          const result = this.#attempt(body, mode);
          if (this.#missing === undefined) return result as T;
        } finally {
          this.#fetched = undefined;
        }
      }
    } finally {
      if (isHeld) this.#group.release();
    }
    this.#missing = undefined;
    throw new FsError('io', `a transaction was run ${attemptsMax} times without finding all its values`);
  }

  #get(key: ByteString): KvValue | undefined {
    const entry = this.#resident.table.get(key);
    if (entry !== undefined) {
      entry.flags |= referenced;
      this.#hits++;
      return entry.value;
    }
    return this.#load(key);
  }

  #load(key: ByteString): Uint8Array | undefined {
    assert(this.#mode === 'reading' || this.#mode === 'writing', 'a read outside of a transaction');
    const fetched = this.#fetched;
    let value: Uint8Array | undefined;
    if (fetched?.values.has(key)) value = fetched.values.get(key);
    else {
      this.#misses++;
      const answer = this.#engine.get(key);
      if (answer instanceof Promise) this.#miss(key, answer);
      else value = answer;
    }
    this.#resident.fill(key, value);
    return value;
  }

  #range(from: ByteString, to: ByteString, limit: number): KvPair[] {
    const name = Fetched.rangeName(from, to, limit);
    const known = this.#fetched?.ranges.get(name);
    if (known !== undefined) return known;
    const answer = this.#engine.range(from, to, limit);
    return answer instanceof Promise ? this.#miss(name, answer) : answer;
  }

  #list(prefix: ByteString, after: ByteString, limit: number): KvPair[] {
    assert(this.#mode === 'reading' || this.#mode === 'writing', 'a read outside of a transaction');
    assert(prefix.length >= rangePrefixBytes, `listing needs a prefix of ${rangePrefixBytes} bytes`);
    return list(this.#view, prefix, after, limit);
  }

  #write(key: ByteString, value: KvValue | undefined): void {
    assert(this.#mode === 'writing', 'a write outside of a transaction');
    assert(key.length > 0 && key.length <= keyMaxBytes, 'a key is empty or too long');
    this.#resident.write(key, value);
  }

  #miss(name: string, answer: Promise<Uint8Array | undefined> | Promise<KvPair[]>): never {
    this.#missing = new Missing(name, answer, this.#resident.epoch);
    throw this.#missing;
  }
}

/** What bodies get, as a `Snapshot` or a `Transaction`; the rest is for `list`. */
interface View extends Transaction {
  readonly resident: Resident;
  range(from: ByteString, to: ByteString, limit: number): KvPair[];
}

export interface KvStatistics {
  readonly committed: number;
  readonly durable: number;
  readonly commits: number;
  readonly failedCommits: number;
  readonly committedEntries: number;
  readonly largestBatchEntries: number;
  readonly hits: number;
  readonly misses: number;
  /** Times when a body was run in vain, because the engine had to be asked. */
  readonly abandonedBodies: number;
  /** Transactions that had to wait for room. */
  readonly waits: number;
  readonly dirtyEntries: number;
  readonly dirtyBytes: number;
  readonly cleanEntries: number;
  readonly cleanBytes: number;
}
