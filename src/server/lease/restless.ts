import type { Clock, Ino } from '#base';

/** So many recalls within the window, and the object is not leased for the time after. */
const recallsMost = 8;
const windowMs = 1000;
const restMs = 1000;
/** Objects that are watched; the oldest are forgotten first. */
const watchedMax = 4096;

interface Watched {
  sinceMs: number;
  recalls: number;
  restsUntilMs: number;
}

/** Objects whose leases were recalled often lately: for them it is quicker to ask each time. */
export class Restless {
  readonly #clock: Clock;
  readonly #watched = new Map<Ino, Watched>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  recalled(ino: Ino): void {
    const nowMs = this.#clock.nowMs();
    let watched = this.#watched.get(ino);
    if (watched === undefined) {
      if (this.#watched.size >= watchedMax) this.#watched.delete(this.#watched.keys().next().value!);
      watched = { sinceMs: nowMs, recalls: 0, restsUntilMs: 0 };
      this.#watched.set(ino, watched);
    } else if (nowMs - watched.sinceMs > windowMs) {
      watched.sinceMs = nowMs;
      watched.recalls = 0;
    }
    watched.recalls++;
    if (watched.recalls >= recallsMost) watched.restsUntilMs = nowMs + restMs;
  }

  mayBeLeased(ino: Ino): boolean {
    const watched = this.#watched.size === 0 ? undefined : this.#watched.get(ino);
    return watched === undefined || this.#clock.nowMs() >= watched.restsUntilMs;
  }
}
