/** What a daemon costs, read from /proc: processor time and memory. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** How long a daemon may go on working after the application has ended. */
const settleLimitMs = 30_000;
const settlePollMs = 20;
/** Less than this in one poll is a timer, not work. */
const quietNs = 300_000;
const quietPolls = 3;

/**
 * Processor time in nanoseconds of all threads of these processes. From schedstat, since utime and stime of
 * /proc/PID/stat count in ticks of 10 ms, and a short turn is a few ticks; those two where schedstat is not built in.
 * A thread that ended in between is missed: the daemons measured here keep theirs.
 */
export function cpuNs(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + (threadsNs(pid) ?? ticksNs(pid)), 0);
}

/** Waits until the daemons have done what the application left to them: RELEASE, FORGET, a group commit. */
export async function settle(pids: readonly number[]): Promise<void> {
  if (pids.length === 0) return;
  const deadline = performance.now() + settleLimitMs;
  let before = cpuNs(pids);
  for (let quiet = 0; quiet < quietPolls && performance.now() < deadline; ) {
    await sleep(settlePollMs);
    const now = cpuNs(pids);
    quiet = now - before < quietNs ? quiet + 1 : 0;
    before = now;
  }
}

export interface Memory {
  readonly rssBytes: number;
  /** Without mapped files, of which an embedded database maps its whole self. */
  readonly anonymousBytes: number;
}

export function memoryOf(pid: number): Memory {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const field = (name: string) => Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(rollup)?.[1] ?? 0) * 1024;
  return { rssBytes: field('Rss'), anonymousBytes: field('Anonymous') };
}

function threadsNs(pid: number): number | undefined {
  if (!existsSync(`/proc/${pid}/schedstat`)) return undefined;
  return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => sum + threadNs(pid, thread), 0);
}

function threadNs(pid: number, thread: string): number {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
  } catch {
    // It ended since the directory was read.
    return 0;
  }
}

function ticksNs(pid: number): number {
  // The name in parentheses may hold spaces, so fields are counted from behind it: utime and stime are 14 and 15.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10_000_000;
}
