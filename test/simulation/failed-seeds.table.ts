import type { CacheMode } from '#protocol';

/**
 * Seeds that found a mistake in shipped code, with what it was. A seed names a schedule only as long as the simulation
 * draws the same, so later it is one more schedule among others.
 */
export const failedSeeds: readonly FailedSeed[] = [];

interface FailedSeed {
  readonly mode: CacheMode;
  readonly seed: number;
  readonly found: string;
}
