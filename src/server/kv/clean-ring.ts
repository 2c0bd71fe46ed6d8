import type { ByteString } from '#base';
import { costOf, dirty, type Entry, frozen, inRing, referenced } from './entry.ts';

export interface CleanLimits {
  readonly entries: number;
  readonly bytes: number;
}

/** Bounds the clean entries of a table: a clock, which evicts what was not looked at since its hand last came by. */
export class CleanRing {
  readonly #table: Map<ByteString, Entry>;
  readonly #limits: CleanLimits;
  readonly #ring: Entry[] = [];
  #hand = 0;
  bytes = 0;

  constructor(table: Map<ByteString, Entry>, limits: CleanLimits) {
    this.#table = table;
    this.#limits = limits;
  }

  get size(): number {
    return this.#ring.length;
  }

  /** `entry`, which is in the table, is clean from now on. */
  add(entry: Entry): void {
    const cost = costOf(entry.key, entry.value);
    if ((entry.flags & inRing) !== 0) this.bytes -= entry.ringBytes;
    else this.#ring.push(entry);
    entry.flags |= inRing;
    entry.ringBytes = cost;
    this.bytes += cost;
    while (this.#ring.length > this.#limits.entries || this.bytes > this.#limits.bytes) this.#evict();
  }

  /** Takes one entry out of the ring. Every step clears a mark or takes one out, so this ends. */
  #evict(): void {
    const ring = this.#ring;
    for (;;) {
      if (this.#hand >= ring.length) this.#hand = 0;
      const entry = ring[this.#hand]!;
      const isClean = (entry.flags & (dirty | frozen)) === 0;
      if (isClean && (entry.flags & referenced) !== 0) {
        entry.flags &= ~referenced;
        this.#hand++;
        continue;
      }
      // A dirty entry comes back to the ring when it is clean.
      entry.flags &= ~inRing;
      this.bytes -= entry.ringBytes;
      ring[this.#hand] = ring[ring.length - 1]!;
      ring.length--;
      this.#hand++;
      if (isClean) this.#table.delete(entry.key);
      return;
    }
  }
}
