import { test } from 'node:test';
import { seedsToRun } from './seeds.ts';
import { simulate } from './simulate.ts';

test('in session mode a client sees its own changes and never goes back', async () => {
  for (const seed of seedsToRun(200)) await simulate('session', seed);
});

test('in close-to-open mode an open sees what was closed before it', async () => {
  for (const seed of seedsToRun(200)) await simulate('closeToOpen', seed);
});
