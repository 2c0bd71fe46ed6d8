import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { descriptorLimit, descriptorShares } from './descriptor-shares.ts';

test('the shares leave descriptors for the rest of the process', () => {
  for (const limit of [200, 256, 1024, 4096, 20_000, 1_048_576, Number.POSITIVE_INFINITY]) {
    const { openMax, lentMax } = descriptorShares(limit);
    assert(openMax >= 8 && lentMax >= 16);
    assert(openMax + lentMax <= Math.max(limit - 128 - openMax, 32), `with ${limit}`);
  }
  assert.deepEqual(descriptorShares(20_000), { openMax: 1024, lentMax: 8192 });
});

test('the limit of this process is known', () => {
  assert(descriptorLimit() >= 256);
});
