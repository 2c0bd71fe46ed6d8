import type { ManualClock } from './manual-clock.ts';
import type { Maybe } from './maybe.ts';

/**
 * Runs the world of a manual clock, timer by timer, until `result` is there: its value, or its failure. Between two
 * timers everything that was made ready runs to its end, so one seed always gives one order. Fails when no timer is
 * left and the result never comes.
 */
export async function drive<T>(clock: ManualClock, result: Maybe<T>): Promise<T> {
  let settled = !(result instanceof Promise);
  const settle = (): void => {
    settled = true;
  };
  if (result instanceof Promise) result.then(settle, settle);
  for (;;) {
    await readyWorkDone();
    if (settled) return result;
    if (!clock.runNext())
      throw new Error(`nothing is left to happen at ${clock.nowMs()} ms, and the result is not there`);
  }
}

/** All promise reactions run before the event loop gets to an immediate. */
function readyWorkDone(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
