import type { ByteString } from '#base';
import type { KvPair } from './engine.ts';

/** Blocks are split at this many keys, so that an insertion moves few. */
const blockKeys = 256;

/** A sorted map of byte strings in memory: sorted blocks of keys beside a hash table of the values. */
export class OrderedMap {
  readonly #values = new Map<ByteString, Uint8Array>();
  /** Never empty blocks, but for the only one of an empty map. */
  #blocks: ByteString[][] = [[]];

  get size(): number {
    return this.#values.size;
  }

  get(key: ByteString): Uint8Array | undefined {
    return this.#values.get(key);
  }

  set(key: ByteString, value: Uint8Array | undefined): void {
    if (value === undefined) {
      if (this.#values.delete(key)) this.#remove(key);
      return;
    }
    const size = this.#values.size;
    this.#values.set(key, value);
    if (this.#values.size > size) this.#insert(key);
  }

  range(from: ByteString, to: ByteString, limit: number): KvPair[] {
    const pairs: KvPair[] = [];
    let at = this.#blockOf(from);
    let index = lowerBound(this.#blocks[at]!, from);
    while (pairs.length < limit) {
      const block = this.#blocks[at];
      if (block === undefined) break;
      const key = block[index++];
      if (key === undefined) {
        at++;
        index = 0;
        continue;
      }
      if (key >= to) break;
      pairs.push({ key, value: this.#values.get(key)! });
    }
    return pairs;
  }

  clone(): OrderedMap {
    const copy = new OrderedMap();
    for (const [key, value] of this.#values) copy.#values.set(key, value);
    copy.#blocks = this.#blocks.map((block) => block.slice());
    return copy;
  }

  #insert(key: ByteString): void {
    const at = this.#blockOf(key);
    const block = this.#blocks[at]!;
    block.splice(lowerBound(block, key), 0, key);
    if (block.length > blockKeys) this.#blocks.splice(at + 1, 0, block.splice(blockKeys >> 1));
  }

  #remove(key: ByteString): void {
    const at = this.#blockOf(key);
    const block = this.#blocks[at]!;
    block.splice(lowerBound(block, key), 1);
    if (block.length === 0 && this.#blocks.length > 1) this.#blocks.splice(at, 1);
  }

  /** The last block whose first key is not greater than `key`, or the first. */
  #blockOf(key: ByteString): number {
    let low = 0;
    let high = this.#blocks.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.#blocks[middle]![0]! <= key) low = middle;
      else high = middle;
    }
    return low;
  }
}

function lowerBound(keys: readonly ByteString[], key: ByteString): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (keys[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
