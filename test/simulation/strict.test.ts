import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failedSeeds, openSeeds } from './failed-seeds.table.ts';
import { seedsToRun } from './seeds.ts';
import { simulate } from './simulate.ts';
import { simulateCluster } from './world/simulate-cluster.ts';

test('in strict mode what all applications see has one order, whatever goes wrong', async () => {
  const seen = new Set<string>();
  const seeds = seedsToRun(1600).filter((seed) => !openSeeds.some((open) => open.seed === seed));
  let unknown = 0;
  for (const seed of seeds) {
    const report = await simulate('strict', seed);
    unknown += report.unknown;
    for (const fault of report.faults.split(', ')) seen.add(fault);
  }
  assert(unknown <= 1 + seeds.length / 50, `nothing can be said of ${unknown} objects`);
  assert(seen.size > 1, 'something went wrong in some of them');
});

test('seeds that failed once do not fail any more', async () => {
  for (const { mode, seed } of failedSeeds) await simulate(mode, seed);
});

test('a seed replays exactly', async () => {
  for (const seed of [2, 11, 15]) {
    const run = () => simulateCluster({ seed, mode: 'strict' });
    assert.deepEqual(await run(), await run());
  }
});
