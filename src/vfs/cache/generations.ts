import type { Ino } from '#base';

/** Recalls that are remembered one by one; beyond that the oldest counts for all objects. */
const recalledMax = 65_536;

/**
 * Which objects were recalled, or given back, since a moment: what a call that was under way then brings may be older
 * than the recall, so it brings no lease.
 */
export class Generations {
  #now = 0;
  /** Up to here, every object counts as recalled. */
  #floor = 0;
  /** When each was recalled last, the oldest first. */
  readonly #recalled = new Map<Ino, number>();

  /** The moment that a call is sent. */
  get now(): number {
    return this.#now;
  }

  raise(ino: Ino): void {
    this.#now += 1;
    this.#recalled.delete(ino);
    this.#recalled.set(ino, this.#now);
    if (this.#recalled.size <= recalledMax) return;
    const [oldest, at] = this.#recalled.entries().next().value!;
    this.#recalled.delete(oldest);
    this.#floor = at;
  }

  raiseAll(): void {
    this.#now += 1;
    this.#floor = this.#now;
    this.#recalled.clear();
  }

  isUnchanged(ino: Ino, since: number): boolean {
    return this.#floor <= since && (this.#recalled.get(ino) ?? 0) <= since;
  }
}
