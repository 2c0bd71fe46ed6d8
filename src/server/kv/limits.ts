import { strict as assert } from 'node:assert';
import type { ByteString } from '#base';
import type { KvBatch } from './engine.ts';

export const keyMaxBytes = 511;
export const valueMaxBytes = 1_048_576;

/** Greater than every key: the `to` of a range without an end. */
export const endOfKeys: ByteString = '\xff'.repeat(keyMaxBytes + 1);

/** The least byte string that is greater than all that begin with `prefix`. */
export function endOfPrefix(prefix: ByteString): ByteString {
  for (let length = prefix.length; length > 0; length--) {
    const last = prefix.charCodeAt(length - 1);
    if (last < 255) return prefix.slice(0, length - 1) + String.fromCharCode(last + 1);
  }
  return endOfKeys;
}

/** A key or value beyond the limits is our own mistake, which no engine may see. */
export function assertWithinLimits(batch: KvBatch): void {
  batch.writes.forEach((value, key) => {
    if (key.length === 0 || key.length > keyMaxBytes) assert.fail(`a key of ${key.length} bytes`);
    if (value !== undefined && value.length > valueMaxBytes) assert.fail(`a value of ${value.length} bytes`);
  });
}

export function isSameValue(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : Buffer.compare(a, b) === 0;
}
