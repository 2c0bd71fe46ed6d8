import type { ByteString } from '#base';
import { Bucket, type Entry } from './entry.ts';
import { rangePrefixBytes } from './transaction.ts';

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
