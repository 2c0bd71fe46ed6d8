import { strict as assert } from 'node:assert';
import { type ByteString, below, FsError, type Maybe, type Random } from '#base';
import type { KvBatch, KvEngine, KvPair } from './engine.ts';
import { assertWithinLimits, isSameValue } from './limits.ts';
import { OrderedMap } from './ordered-map.ts';
import { bytesOf } from './value.ts';

/** Runs `step` now or at a moment of its choosing; steps of one kind that overtake each other are allowed. */
export type Scheduler = (step: () => void) => void;

export interface MemoryEngineOptions {
  /** When given, every get and range answers through a promise, once this has run its step. */
  readonly reads?: Scheduler;
  /**
   * Decides when commits go on: each needs two steps, the first makes it visible and the second durable. A step is
   * always given to the oldest commit that needs it, so that they are applied in order. Default: as microtasks.
   */
  readonly commits?: Scheduler;
}

interface Commit {
  readonly batch: KvBatch;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Stands in for an engine on a disk: exact, in memory, and with a `crash` in which only what was durable survives. */
export class MemoryEngine implements KvEngine {
  /** While set, every commit fails with it and changes nothing: a full or broken disk. */
  fault: FsError | undefined;
  readonly #reads: Scheduler | undefined;
  readonly #commits: Scheduler;
  readonly #visible: OrderedMap;
  readonly #durable: OrderedMap;
  /** Called, not yet visible. */
  readonly #called: Commit[] = [];
  /** Visible, not yet durable. */
  readonly #applied: Commit[] = [];
  #state: 'open' | 'closed' | 'crashed' = 'open';
  #idle: (() => void) | undefined;

  constructor(options: MemoryEngineOptions = {}, durable: OrderedMap = new OrderedMap()) {
    this.#reads = options.reads;
    this.#commits = options.commits ?? queueMicrotask;
    this.#durable = durable;
    this.#visible = durable.clone();
  }

  get(key: ByteString): Maybe<Uint8Array | undefined> {
    assert(this.#state !== 'closed', 'the engine is closed');
    return this.#answer(() => this.#visible.get(key)?.slice());
  }

  range(from: ByteString, to: ByteString, limit: number): Maybe<KvPair[]> {
    assert(this.#state !== 'closed', 'the engine is closed');
    return this.#answer(() =>
      this.#visible.range(from, to, limit).map(({ key, value }) => ({ key, value: value.slice() })),
    );
  }

  commit(batch: KvBatch): Promise<void> {
    assert(this.#state !== 'closed', 'the engine is closed');
    assertWithinLimits(batch);
    if (this.#state === 'crashed') return never();
    const writes = new Map<ByteString, Uint8Array | undefined>();
    batch.writes.forEach((value, key) => void writes.set(key, value && bytesOf(value).slice()));
    return new Promise((resolve, reject) => {
      this.#called.push({ batch: { ...batch, writes }, resolve, reject });
      this.#commits(() => this.#apply());
    });
  }

  async close(): Promise<void> {
    if (this.#called.length + this.#applied.length > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
    this.#state = 'closed';
  }

  /**
   * Cuts the power: this engine answers nothing any more, and what it acknowledged is in the one returned. With
   * `random`, so is any number of the commits that were under way, the oldest first and each of them whole.
   */
  crash(random?: Random, options: MemoryEngineOptions = {}): MemoryEngine {
    this.#state = 'crashed';
    const survivor = this.#durable.clone();
    const underWay = this.#applied.concat(this.#called);
    const count = random === undefined ? 0 : below(random, underWay.length + 1);
    for (const { batch } of underWay.slice(0, count)) {
      if (holds(survivor, batch)) write(survivor, batch);
    }
    return new MemoryEngine(options, survivor);
  }

  #answer<T>(read: () => T): Maybe<T> {
    if (this.#state === 'crashed') return never();
    const later = this.#reads;
    if (later === undefined) return read();
    return new Promise((resolve) => {
      later(() => {
        if (this.#state !== 'crashed') resolve(read());
      });
    });
  }

  #apply(): void {
    const commit = this.#called[0];
    if (this.#state === 'crashed' || commit === undefined) return;
    this.#called.shift();
    const failure = this.fault ?? (holds(this.#visible, commit.batch) ? undefined : conflict());
    if (failure !== undefined) {
      commit.reject(failure);
      this.#settled();
      return;
    }
    write(this.#visible, commit.batch);
    this.#applied.push(commit);
    this.#commits(() => this.#harden());
  }

  #harden(): void {
    const commit = this.#applied[0];
    if (this.#state === 'crashed' || commit === undefined) return;
    this.#applied.shift();
    write(this.#durable, commit.batch);
    commit.resolve();
    this.#settled();
  }

  #settled(): void {
    if (this.#called.length + this.#applied.length === 0) this.#idle?.();
  }
}

function conflict(): FsError {
  return new FsError('conflict', 'a key or range is not as the batch requires');
}

function never<T>(): Promise<T> {
  return new Promise(() => undefined);
}

function holds(map: OrderedMap, batch: KvBatch): boolean {
  for (const [key, value] of batch.unchanged ?? []) {
    if (!isSameValue(map.get(key), value)) return false;
  }
  return (batch.empty ?? []).every(({ from, to }) => map.range(from, to, 1).length === 0);
}

function write(map: OrderedMap, batch: KvBatch): void {
  batch.writes.forEach((value, key) => void map.set(key, value && bytesOf(value)));
}
