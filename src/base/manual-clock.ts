import { strict as assert } from 'node:assert';
import type { Clock, Timer } from './clock.ts';

interface Pending {
  readonly atMs: number;
  /** Timers of one moment run in the order in which they were set. */
  readonly order: number;
  run: (() => void) | undefined;
}

/** A clock that stands still until it is moved: the time of tests and of the simulation, where a run repeats exactly. */
export class ManualClock implements Clock {
  wallSec = 0;
  wallNsec = 0;
  #nowMs: number;
  readonly #wallAtStartMs: number;
  #order = 0;
  /** A binary heap, the earliest first. Cancelled timers stay until their time. */
  readonly #heap: Pending[] = [];

  constructor(options: { readonly startMs?: number; readonly wallMs?: number } = {}) {
    this.#nowMs = options.startMs ?? 0;
    this.#wallAtStartMs = (options.wallMs ?? 1_700_000_000_000) - this.#nowMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  readWall(): void {
    const wallMs = this.#wallAtStartMs + this.#nowMs;
    this.wallSec = Math.floor(wallMs / 1000);
    this.wallNsec = Math.floor((wallMs - this.wallSec * 1000) * 1e6);
  }

  after(delayMs: number, run: () => void): Timer {
    assert(delayMs >= 0, `a delay of ${delayMs} ms`);
    const pending: Pending = { atMs: this.#nowMs + delayMs, order: this.#order++, run };
    this.#heap.push(pending);
    this.#up(this.#heap.length - 1);
    return {
      cancel: () => {
        pending.run = undefined;
      },
    };
  }

  /** Moves the clock on by `ms` and runs what falls due, each timer at its own moment; returns when all have run. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (let next = this.nextAtMs(); next !== undefined && next <= untilMs; next = this.nextAtMs()) this.runNext();
    this.#nowMs = untilMs;
  }

  /** When the next timer is due; `undefined` when none is set. */
  nextAtMs(): number | undefined {
    while (this.#heap.length > 0 && this.#heap[0]!.run === undefined) this.#pop();
    return this.#heap[0]?.atMs;
  }

  /** Moves the clock to the next timer and runs that one alone; false when none is set. */
  runNext(): boolean {
    if (this.nextAtMs() === undefined) return false;
    const { atMs, run } = this.#pop();
    this.#nowMs = Math.max(this.#nowMs, atMs);
    run?.();
    return true;
  }

  #pop(): Pending {
    const heap = this.#heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length > 0) {
      heap[0] = last;
      this.#down();
    }
    return first;
  }

  #up(start: number): void {
    const heap = this.#heap;
    for (let at = start; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (isBefore(heap[parent]!, heap[at]!)) return;
      [heap[parent], heap[at]] = [heap[at]!, heap[parent]!];
      at = parent;
    }
  }

  #down(): void {
    const heap = this.#heap;
    for (let at = 0; ; ) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < heap.length && isBefore(heap[child]!, heap[least]!)) least = child;
      }
      if (least === at) return;
      [heap[least], heap[at]] = [heap[at]!, heap[least]!];
      at = least;
    }
  }
}

function isBefore(a: Pending, b: Pending): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
