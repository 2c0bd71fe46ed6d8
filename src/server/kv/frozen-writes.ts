import type { ByteString } from '#base';
import type { KvValue } from './value.ts';

type Value = KvValue | undefined;

/**
 * The writes of a batch as two lists, which look like a map: filling a hash table costs as much as all else that a
 * batch does with a key, and an engine only walks through (`forEach` is the fast way). The keys must be distinct.
 */
export class FrozenWrites implements ReadonlyMap<ByteString, Value> {
  readonly #keys: ByteString[] = [];
  readonly #values: Value[] = [];
  #table: Map<ByteString, Value> | undefined;

  add(key: ByteString, value: Value): void {
    this.#keys.push(key);
    this.#values.push(value);
  }

  get size(): number {
    return this.#keys.length;
  }

  forEach(visit: (value: Value, key: ByteString, map: ReadonlyMap<ByteString, Value>) => void): void {
    const keys = this.#keys;
    const values = this.#values;
    for (let i = 0; i < keys.length; i++) visit(values[i], keys[i]!, this);
  }

  get(key: ByteString): Value {
    return this.#asTable().get(key);
  }

  has(key: ByteString): boolean {
    return this.#asTable().has(key);
  }

  keys(): MapIterator<ByteString> {
    return this.#asTable().keys();
  }

  values(): MapIterator<Value> {
    return this.#asTable().values();
  }

  entries(): MapIterator<[ByteString, Value]> {
    return this.#asTable().entries();
  }

  [Symbol.iterator](): MapIterator<[ByteString, Value]> {
    return this.entries();
  }

  #asTable(): Map<ByteString, Value> {
    if (this.#table === undefined) {
      const table = new Map<ByteString, Value>();
      this.forEach((value, key) => void table.set(key, value));
      this.#table = table;
    }
    return this.#table;
  }
}
