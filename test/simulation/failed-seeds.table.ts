import type { CacheMode } from '#protocol';

/**
 * Seeds that found a mistake in shipped code, with what it was. A seed names a schedule only as long as the simulation
 * draws the same, so later it is one more schedule among others.
 */
export const failedSeeds: readonly FailedSeed[] = [
  { mode: 'strict', seed: 1629, found: 'a name that the kernel itself had moved by a rename was not recalled' },
];

interface FailedSeed {
  readonly mode: CacheMode;
  readonly seed: number;
  readonly found: string;
}
