import type { Clock, Timer } from './clock.ts';
import { bootTimeMs, readWallClock } from './file.ts';

/** The machine's clocks. */
export class SystemClock implements Clock {
  readonly #wall = new Float64Array(2);
  wallSec = 0;
  wallNsec = 0;

  nowMs(): number {
    return bootTimeMs();
  }

  readWall(): void {
    readWallClock(this.#wall);
    this.wallSec = this.#wall[0]!;
    this.wallNsec = this.#wall[1]!;
  }

  after(delayMs: number, run: () => void): Timer {
    const timer = setTimeout(run, delayMs);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  }
}
