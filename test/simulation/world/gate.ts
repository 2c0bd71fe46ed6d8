import type { ManualClock } from '#base';

/** Where something comes from that makes a process run. */
export type Source = 'timer' | 'network' | 'kernel';

/**
 * A process as the world sees it: it runs when a timer falls due, a message arrives or its kernel asks. Stopped
 * (SIGSTOP, a machine that stands still), it does nothing, and what comes waits; then the waiting things happen one
 * after the other, those of one source in their order. Ended, nothing happens any more.
 */
export class Gate {
  readonly #clock: ManualClock;
  #state: 'open' | 'stopped' | 'ended' = 'open';
  readonly #waiting: Record<Source, (() => void)[]> = { timer: [], network: [], kernel: [] };
  #isDraining = false;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  get hasEnded(): boolean {
    return this.#state === 'ended';
  }

  run(source: Source, step: () => void): void {
    if (this.#state === 'open' && !this.#isDraining) step();
    else if (this.#state !== 'ended') this.#waiting[source].push(step);
  }

  stop(): void {
    if (this.#state === 'open') this.#state = 'stopped';
  }

  /** `order`: which source is looked at first. */
  goOn(order: readonly Source[]): void {
    if (this.#state !== 'stopped') return;
    this.#state = 'open';
    this.#isDraining = true;
    this.#drain(order);
  }

  end(): void {
    this.#state = 'ended';
    for (const source of sources) this.#waiting[source].length = 0;
  }

  #drain(order: readonly Source[]): void {
    if (this.#state !== 'open') {
      this.#isDraining = false;
      return;
    }
    const source = order.find((each) => this.#waiting[each].length > 0);
    if (source === undefined) {
      this.#isDraining = false;
      return;
    }
    this.#waiting[source].shift()!();
    this.#clock.after(0, () => this.#drain(order));
  }
}

export const sources: readonly Source[] = ['timer', 'network', 'kernel'];
