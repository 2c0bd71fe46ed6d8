import type { ByteString } from '#base';
import type { DirectoryEntry } from '#protocol';

/** The entries of a directory from its start, in the order of their cookies; complete or on the way there. */
export class Listing {
  #entries: DirectoryEntry[] = [];
  #byName: Map<ByteString, DirectoryEntry> | undefined;
  #isComplete = false;

  get isComplete(): boolean {
    return this.#isComplete;
  }

  get size(): number {
    return this.#entries.length;
  }

  /** After which cookie the next part must begin. */
  get end(): number {
    return this.#entries.at(-1)?.cookie ?? 0;
  }

  /** Adds what follows `end`; false when the cookies do not ascend, so that nothing could be found by them. */
  append(entries: readonly DirectoryEntry[], isLast: boolean): boolean {
    let { end } = this;
    for (const entry of entries) {
      if (entry.cookie <= end) return false;
      end = entry.cookie;
      // Attributes have leases of their own.
      const kept = { ...entry, attributes: undefined };
      this.#entries.push(kept);
      this.#byName?.set(kept.name, kept);
    }
    this.#isComplete = isLast;
    return true;
  }

  find(name: ByteString): DirectoryEntry | undefined {
    if (this.#byName === undefined) this.#byName = new Map(this.#entries.map((entry) => [entry.name, entry]));
    return this.#byName.get(name);
  }

  remove(name: ByteString): void {
    const entry = this.find(name);
    if (entry === undefined) return;
    this.#byName?.delete(name);
    this.#entries = this.#entries.filter((each) => each !== entry);
  }

  /** At most `limit` entries after `cookie`. */
  after(cookie: number, limit: number): readonly DirectoryEntry[] {
    const start = this.#firstAfter(cookie);
    return this.#entries.slice(start, start + limit);
  }

  #firstAfter(cookie: number): number {
    let low = 0;
    for (let high = this.#entries.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (this.#entries[middle]!.cookie <= cookie) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
