import type { ByteString } from '#base';
import type { Bucket } from './dirty-index.ts';

/** What an entry costs in memory beside its key and value, about. */
const overheadBytes = 160;

/** A key whose value (or absence) is known without asking the engine. */
export class Entry {
  readonly key: ByteString;
  /** `undefined`: the key has no value. */
  value: Uint8Array | undefined;
  /** Written since the last batch was frozen. */
  isDirty = false;
  /** Part of the batch that is being committed, perhaps with an older value. */
  isFrozen = false;
  /** The engine is known not to hold the key once the frozen batch is in, so a deletion need not be written. */
  isAbsent = false;
  /** Looked at since the clock hand last passed. */
  isReferenced = true;
  /** Has a place in the ring of clean entries (it may have become dirty since). */
  isInRing = false;
  /** What the ring has charged for it. */
  ringBytes = 0;
  bucket: Bucket | undefined = undefined;

  constructor(key: ByteString, value: Uint8Array | undefined) {
    this.key = key;
    this.value = value;
  }
}

export function costOf(key: ByteString, value: Uint8Array | undefined): number {
  return overheadBytes + key.length + (value === undefined ? 0 : value.length);
}
