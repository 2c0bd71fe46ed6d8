/** What a workload is: work done in turns by each target, the metrics that come out of it, and their goals. */

import type { App } from './app.ts';
import type { Cleanup } from './cleanup.ts';
import type { Fixtures } from './fixtures.ts';
import type { Mounted, MountWish } from './mounted.ts';
import type { TargetName } from './options.ts';
import type { Medium } from './site.ts';

/** Times and memory are better when less, rates when more; counts are absolute. */
export type Unit = 'ns' | 'bytes/s' | 'operations/s' | 'requests' | 'bytes' | 'times';

export type Goal =
  /** The subject is at least so many times as fast (or as frugal) as the other. */
  | { readonly over: TargetName; readonly atLeast: number }
  /** An absolute limit. */
  | { readonly atMost: number };

export interface Metric {
  readonly title: string;
  readonly unit: Unit;
  readonly goals: readonly Goal[];
}

/** One sample of each metric, by its key in `metrics`. Absent where a target has no such thing. */
export type Samples = Readonly<Record<string, number | undefined>>;

export interface Outcome {
  readonly samples: Samples;
  /** Lines that explain a sample, printed below the table: requests by opcode. */
  readonly details?: readonly string[];
}

export interface Turn {
  readonly mounted: Mounted;
  /** An empty directory on the target, made for this turn and removed after it. */
  readonly directory: string;
  /** The same directory seen past the daemon, where that is possible. */
  readonly backing: string;
  readonly app: App;
  readonly core: number | undefined;
  readonly fixtures: Fixtures;
  readonly cleanup: Cleanup;
}

export interface Workload {
  readonly name: string;
  /** Several workloads that are asked for together. */
  readonly group: string;
  readonly title: string;
  /** `memory`: pinned to one core, with stores on a tmpfs. `disk`: unpinned. */
  readonly medium: Medium;
  readonly targets: readonly TargetName[];
  /** Which of the targets have goals; default: `cfs`. */
  readonly subjects?: readonly TargetName[];
  readonly wish?: Omit<MountWish, 'core'>;
  /** `none`: targets are not mounted, and stand for ways to do the same work. */
  readonly mount?: 'none';
  /** A fixed number of turns for what is long or exact. */
  readonly rounds?: number;
  /** `turn`: a fresh mount and store for each turn, thrown away whole afterwards. */
  readonly mountPer?: 'turn';
  readonly metrics: Readonly<Record<string, Metric>>;
  /** Said below the result: what explains a ratio. */
  readonly note?: string;
  run(turn: Turn): Promise<Outcome>;
}

/** The value of one target's metric is better when it is less, except for rates. */
export function isRate(unit: Unit): boolean {
  return unit === 'bytes/s' || unit === 'operations/s';
}
