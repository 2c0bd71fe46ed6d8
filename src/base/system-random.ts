import { randomFillSync } from 'node:crypto';
import type { Random } from './random.ts';

/** The machine's own randomness, drawn in blocks. */
export class SystemRandom implements Random {
  readonly #block = new Uint32Array(256);
  #next = this.#block.length;

  u32(): number {
    if (this.#next === this.#block.length) {
      randomFillSync(this.#block);
      this.#next = 0;
    }
    return this.#block[this.#next++]!;
  }
}
