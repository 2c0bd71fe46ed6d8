/** Time as the rest of the code sees it; the simulation brings its own. */
export interface Clock {
  /** Milliseconds on a clock that never jumps and counts time asleep (CLOCK_BOOTTIME). */
  nowMs(): number;
  /** Reads the wall clock (CLOCK_REALTIME) into `wallSec` and `wallNsec`. */
  readWall(): void;
  /** Seconds since the epoch at the last `readWall`. */
  wallSec: number;
  /** Nanoseconds within that second, 0 to 999,999,999. */
  wallNsec: number;
  /** Calls `run` once after `delayMs`, unless cancelled. A timer alone does not keep the process alive. */
  after(delayMs: number, run: () => void): Timer;
}

export interface Timer {
  /** `run` is not called any more. Idempotent. */
  cancel(): void;
}

/** Resolves after `delayMs` on `clock`. */
export function sleep(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => void clock.after(delayMs, resolve));
}
