import type { Clock, Ino, Timer } from '#base';
import type { LeaseReturn } from '#protocol';

/** Returns travel together: so many, or after so long. */
const togetherMax = 512;
const togetherMs = 100;

/** Leases that the client gives back unasked, in bulk. */
export class LeaseReturns {
  readonly #clock: Clock;
  readonly #send: (leases: LeaseReturn[]) => void;
  readonly #waiting = new Map<Ino, LeaseReturn>();
  #timer: Timer | undefined;

  constructor(clock: Clock, send: (leases: LeaseReturn[]) => void) {
    this.#clock = clock;
    this.#send = send;
  }

  /** What was granted later than `number` is not given back. */
  add({ ino, kinds, number }: LeaseReturn): void {
    const before = this.#waiting.get(ino);
    const both = before && { ino, kinds: kinds | before.kinds, number: Math.max(number, before.number) };
    this.#waiting.set(ino, both ?? { ino, kinds, number });
    if (this.#waiting.size >= togetherMax) this.#flush();
    else this.#timer ??= this.#clock.after(togetherMs, () => this.#flush());
  }

  clear(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#waiting.clear();
  }

  #flush(): void {
    const leases = [...this.#waiting.values()];
    this.clear();
    this.#send(leases);
  }
}
