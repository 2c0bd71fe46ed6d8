import type { Ino } from '#base';
import type { KvStore } from '../kv/store.ts';

/**
 * What was changed and could still be lost by a crash. Nobody is told of it before it is durable: else a client could
 * know what the server has forgotten.
 */
export class Undurable {
  readonly #store: KvStore;
  /** By inode, the transaction that must be durable. Emptied whenever all are, so it is as large as one commit. */
  readonly #until = new Map<Ino, number>();
  #last = 0;

  constructor(store: KvStore) {
    this.#store = store;
  }

  changed(ino: Ino): void {
    this.#last = this.#store.committed;
    this.#until.set(ino, this.#last);
  }

  /** Waits until nothing of these can be lost any more; undefined when that is so now. */
  settled(inos: Iterable<Ino>): Promise<void> | undefined {
    if (this.#until.size === 0) return undefined;
    if (this.#store.durable >= this.#last) {
      this.#until.clear();
      return undefined;
    }
    for (const ino of inos) if ((this.#until.get(ino) ?? 0) > this.#store.durable) return this.#store.flush();
    return undefined;
  }
}
