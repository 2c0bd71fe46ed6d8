import { strict as assert } from 'node:assert';

/**
 * A lock that many hold together or one alone, in the order in which they asked, as the kernel's rw_semaphore: whoever
 * waits to have it alone holds up those who come later.
 */
export class FairLock {
  #holders = 0;
  #alone = false;
  readonly #line: { alone: boolean; enter: () => void }[] = [];

  /** Resolves with what gives the lock back. */
  take(how: 'shared' | 'alone'): Promise<() => void> {
    return new Promise((resolve) => {
      const alone = how === 'alone';
      const enter = (): void => {
        this.#holders += 1;
        this.#alone = alone;
        let isHeld = true;
        resolve(() => {
          assert(isHeld, 'a lock is given back once');
          isHeld = false;
          this.#holders -= 1;
          this.#admit();
        });
      };
      this.#line.push({ alone, enter });
      this.#admit();
    });
  }

  /** Whether `take('alone')` would have to wait. */
  get isBusy(): boolean {
    return this.#holders > 0 || this.#line.length > 0;
  }

  #admit(): void {
    for (let first = this.#line[0]; first !== undefined; first = this.#line[0]) {
      if (this.#holders > 0 && (first.alone || this.#alone)) return;
      this.#line.shift();
      first.enter();
    }
  }
}
