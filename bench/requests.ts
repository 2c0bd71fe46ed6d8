/**
 * Counts the requests that the kernel sends to a daemon, by opcode. The kernel's own tracepoint counts for every file
 * system alike and needs no help from the daemon (Linux 6.13 and tracefs); without it ClaudeFS is asked for its
 * counters by `cfs status --json`, and bindfs, which has none, is left out.
 */

import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cleanup } from './cleanup.ts';
import { run } from './command.ts';
import { settle } from './daemon.ts';
import { cfsStatus, type Mounted } from './mounted.ts';
import { mountInfo } from './unmount.ts';

/** Requests by opcode, in lower case: `{ lookup: 2, getattr: 1 }`. */
export type RequestCounts = ReadonlyMap<string, number>;

/**
 * No one waits for these and a daemon gets many in one, so they are not counted: what the kernel forgets, and when,
 * depends on its memory and not on the operation.
 */
const uncounted = new Set(['forget', 'batch_forget', 'interrupt']);

const tracePlaces = ['/sys/kernel/tracing', '/sys/kernel/debug/tracing'];
const traceBufferKiB = 16_384;

/** The requests that `work` causes on this mount; undefined where nothing counts them. */
export async function countRequests(
  mounted: Mounted,
  context: { cleanup: Cleanup; work: () => Promise<unknown> },
): Promise<RequestCounts | undefined> {
  await settle(mounted.pids);
  const trace = await openTrace(context.cleanup);
  if (trace !== undefined) return traced(trace, mounted, context.work);
  if (mounted.target !== 'cfs') return undefined;
  const before = await daemonCounters(mounted);
  await context.work();
  await settle(mounted.pids);
  const after = await daemonCounters(mounted);
  return withoutUncounted([...after].map(([opcode, count]) => [opcode, count - (before.get(opcode) ?? 0)]));
}

/** The counters of the daemon itself: the one place that knows their format. */
async function daemonCounters(mounted: Mounted): Promise<RequestCounts> {
  const { requests } = await cfsStatus(mounted.directory);
  if (requests === undefined) throw new Error('cfs status --json has no field "requests"');
  return new Map(Object.entries(requests));
}

interface Trace {
  readonly directory: string;
  close(): Promise<void>;
}

async function traced(trace: Trace, mounted: Mounted, work: () => Promise<unknown>): Promise<RequestCounts> {
  const set = (file: string, value: string) => writeFileSync(join(trace.directory, file), value);
  try {
    // The tracepoint knows a connection by the device number of its mount, whose major number is 0.
    const device = mountInfo(mounted.directory)?.device.split(':')[1];
    set('buffer_size_kb', String(traceBufferKiB));
    set('events/fuse/fuse_request_send/filter', `connection == ${device}`);
    set('events/fuse/fuse_request_send/enable', '1');
    await work();
    await settle(mounted.pids);
    set('events/fuse/fuse_request_send/enable', '0');
    return parseTrace(readFileSync(join(trace.directory, 'trace'), 'utf8'));
  } finally {
    await trace.close();
  }
}

function parseTrace(text: string): RequestCounts {
  const written = /entries-in-buffer\/entries-written: (\d+)\/(\d+)/.exec(text);
  if (written?.[1] !== written?.[2]) throw new Error('the trace buffer is too small for this workload');
  const counts = new Map<string, number>();
  for (const [, opcode] of text.matchAll(/fuse_request_send: .*\(FUSE_(\w+)\)/g)) {
    const name = (opcode ?? '').toLowerCase();
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return withoutUncounted(counts);
}

function withoutUncounted(counts: Iterable<readonly [string, number]>): RequestCounts {
  return new Map([...counts].filter(([opcode, count]) => count > 0 && !uncounted.has(opcode)));
}

/** A trace buffer of our own, so that others who trace this kernel are neither disturbed nor counted. */
async function openTrace(cleanup: Cleanup): Promise<Trace | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  if (mountInfo(tracePlaces[0] ?? '') === undefined) await mountTracing(cleanup);
  for (const place of tracePlaces) {
    const directory = join(place, 'instances', `cfs-bench-${process.pid}`);
    try {
      mkdirSync(directory);
      readFileSync(join(directory, 'events/fuse/fuse_request_send/id'));
      return { directory, close: cleanup.defer(`trace ${directory}`, () => rmdirSync(directory)) };
    } catch {
      await removeInstance(directory);
    }
  }
  return undefined;
}

/** Containers and small systems leave tracefs unmounted; it is unmounted again at the end of the run. */
async function mountTracing(cleanup: Cleanup): Promise<void> {
  const place = tracePlaces[0] ?? '';
  const mounted = await run(['mount', '-t', 'tracefs', 'cfs-bench', place]).then(
    () => true,
    () => false,
  );
  if (mounted) cleanup.defer(`tracefs ${place}`, async () => void (await run(['umount', place], { isCleanup: true })));
}

async function removeInstance(directory: string): Promise<void> {
  try {
    rmdirSync(directory);
  } catch {
    // It was never made: tracefs is absent, or this kernel has no instances.
  }
}
