/** Work whose time is a loop of system calls in the application (app.cc). */

import { cpuNs, settle } from '../daemon.ts';
import { dropCaches } from '../host.ts';
import type { Metric, Outcome, Turn, Unit } from '../workload.ts';

/** A verb of app.cc and its numbers; the turn's directory goes in between. */
export type Step = readonly [verb: string, ...numbers: number[]];

export interface Loop {
  /** Set-up, not timed. */
  readonly prepare?: readonly Step[];
  readonly timed: Step;
  /** `cold`: what the kernel cached of the file system is dropped before the timed part. */
  readonly cache?: 'cold';
}

/** Runs the set-up, then the timed loop; the result is time and daemon CPU per operation. */
export function loop({ prepare = [], timed, cache }: Loop): (turn: Turn) => Promise<Outcome> {
  return async (turn) => {
    for (const [verb, ...numbers] of prepare) await turn.app(verb, turn.directory, ...numbers);
    if (cache === 'cold') await forgetInodes(turn);
    const [verb, ...numbers] = timed;
    return { samples: await perOperation(turn, () => turn.app(verb, turn.directory, ...numbers)) };
  };
}

/**
 * Time and daemon CPU per operation. Daemons are idle before and after, so a turn pays for no other, and what a daemon
 * puts off until after the reply is missing from the time but counted in its CPU.
 */
export async function perOperation(
  turn: Turn,
  work: () => Promise<{ operations: number; nanoseconds: number }>,
): Promise<{ time: number; cpu: number | undefined }> {
  const { pids } = turn.mounted;
  await settle(pids);
  const before = cpuNs(pids);
  const { operations, nanoseconds } = await work();
  await settle(pids);
  const cpu = pids.length === 0 ? undefined : (cpuNs(pids) - before) / operations;
  return { time: nanoseconds / operations, cpu };
}

/** Drops dentries and inodes of FUSE mounts; waits until the daemons have taken in what they were told to forget. */
export async function forgetInodes(turn: Turn): Promise<void> {
  if (!dropCaches('inodes')) throw new Error('dropping caches for a cold run needs root');
  await settle(turn.mounted.pids);
}

/** The two metrics of every loop, with the goals of the first and of the second. */
export function timeAndCpu(
  time: Metric['goals'],
  cpu: Metric['goals'] = [],
  unit: Unit = 'ns',
): Record<string, Metric> {
  return {
    time: { title: 'time', unit, goals: time },
    cpu: { title: 'daemon CPU', unit: 'ns', goals: cpu },
  };
}
