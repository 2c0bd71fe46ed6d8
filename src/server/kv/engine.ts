import type { ByteString, FsError, Maybe } from '#base';
import type { KvValue } from './value.ts';

/**
 * An ordered transactional key-value store: what an engine (memory, LMDB, later etcd) must offer. Keys are byte
 * strings of 1 to 511 bytes, one char per byte, ordered as bytes; values are bytes, at most 1 MiB.
 *
 * An engine is written by one owner at a time. Reads see the last commit. A reply may be there at once or later.
 */
export interface KvEngine {
  /** The value of `key`. The bytes belong to the receiver and do not change. */
  get(key: ByteString): Maybe<Uint8Array | undefined>;
  /** The pairs with `from` ≤ key < `to` in order, at most `limit`. */
  range(from: ByteString, to: ByteString, limit: number): Maybe<KvPair[]>;
  /**
   * Applies all of `batch` or nothing. Resolves when it is *durable* (a power cut cannot undo it), and what it
   * wrote is visible to reads from then on at the latest. Fails with `conflict` when a requirement does not hold,
   * `noSpace` when the disk is full, `io` when the outcome is unknown. Commits are applied in the order of the calls.
   */
  commit(batch: KvBatch): Promise<void>;
  /** Set while nothing may be added because the disk is full: room that is left must last for deletions. */
  readonly refusal?: FsError | undefined;
  /** Waits for running commits, then lets go of the files. */
  close(): Promise<void>;
}

export interface KvPair {
  readonly key: ByteString;
  readonly value: Uint8Array;
}

export interface KvBatch {
  /** The new value of each key; `undefined` deletes it. */
  readonly writes: ReadonlyMap<ByteString, KvValue | undefined>;
  /** Keys that must still have this value (`undefined`: be absent). */
  readonly unchanged?: ReadonlyMap<ByteString, Uint8Array | undefined>;
  /** Ranges that must hold no key. */
  readonly empty?: readonly { readonly from: ByteString; readonly to: ByteString }[];
}
