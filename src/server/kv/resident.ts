import type { ByteString } from '#base';
import { type CleanLimits, CleanRing } from './clean-ring.ts';
import { DirtyIndex } from './dirty-index.ts';
import { absent, costOf, dirty, Entry, frozen, inRing } from './entry.ts';
import { FrozenWrites } from './frozen-writes.ts';
import type { KvValue } from './value.ts';

/** Longer values are not kept once the engine has them. */
const keptBytesMax = 512;
const firstWrite = 1;
const newEntry = 2;

/**
 * The values in memory: those that the engine does not have yet, and a bounded number of those that it has. Writes
 * are logged until the transaction is kept or rolled back. The oldest unsaved writes are frozen into a batch, which
 * holds the net effect of whole transactions; then the engine either takes it (`retire`) or not (`thaw`).
 */
export class Resident {
  readonly table = new Map<ByteString, Entry>();
  readonly index = new DirtyIndex();
  readonly ring: CleanRing;
  /** Counts the times when values went over from here to the engine: what was read from it before may be outdated. */
  epoch = 0;
  dirtyBytes = 0;
  frozenBytes = 0;
  #dirty: Entry[] = [];
  #frozen: Entry[] = [];

  readonly #undoEntries: Entry[] = [];
  readonly #undoValues: (KvValue | undefined)[] = [];
  readonly #undoKinds: number[] = [];
  #undoCount = 0;

  constructor(limits: CleanLimits) {
    this.ring = new CleanRing(this.table, limits);
  }

  get dirtyCount(): number {
    return this.#dirty.length;
  }

  get frozenCount(): number {
    return this.#frozen.length;
  }

  /** Whether the running transaction has written anything. */
  get hasWrites(): boolean {
    return this.#undoCount > 0;
  }

  isPending(key: ByteString): boolean {
    const entry = this.table.get(key);
    return entry !== undefined && (entry.flags & (dirty | frozen)) !== 0;
  }

  /** Keeps what the engine answered for `key`, which is not in the table. */
  fill(key: ByteString, value: Uint8Array | undefined): void {
    const entry = new Entry(key, value);
    if (value === undefined) entry.flags |= absent;
    this.table.set(key, entry);
    this.ring.add(entry);
  }

  write(key: ByteString, value: KvValue | undefined): void {
    let entry = this.table.get(key);
    let kind = 0;
    if (entry === undefined) {
      entry = new Entry(key, undefined);
      this.table.set(key, entry);
      kind = newEntry;
    }
    if ((entry.flags & dirty) !== 0) {
      this.dirtyBytes -= costOf(key, entry.value);
    } else {
      kind |= firstWrite;
      entry.flags |= dirty;
      this.#dirty.push(entry);
      this.index.add(entry);
    }
    const at = this.#undoCount++;
    this.#undoEntries[at] = entry;
    this.#undoValues[at] = entry.value;
    this.#undoKinds[at] = kind;
    entry.value = value;
    this.dirtyBytes += costOf(key, value);
    const bucket = entry.bucket;
    if (bucket !== undefined && value !== undefined && key < bucket.emptyBelow) bucket.emptyBelow = key;
  }

  /** The transaction stands. */
  keep(): void {
    for (let at = 0; at < this.#undoCount; at++) this.#undoValues[at] = undefined;
    this.#undoCount = 0;
  }

  /** The transaction never was. */
  rollback(): void {
    while (this.#undoCount > 0) {
      const at = --this.#undoCount;
      const entry = this.#undoEntries[at]!;
      const kind = this.#undoKinds[at]!;
      this.dirtyBytes -= costOf(entry.key, entry.value);
      entry.value = this.#undoValues[at];
      this.#undoValues[at] = undefined;
      // A listing of the transaction's own may have found the bucket emptier than it is now.
      if (entry.bucket !== undefined) entry.bucket.emptyBelow = '';
      if ((kind & firstWrite) === 0) {
        this.dirtyBytes += costOf(entry.key, entry.value);
        continue;
      }
      entry.flags &= ~dirty;
      this.#dirty.pop();
      if ((entry.flags & frozen) === 0) this.index.remove(entry);
      if ((kind & newEntry) !== 0) this.table.delete(entry.key);
      else if ((entry.flags & (frozen | inRing)) === 0) this.ring.add(entry);
    }
  }

  /** By how many bytes the running transaction makes the store larger, as far as the old values are known. */
  growthBytes(): number {
    let growth = 0;
    for (let at = 0; at < this.#undoCount; at++) {
      const entry = this.#undoEntries[at]!;
      const old = this.#undoValues[at];
      // An unknown value counts as none; the second write of a key has its first as the old value.
      if (old !== undefined) growth -= entry.key.length + old.length;
      const next = this.#nextValueOf(entry, at);
      if (next !== undefined) growth += entry.key.length + next.length;
    }
    return growth;
  }

  #nextValueOf(entry: Entry, at: number): KvValue | undefined {
    for (let later = at + 1; later < this.#undoCount; later++) {
      if (this.#undoEntries[later] === entry) return this.#undoValues[later];
    }
    return entry.value;
  }

  /** Takes everything written until now as the next batch; there must be none. */
  freeze(): FrozenWrites {
    const writes = new FrozenWrites();
    const written = this.#dirty;
    this.#dirty = [];
    this.frozenBytes = this.dirtyBytes;
    this.dirtyBytes = 0;
    for (const entry of written) {
      entry.flags &= ~dirty;
      const value = entry.value;
      if (value === undefined && (entry.flags & absent) !== 0) {
        // Made and deleted since the last batch: the engine need not hear of it.
        this.#clean(entry);
        continue;
      }
      entry.flags = value === undefined ? entry.flags | frozen | absent : (entry.flags | frozen) & ~absent;
      writes.add(entry.key, value);
      this.#frozen.push(entry);
    }
    return writes;
  }

  /** The engine has the batch. */
  retire(): void {
    const committed = this.#frozen;
    this.#frozen = [];
    this.frozenBytes = 0;
    this.epoch++;
    for (const entry of committed) {
      entry.flags &= ~frozen;
      if ((entry.flags & dirty) === 0) this.#clean(entry);
    }
  }

  /** The engine does not have the batch, or perhaps has: it becomes part of the next. */
  thaw(): void {
    const refused = this.#frozen;
    this.#frozen = [];
    this.frozenBytes = 0;
    for (const entry of refused) {
      entry.flags &= ~(frozen | absent);
      if ((entry.flags & dirty) !== 0) continue;
      entry.flags |= dirty;
      this.#dirty.push(entry);
      this.index.add(entry);
      this.dirtyBytes += costOf(entry.key, entry.value);
    }
  }

  #clean(entry: Entry): void {
    this.index.remove(entry);
    // Content is asked for rarely, and the engine has it in memory as well.
    if (entry.value !== undefined && entry.value.length > keptBytesMax) this.table.delete(entry.key);
    else this.ring.add(entry);
  }
}
