import type { ByteString } from '#base';
import type { KvPair } from './engine.ts';
import type { KvValue } from './value.ts';

/** What an operation sees of the store while it runs. */
export interface Snapshot {
  /** The bytes must not be changed; they stay as they are. */
  get(key: ByteString): Uint8Array | undefined;
  /** The same, as it is in memory: the object that was put, or bytes. */
  getValue(key: ByteString): KvValue | undefined;
  /**
   * The pairs whose key begins with `prefix` (at least `rangePrefixBytes` long) and is greater than `after`, in
   * order, at most `limit`.
   */
  list(prefix: ByteString, after: ByteString, limit: number): KvPair[];
}

/**
 * One operation's reads and writes: it sees its own writes, and all of them take effect or, when it throws, none.
 * It runs synchronously, and may run again from the start when a value had to be fetched first: it must have no
 * effect but its writes.
 */
export interface Transaction extends Snapshot {
  /** Keeps `value` by reference: the caller must not change it afterwards. */
  put(key: ByteString, value: KvValue): void;
  delete(key: ByteString): void;
}

/** Keys that are listed share a prefix of at least this many bytes: the kind, and an inode number. */
export const rangePrefixBytes = 9;
