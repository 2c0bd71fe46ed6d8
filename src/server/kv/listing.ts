import type { ByteString } from '#base';
import type { KvPair } from './engine.ts';
import type { Bucket, Entry } from './entry.ts';
import { endOfPrefix } from './limits.ts';
import type { Resident } from './resident.ts';
import { rangePrefixBytes } from './transaction.ts';
import { bytesOf } from './value.ts';

/** Pages grow to this size where much of what the engine has is deleted here. */
const pageMaxPairs = 256;

export interface ListSource {
  readonly resident: Resident;
  get(key: ByteString): Uint8Array | undefined;
  /** The engine's pairs. */
  range(from: ByteString, to: ByteString, limit: number): KvPair[];
}

/** The pairs that begin with `prefix` and follow `after`, at most `limit`: the engine's below the dirty ones. */
export function list(source: ListSource, prefix: ByteString, after: ByteString, limit: number): KvPair[] {
  const { resident } = source;
  const to = endOfPrefix(prefix);
  let from = after < prefix ? prefix : `${after}\0`;
  const pairs: KvPair[] = [];
  const bucket = resident.index.find(prefix);
  const isWhole = prefix.length === rangePrefixBytes;
  if (isWhole && from === prefix && (bucket !== undefined || resident.isPending(prefix))) {
    // The key that is the prefix itself is in no bucket.
    const value = source.get(prefix);
    if (value !== undefined) pairs.push({ key: prefix, value });
    from = `${prefix}\0`;
  }
  if (pairs.length >= limit || from >= to) return pairs.slice(0, limit);
  if (bucket === undefined) {
    const stored = source.range(from, to, limit - pairs.length);
    return pairs.length === 0 ? stored : pairs.concat(stored);
  }
  const searchesStart = isWhole && (from === `${prefix}\0` || from <= bucket.emptyBelow);
  if (from < bucket.emptyBelow) from = bucket.emptyBelow;
  const merged = from >= to ? [] : merge(source, bucket, { from, to, limit: limit - pairs.length });
  if (searchesStart) bucket.emptyBelow = merged[0]?.key ?? to;
  return pairs.length === 0 ? merged : pairs.concat(merged);
}

interface Wanted {
  readonly from: ByteString;
  readonly to: ByteString;
  readonly limit: number;
}

function merge(source: ListSource, bucket: Bucket, wanted: Wanted): KvPair[] {
  const { to, limit } = wanted;
  const pairs: KvPair[] = [];
  const dirty = bucket.sorted();
  let at = lowerBound(dirty, wanted.from);
  let from = wanted.from;
  for (let page = limit; ; page = Math.max(limit, Math.min(page * 2, pageMaxPairs))) {
    const stored = source.range(from, to, page);
    for (const pair of stored) {
      at = take(bucket, dirty, { at, before: pair.key, limit, pairs });
      if (pairs.length === limit) return pairs;
      at = skipLeft(bucket, dirty, at);
      const own = dirty[at];
      if (own !== undefined && own.key === pair.key) {
        at++;
        if (own.value !== undefined) pairs.push({ key: own.key, value: bytesOf(own.value) });
      } else pairs.push(pair);
      if (pairs.length === limit) return pairs;
    }
    if (stored.length < page) break;
    from = `${stored.at(-1)!.key}\0`;
  }
  take(bucket, dirty, { at, before: to, limit, pairs });
  return pairs;
}

interface Taking {
  at: number;
  readonly before: ByteString;
  readonly limit: number;
  readonly pairs: KvPair[];
}

/** Appends the dirty pairs below `before` while there is room; returns the index of the next. */
function take(bucket: Bucket, dirty: readonly Entry[], taking: Taking): number {
  let { at } = taking;
  const { before, limit, pairs } = taking;
  for (; at < dirty.length && pairs.length < limit; at++) {
    const { key, value, bucket: owner } = dirty[at]!;
    if (key >= before) break;
    if (owner === bucket && value !== undefined) pairs.push({ key, value: bytesOf(value) });
  }
  return at;
}

function skipLeft(bucket: Bucket, dirty: readonly Entry[], from: number): number {
  let at = from;
  while (at < dirty.length && dirty[at]!.bucket !== bucket) at++;
  return at;
}

function lowerBound(entries: readonly Entry[], key: ByteString): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (entries[middle]!.key < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
