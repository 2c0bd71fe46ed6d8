/**
 * A directory of 1,000,000 entries against one of 10,000 on the same target: what one entry costs to create, to list
 * cold and to look up cold. The growth of that cost is the result, so each target is its own yardstick; the small
 * directory is measured several times, since it is over in a moment.
 */

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { median } from '../statistics.ts';
import type { Outcome, Samples, Turn } from '../workload.ts';
import { forgetInodes, perOperation } from './loop.ts';

const smallEntries = 10_000;
const largeEntries = 1_000_000;
const smallRepeats = 5;
const probes = 10_000;

interface Costs {
  readonly create: number;
  readonly list: number;
  readonly lookup: number;
}

export async function largeDirectory(turn: Turn): Promise<Outcome> {
  const small: Costs[] = [];
  for (let repeat = 0; repeat < smallRepeats; repeat += 1)
    small.push(await measure(turn, `small-${repeat}`, smallEntries));
  const large = await measure(turn, 'large', largeEntries);
  const samples: Record<string, number> = {};
  for (const kind of ['create', 'list', 'lookup'] as const) {
    samples[kind] = large[kind];
    samples[`${kind}Growth`] = large[kind] / median(small.map((costs) => costs[kind]));
  }
  return { samples: samples satisfies Samples };
}

async function measure(turn: Turn, name: string, entries: number): Promise<Costs> {
  const directory = join(turn.directory, name);
  await mkdir(directory);
  const create = await perOperation(turn, () => turn.app('create', directory, entries, 0));
  await forgetInodes(turn);
  const list = await perOperation(turn, () => turn.app('names', directory));
  await forgetInodes(turn);
  const lookup = await perOperation(turn, () => turn.app('probe', directory, entries, probes));
  return { create: create.time, list: list.time, lookup: lookup.time };
}
