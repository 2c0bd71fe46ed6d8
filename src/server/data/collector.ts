import type { Ino, Timer } from '#base';
import { inoOfKey, key } from '../meta/keys.ts';
import type { Volume } from '../volume.ts';

/** How many blobs go between two waits for the metadata store. */
const batchCount = 256;
/** How many removals are under way at a time: they share the thread pool with reads. */
const parallelCount = 2;
/** How long removals gather before they are worked off. */
const gatherMs = 50;

/**
 * Removes the blobs of inodes that are gone, in the background. A blob goes only after the removal of its inode is
 * durable: else a power cut could bring back the inode without its content.
 */
export class Collector {
  readonly #volume: Pick<Volume, 'store' | 'blobs' | 'clock'>;
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;
  #again = false;
  #closed = false;

  constructor(volume: Pick<Volume, 'store' | 'blobs' | 'clock'>) {
    this.#volume = volume;
  }

  /** Some time after this, blobs that are freed are gone. */
  soon(): void {
    this.#again = true;
    if (this.#closed || this.#timer !== undefined || this.#running !== undefined) return;
    this.#timer = this.#volume.clock.after(gatherMs, () => {
      this.#timer = undefined;
      this.#start();
    });
  }

  /** Removes what is freed now. Fails as the stores do; what is left is found again at the next start. */
  async collect(): Promise<void> {
    for (;;) {
      const inos = await this.#nextBatch();
      if (inos.length === 0) return;
      await this.#remove(inos);
    }
  }

  /** Finishes what is freed. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#running;
    await this.collect();
  }

  #start(): void {
    this.#again = false;
    // A failure leaves the keys in place, and the next call or start tries again.
    this.#running = this.collect()
      .catch(() => undefined)
      .finally(() => {
        this.#running = undefined;
        if (this.#again) this.soon();
      });
  }

  async #nextBatch(): Promise<Ino[]> {
    const { store } = this.#volume;
    const inos: Ino[] = [];
    for await (const pair of store.scan('F')) {
      inos.push(inoOfKey(pair.key));
      if (inos.length === batchCount) break;
    }
    if (inos.length > 0) await store.flush();
    return inos;
  }

  async #remove(inos: readonly Ino[]): Promise<void> {
    const { blobs, store } = this.#volume;
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < inos.length) await blobs.remove(inos[next++]!);
    };
    await Promise.all(Array.from({ length: parallelCount }, worker));
    // Else a power cut could bring back a blob that nobody knows to be freed.
    await blobs.syncRemoved(inos);
    await store.transact((tx) => {
      for (const ino of inos) tx.delete(key.freed(ino));
    });
  }
}
