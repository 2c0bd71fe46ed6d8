import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulateEmbedded } from './embedded.ts';
import { plantedBugs } from './planted-bugs.ts';
import { seedsToRun, withSeed } from './seeds.ts';

test('after any crash a mount finds a moment of its past, not before the last fsync', async () => {
  for (const seed of seedsToRun(100)) await withSeed(seed, () => simulateEmbedded(seed));
});

test('a seed replays exactly', async () => {
  assert.deepEqual(await simulateEmbedded(11), await simulateEmbedded(11));
});

for (const [name, bug] of Object.entries(plantedBugs)) {
  if (bug.found === 'cluster') continue;
  test(`found: ${name}`, async () => {
    for (let seed = 1; seed <= 300; seed++) {
      try {
        await simulateEmbedded(seed, bug);
      } catch {
        return;
      }
    }
    assert.fail('no seed found it');
  });
}
