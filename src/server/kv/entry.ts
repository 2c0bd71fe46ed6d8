import type { ByteString } from '#base';
import type { KvValue } from './value.ts';

/** What an entry costs in memory beside its key and value, about. */
const overheadBytes = 160;

/** Written since the last batch was frozen. */
export const dirty = 1;
/** Part of the batch that is being committed, perhaps with an older value. */
export const frozen = 2;
/** The engine is known not to hold the key once the frozen batch is in, so a deletion need not be written. */
export const absent = 4;
/** Looked at since the clock hand last passed. */
export const referenced = 8;
/** Has a place in the ring of clean entries (it may have become dirty since). */
export const inRing = 16;

/** A key whose value (or absence) is known without asking the engine. One word holds its flags: there are many. */
export class Entry {
  readonly key: ByteString;
  /** `undefined`: the key has no value. */
  value: KvValue | undefined;
  flags = referenced;
  /** What the ring has charged for it. */
  ringBytes = 0;
  bucket: Bucket | undefined = undefined;

  constructor(key: ByteString, value: KvValue | undefined) {
    this.key = key;
    this.value = value;
  }
}

export function costOf(key: ByteString, value: KvValue | undefined): number {
  return overheadBytes + key.length + (value === undefined ? 0 : value.length);
}

/** The dirty entries below one prefix of `rangePrefixBytes` bytes, in order when someone asks. */
export class Bucket {
  readonly prefix: ByteString;
  /** Entries that belong here; the lists may hold others, which have left. */
  size = 0;
  /**
   * No key of the bucket's prefix below this one has a value, here or in the engine: a directory that is being
   * emptied is not searched from its start for every page of names.
   */
  emptyBelow: ByteString = '';
  #sorted: Entry[] = [];
  #added: Entry[] = [];

  constructor(prefix: ByteString) {
    this.prefix = prefix;
  }

  add(entry: Entry): void {
    entry.bucket = this;
    this.size++;
    this.#added.push(entry);
  }

  /** The entries in order of their keys; skip those whose `bucket` is another. Valid until the next `add`. */
  sorted(): readonly Entry[] {
    if (this.#added.length > 0 || this.#sorted.length > 2 * this.size + 16) {
      this.#added.sort(byKey);
      this.#sorted = this.#merge(this.#sorted, this.#added);
      this.#added = [];
    }
    return this.#sorted;
  }

  #merge(a: readonly Entry[], b: readonly Entry[]): Entry[] {
    const merged: Entry[] = [];
    let last: Entry | undefined;
    for (let i = 0, j = 0; i < a.length || j < b.length; ) {
      const next = j === b.length || (i < a.length && a[i]!.key <= b[j]!.key) ? a[i++]! : b[j++]!;
      if (next.bucket !== this || next === last) continue;
      merged.push(next);
      last = next;
    }
    return merged;
  }
}

function byKey(a: Entry, b: Entry): number {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}
