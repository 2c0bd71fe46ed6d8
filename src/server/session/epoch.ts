import type { Maybe } from '#base';
import type { KvStore } from '../kv/store.ts';
import type { Transaction } from '../kv/transaction.ts';
import { decodeNumber, encodeNumber } from '../meta/ino-allocator.ts';
import { key } from '../meta/keys.ts';

/** So many serials, and numbers of grants, are reserved at a time; a start skips what is left of them. */
const reserveCount = 2 ** 30;
/** The next reservation is made when so many are left: far more than there can be until it is durable. */
const reserveAhead = 2 ** 29;

/** One run of a server on a volume, and the numbers that go on growing from one run to the next. */
export class Epoch {
  /** Grows with each start. */
  readonly number: number;
  readonly #store: KvStore;
  readonly #base: number;
  #limit: number;
  #grants: number;

  private constructor(store: KvStore, number: number, base: number) {
    this.#store = store;
    this.number = number;
    this.#base = base - store.committed;
    this.#limit = base + reserveCount;
    this.#grants = base;
  }

  /** Begins the next one, durably. */
  static async begin(store: KvStore): Promise<Epoch> {
    const begun = await store.transact((tx) => {
      const number = numberIn(tx, 'epoch') + 1;
      const base = numberIn(tx, 'serials') + 1;
      tx.put(key.volume('epoch'), encodeNumber(number));
      tx.put(key.volume('serials'), encodeNumber(base + reserveCount));
      return { number, base };
    });
    await store.flush();
    return new Epoch(store, begun.number, begun.base);
  }

  /** Of all that is visible now: the number of transactions so far. */
  get serial(): number {
    const serial = this.#base + this.#store.committed;
    if (serial > this.#limit - reserveAhead) this.#reserve();
    return serial;
  }

  /** Of the latest grant. */
  get lastGrant(): number {
    return this.#grants;
  }

  nextGrant(): number {
    this.#grants += 1;
    if (this.#grants > this.#limit - reserveAhead) this.#reserve();
    return this.#grants;
  }

  #reserve(): void {
    this.#limit += reserveCount;
    const limit = this.#limit;
    const reserved: Maybe<void> = this.#store.transact((tx) => tx.put(key.volume('serials'), encodeNumber(limit)));
    // A store that refuses even this takes no other transaction either.
    if (reserved instanceof Promise) reserved.catch(() => undefined);
  }
}

export function numberIn(tx: Transaction, name: string): number {
  const bytes = tx.get(key.volume(name));
  return bytes === undefined ? 0 : decodeNumber(bytes);
}
