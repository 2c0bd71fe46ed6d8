import type { ByteString } from '#base';
import type { Entry } from './entry.ts';
import { rangePrefixBytes } from './transaction.ts';

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

/** Finds the dirty entries of a directory, or of anything else that is listed, without looking at all others. */
export class DirtyIndex {
  readonly #buckets = new Map<ByteString, Bucket>();
  #latest = new Bucket('');

  /** `entry` has become dirty. */
  add(entry: Entry): void {
    if (entry.key.length <= rangePrefixBytes || entry.bucket !== undefined) return;
    this.#require(entry.key).add(entry);
  }

  /** `entry` is clean again. */
  remove(entry: Entry): void {
    const bucket = entry.bucket;
    if (bucket === undefined) return;
    entry.bucket = undefined;
    if (--bucket.size > 0) return;
    this.#buckets.delete(bucket.prefix);
    if (bucket === this.#latest) this.#latest = new Bucket('');
  }

  /** The bucket that holds the dirty keys which begin with `prefix`, at least `rangePrefixBytes` long. */
  find(prefix: ByteString): Bucket | undefined {
    return this.#buckets.get(prefix.slice(0, rangePrefixBytes));
  }

  #require(key: ByteString): Bucket {
    // Writes come in runs below one prefix.
    if (this.#latest.size > 0 && key.startsWith(this.#latest.prefix)) return this.#latest;
    const prefix = key.slice(0, rangePrefixBytes);
    let bucket = this.#buckets.get(prefix);
    if (bucket === undefined) {
      bucket = new Bucket(prefix);
      this.#buckets.set(prefix, bucket);
    }
    this.#latest = bucket;
    return bucket;
  }
}

function byKey(a: Entry, b: Entry): number {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}
