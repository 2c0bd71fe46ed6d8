import type { Clock, Timer } from '#base';

/** The clocks of client and server may differ by so much over one TTL. */
export const driftMs = 1000;
/** A session that nobody uses is renewed so many times within its TTL. */
const renewalsPerTtl = 3;
/** Times are sums of fractions: a rest below this is none, and would be waited for again and again. */
const leastMs = 1;

export interface LifetimeEvents {
  /** Nothing was answered for a third of the TTL. */
  renew(): void;
  /** What was believed until now may be given away by the server. */
  over(): void;
}

/**
 * How long a session certainly lives: a TTL, less the drift, from the *sending* of the last call that was answered.
 * The server counts from the receiving, so the client stops first.
 */
export class Lifetime {
  readonly #clock: Clock;
  readonly #events: LifetimeEvents;
  #ttlMs = 0;
  #sentAtMs = Number.NEGATIVE_INFINITY;
  #deadlineMs = Number.NEGATIVE_INFINITY;
  #renewal: Timer | undefined;
  #deadline: Timer | undefined;

  constructor(clock: Clock, events: LifetimeEvents) {
    this.#clock = clock;
    this.#events = events;
  }

  get ttlMs(): number {
    return this.#ttlMs;
  }

  /** Milliseconds; 0 when it is over. */
  leftMs(): number {
    return Math.max(0, this.#deadlineMs - this.#clock.nowMs());
  }

  /** A session begins; `sentAtMs` is when it was asked for. */
  begin(ttlMs: number, sentAtMs: number): void {
    this.end();
    this.#ttlMs = ttlMs;
    this.answered(sentAtMs);
    this.#renewLater();
  }

  /** A call that was sent then has been answered. */
  answered(sentAtMs: number): void {
    if (sentAtMs <= this.#sentAtMs) return;
    this.#sentAtMs = sentAtMs;
    this.#deadlineMs = sentAtMs + this.#ttlMs - driftMs;
    this.#deadline ??= this.#watch();
  }

  end(): void {
    this.#renewal?.cancel();
    this.#deadline?.cancel();
    this.#deadline = undefined;
    this.#sentAtMs = Number.NEGATIVE_INFINITY;
    this.#deadlineMs = Number.NEGATIVE_INFINITY;
  }

  #watch(): Timer | undefined {
    const leftMs = this.leftMs();
    if (leftMs === 0) return;
    return this.#clock.after(Math.max(leftMs, leastMs), () => {
      this.#deadline = this.#watch();
      if (this.#deadline === undefined) this.#events.over();
    });
  }

  #renewLater(): void {
    const everyMs = this.#ttlMs / renewalsPerTtl;
    const sinceMs = this.#clock.nowMs() - this.#sentAtMs;
    const restMs = everyMs - sinceMs;
    this.#renewal = this.#clock.after(restMs >= leastMs ? restMs : everyMs, () => {
      if (this.#clock.nowMs() - this.#sentAtMs > everyMs - leastMs) this.#events.renew();
      this.#renewLater();
    });
  }
}
