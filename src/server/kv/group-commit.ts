import { strict as assert } from 'node:assert';
import { type Clock, FsError, type Timer } from '#base';
import type { KvEngine } from './engine.ts';
import type { Resident } from './resident.ts';

export interface CommitOptions {
  /** A transaction that nobody flushes waits this long for others to share its commit. */
  readonly flushDelayMs: number;
  /** With this many dirty keys, or bytes of them, a commit starts at once. */
  readonly flushEntries: number;
  readonly flushBytes: number;
  /** With this many keys, or bytes, dirty or being committed, transactions wait. */
  readonly maxEntries: number;
  readonly maxBytes: number;
}

/** How long a failed commit waits before the next attempt: doubled each time, up to the most. */
const retryFirstMs = 100;
const retryMostMs = 2000;

/** While the engine refuses commits, data may be added up to this share of the bounds, so that deletions fit above. */
const failingShare = 1 / 8;

interface Waiter {
  readonly sequence: number;
  readonly resolve: () => void;
  readonly reject: (error: FsError) => void;
}

/** Commits what is dirty, one batch at a time, each with all that came while the one before was under way. */
export class GroupCommit {
  /** The number of transactions that have written so far: each is visible at once. */
  committed = 0;
  /** All transactions up to this one are durable. */
  durable = 0;
  /** Why the last attempt failed, until one succeeds. */
  failure: FsError | undefined;
  commits = 0;
  failures = 0;
  entries = 0;
  largestBatch = 0;
  readonly #engine: KvEngine;
  readonly #resident: Resident;
  readonly #clock: Clock;
  readonly #options: CommitOptions;
  #timer: Timer | undefined;
  #retryMs = retryFirstMs;
  #isUnderWay = false;
  #isScheduled = false;
  #holds = 0;
  #flushes: Waiter[] = [];
  #admissions: (() => void)[] = [];

  constructor(engine: KvEngine, resident: Resident, clock: Clock, options: CommitOptions) {
    this.#engine = engine;
    this.#resident = resident;
    this.#clock = clock;
    this.#options = options;
  }

  /** A transaction has written. */
  add(): void {
    this.committed++;
    if (this.#isUnderWay || this.failure !== undefined) return;
    if (this.#isLarge()) this.#start();
    else this.#arm(this.#options.flushDelayMs);
  }

  /** Waits until everything visible now is durable; rejects when an attempt at that fails. */
  flush(): Promise<void> {
    if (this.durable === this.committed) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#flushes.push({ sequence: this.committed, resolve, reject });
      if (this.#isUnderWay || this.failure !== undefined || this.#isScheduled) return;
      this.#isScheduled = true;
      // Others that ask in the same breath share the commit.
      queueMicrotask(() => {
        this.#isScheduled = false;
        this.#start();
      });
    });
  }

  /** Whether so much is dirty that a transaction has to wait. */
  get isFull(): boolean {
    return this.#exceeds(1);
  }

  /** Whether the engine refuses commits, and no more may be added. */
  get isRefusing(): boolean {
    return this.failure !== undefined && this.#exceeds(failingShare);
  }

  /** Resolves at the end of the next attempt to commit. */
  nextEnd(): Promise<void> {
    return new Promise((resolve) => {
      this.#admissions.push(resolve);
      if (this.failure === undefined) this.#start();
    });
  }

  /** No commit starts between `hold` and `release`, so that what was read from the engine stays true. */
  hold(): void {
    this.#holds++;
  }

  release(): void {
    this.#holds--;
    if (this.#holds === 0) this.#goOn();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #exceeds(share: number): boolean {
    const { dirtyCount, frozenCount, dirtyBytes, frozenBytes } = this.#resident;
    const { maxEntries, maxBytes } = this.#options;
    return dirtyCount + frozenCount >= maxEntries * share || dirtyBytes + frozenBytes >= maxBytes * share;
  }

  #isLarge(): boolean {
    return (
      this.#resident.dirtyCount >= this.#options.flushEntries || this.#resident.dirtyBytes >= this.#options.flushBytes
    );
  }

  #start(): void {
    if (this.#isUnderWay || this.#holds > 0) return;
    this.stop();
    if (this.durable === this.committed) return;
    const sequence = this.committed;
    const writes = this.#resident.freeze();
    this.#isUnderWay = true;
    const done = writes.size === 0 ? Promise.resolve() : this.#engine.commit({ writes });
    done.then(
      () => this.#succeeded(sequence, writes.size),
      (error: unknown) => this.#failed(sequence, error),
    );
  }

  #succeeded(sequence: number, size: number): void {
    this.#isUnderWay = false;
    this.#resident.retire();
    this.durable = sequence;
    this.failure = undefined;
    this.#retryMs = retryFirstMs;
    if (size > 0) this.commits++;
    this.entries += size;
    this.largestBatch = Math.max(this.largestBatch, size);
    for (const { resolve } of this.#takeFlushes(sequence)) resolve();
    this.#admit();
    this.#goOn();
  }

  #failed(sequence: number, error: unknown): void {
    this.#isUnderWay = false;
    this.#resident.thaw();
    this.failures++;
    const failure = error instanceof FsError ? error : new FsError('io', 'a commit failed', { cause: error });
    assert(failure.status !== 'conflict', 'a batch without requirements cannot conflict');
    this.failure = failure;
    for (const { reject } of this.#takeFlushes(sequence)) reject(failure);
    this.#admit();
    this.#arm(this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, retryMostMs);
  }

  /** Starts the next commit now or later, as what has come meanwhile demands. */
  #goOn(): void {
    if (this.#isUnderWay || this.durable === this.committed) return;
    if (this.failure !== undefined) {
      // The timer of the next attempt may have come in vain while commits were held.
      this.#arm(this.#retryMs);
    } else if (this.#flushes.length > 0 || this.#admissions.length > 0 || this.#isLarge()) this.#start();
    else this.#arm(this.#options.flushDelayMs);
  }

  #arm(delayMs: number): void {
    this.#timer ??= this.#clock.after(delayMs, () => {
      this.#timer = undefined;
      this.#start();
    });
  }

  /** The flushes that a batch up to `sequence` answers. They were asked for in order. */
  #takeFlushes(sequence: number): Waiter[] {
    const next = this.#flushes.findIndex((waiter) => waiter.sequence > sequence);
    return this.#flushes.splice(0, next === -1 ? this.#flushes.length : next);
  }

  #admit(): void {
    const waiting = this.#admissions;
    this.#admissions = [];
    for (const go of waiting) go();
  }
}
