/**
 * Kernel requests per operation: exact, so that no noise disturbs them. Each operation is done many times and the sum
 * divided, which spreads the few requests of the walk to the directory over all.
 */

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../command.ts';
import { countRequests, type RequestCounts } from '../requests.ts';
import type { Goal, Metric, Outcome, Turn } from '../workload.ts';
import { forgetInodes } from './loop.ts';

const operations = 1_000;
const listedEntries = 1_000;
const warmPasses = 1;

interface Count {
  readonly title: string;
  /** The largest number that reaches the goal; fractions below a twentieth are the walk to the directory. */
  readonly goal: { readonly passthrough: number; readonly daemon: number };
  readonly per: number;
  prepare?(turn: Turn, directory: string): Promise<unknown>;
  work(turn: Turn, directory: string): Promise<unknown>;
}

const counts: Readonly<Record<string, Count>> = {
  create: {
    title: 'create + write 1 KiB + close, directory listed',
    goal: { passthrough: 3, daemon: 4 },
    per: operations,
    prepare: (turn, directory) => turn.app('list', directory),
    work: (turn, directory) => turn.app('create', directory, operations, 1024),
  },
  unlink: {
    title: 'unlink',
    goal: { passthrough: 1, daemon: 1 },
    per: operations,
    prepare: (turn, directory) => turn.app('create', directory, operations, 1024),
    work: (turn, directory) => turn.app('unlink', directory, operations),
  },
  stat: {
    title: 'warm stat',
    goal: { passthrough: 0, daemon: 0 },
    per: operations,
    prepare: warm,
    // Of two passes the first is untimed but counted, hence the pass before, which takes the cold requests.
    work: (turn, directory) => turn.app('stat', directory, operations / 2, warmPasses),
  },
  open: {
    title: 'warm open + close',
    goal: { passthrough: 2, daemon: 2 },
    per: operations,
    prepare: warm,
    work: (turn, directory) => turn.app('open', directory, operations / 2, warmPasses),
  },
  tar: {
    title: 'one file of a tar extract',
    goal: { passthrough: 6, daemon: 6 },
    per: 5_000,
    work: async (turn, directory) => run(['tar', '-xf', await turn.fixtures.flatArchive(), '-C', directory]),
  },
  ls: {
    title: `ls -l of ${listedEntries} entries, cold`,
    goal: { passthrough: listedEntries / 100 + 4, daemon: listedEntries / 100 + 4 },
    per: 1,
    prepare: async (turn, directory) => {
      await turn.app('create', directory, listedEntries, 1024);
      await forgetInodes(turn);
    },
    work: (_turn, directory) => run(['ls', '-l', directory]),
  },
};

/** The metrics of all counts; `mode` chooses their goals. */
export function countMetrics(mode: 'passthrough' | 'daemon'): Record<string, Metric> {
  return Object.fromEntries(
    Object.entries(counts).map(([key, count]) => {
      const goals: Goal[] = [{ atMost: count.goal[mode] }];
      return [key, { title: count.title, unit: 'requests', goals }];
    }),
  );
}

export async function requestCounts(turn: Turn): Promise<Outcome> {
  const samples: Record<string, number | undefined> = {};
  const details: string[] = [];
  for (const [key, count] of Object.entries(counts)) {
    const directory = join(turn.directory, key);
    await mkdir(directory);
    await count.prepare?.(turn, directory);
    const requests = await countRequests(turn.mounted, {
      cleanup: turn.cleanup,
      work: () => count.work(turn, directory),
    });
    if (requests === undefined) continue;
    samples[key] = sum(requests) / count.per;
    details.push(`${turn.mounted.target}, ${count.title}: ${describe(requests, count.per)}`);
  }
  return { samples, details };
}

async function warm(turn: Turn, directory: string): Promise<void> {
  await turn.app('create', directory, operations / 2, 1024);
  await turn.app('stat', directory, operations / 2, warmPasses);
}

function sum(requests: RequestCounts): number {
  return [...requests.values()].reduce((total, count) => total + count, 0);
}

function describe(requests: RequestCounts, per: number): string {
  const parts = [...requests].map(([opcode, count]) => ({ opcode, each: count / per }));
  const shown = parts.filter(({ each }) => each >= 0.01).toSorted((a, b) => b.each - a.each);
  return shown.map(({ opcode, each }) => `${opcode} ${Number(each.toFixed(2))}`).join(', ') || 'none';
}
