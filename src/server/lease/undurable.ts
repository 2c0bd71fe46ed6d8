import type { Ino } from '#base';
import type { KvStore } from '../kv/store.ts';

/**
 * What was changed and could still be lost by a crash. Nobody is told of it before it is durable: else a client could
 * know what the server has forgotten.
 */
export class Undurable {
  readonly #store: KvStore;
  /** By inode, the transaction that must be durable, in their order: no more than the store has dirty. */
  readonly #until = new Map<Ino, number>();

  constructor(store: KvStore) {
    this.#store = store;
  }

  get isEmpty(): boolean {
    return this.#until.size === 0;
  }

  changed(ino: Ino): void {
    this.#until.delete(ino);
    this.#until.set(ino, this.#store.committed);
    this.#forget();
  }

  /** Waits until nothing of these can be lost any more; undefined when that is so now. */
  settled(inos: Iterable<Ino>): Promise<void> | undefined {
    if (this.#until.size === 0) return undefined;
    this.#forget();
    // A store that refuses to save can still be looked at: whoever makes room must see what is there.
    for (const ino of inos) if (this.#until.has(ino)) return this.#store.flush().catch(() => undefined);
    return undefined;
  }

  /** Drops what is durable by now. */
  #forget(): void {
    const { durable } = this.#store;
    for (const [ino, until] of this.#until) {
      if (until > durable) return;
      this.#until.delete(ino);
    }
  }
}
