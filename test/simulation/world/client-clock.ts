import type { Clock, ManualClock, Timer } from '#base';
import type { Gate, Source } from './gate.ts';

export interface ClientClockOptions {
  readonly world: ManualClock;
  /** What the clock showed when the world began. */
  readonly startMs: number;
  /** Milliseconds of this clock in one of the world's. */
  readonly rate: number;
  readonly gate: Gate;
}

const source: Source = 'timer';

/** The clock of one machine, which goes at a speed of its own; its timers do not run while its process is stopped. */
export class ClientClock implements Clock {
  wallSec = 0;
  wallNsec = 0;
  readonly #options: ClientClockOptions;

  constructor(options: ClientClockOptions) {
    this.#options = options;
  }

  nowMs(): number {
    const { world, startMs, rate } = this.#options;
    return startMs + world.nowMs() * rate;
  }

  readWall(): void {
    const { world } = this.#options;
    world.readWall();
    this.wallSec = world.wallSec;
    this.wallNsec = world.wallNsec;
  }

  after(delayMs: number, run: () => void): Timer {
    const { world, rate, gate } = this.#options;
    let isCancelled = false;
    const step = (): void => {
      if (!isCancelled) run();
    };
    const timer = world.after(delayMs / rate, () => gate.run(source, step));
    return {
      cancel: () => {
        isCancelled = true;
        timer.cancel();
      },
    };
  }

  /** The same clock as another process of the machine sees it. */
  behind(gate: Gate): ClientClock {
    return new ClientClock({ ...this.#options, gate });
  }
}
