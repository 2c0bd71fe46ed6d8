import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulateCluster } from './cluster.ts';
import { plantedBugs } from './planted-bugs.ts';
import { seedsToRun, withSeed } from './seeds.ts';

test('every seed ends with all operations applied once and nothing lost', async () => {
  let crashes = 0;
  for (const seed of seedsToRun(150)) {
    const report = await withSeed(seed, () => simulateCluster(seed));
    crashes += report.crashes;
  }
  assert(crashes > 0);
});

test('a seed replays exactly', async () => {
  assert.deepEqual(await simulateCluster(11), await simulateCluster(11));
});

for (const [name, bug] of Object.entries(plantedBugs)) {
  if (bug.found === 'embedded') continue;
  test(`found: ${name}`, async () => {
    for (let seed = 1; seed <= 300; seed++) {
      try {
        await simulateCluster(seed, bug);
      } catch {
        return;
      }
    }
    assert.fail('no seed found it');
  });
}
