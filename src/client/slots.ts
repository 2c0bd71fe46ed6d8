import { FsError } from '#base';

/** One place in the session's reply cache: the server keeps the reply of its last sequence. */
export interface Slot {
  readonly index: number;
  /** Of the last call that used the slot. */
  sequence: number;
}

/** A session's slots; who finds none free waits in line, and the line has an end. */
export class Slots {
  readonly #free: Slot[];
  readonly #line: Array<(slot: Slot) => void> = [];
  readonly #waitingMax: number;

  constructor(count: number, waitingMax: number) {
    // The last is taken first: the low ones stay in use, and the server keeps few replies of a quiet session.
    this.#free = Array.from({ length: count }, (_, index) => ({ index: count - 1 - index, sequence: 0 }));
    this.#waitingMax = waitingMax;
  }

  /** Takes a slot, in the order of the calls. Fails with `busy` when too many wait already. */
  take(): { readonly slot: Promise<Slot>; readonly leave: () => void } {
    const free = this.#free.pop();
    if (free !== undefined) return { slot: Promise.resolve(free), leave: () => undefined };
    if (this.#line.length >= this.#waitingMax) throw new FsError('busy', `${this.#waitingMax} calls wait for a slot`);
    const { promise, resolve, reject } = Promise.withResolvers<Slot>();
    this.#line.push(resolve);
    const leave = (): void => {
      const place = this.#line.indexOf(resolve);
      if (place < 0) return;
      this.#line.splice(place, 1);
      reject(new FsError('timedOut', 'no slot came free'));
    };
    return { slot: promise, leave };
  }

  giveBack(slot: Slot): void {
    const next = this.#line.shift();
    if (next === undefined) this.#free.push(slot);
    else next(slot);
  }
}
