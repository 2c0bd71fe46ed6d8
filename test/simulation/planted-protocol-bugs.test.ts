import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PlantedProtocolBug, plantedProtocolBugs } from './planted-protocol-bugs.ts';
import { simulateCluster } from './world/simulate-cluster.ts';

const seedsMost = 1000;

async function isFound(bug: PlantedProtocolBug): Promise<boolean> {
  const { from = 1 } = bug;
  for (let seed = from; seed < from + seedsMost; seed++) {
    try {
      await simulateCluster({ seed, mode: 'strict', bug });
    } catch {
      return true;
    }
  }
  return false;
}

for (const [name, bug] of Object.entries(plantedProtocolBugs)) {
  test(`found: ${name}`, async () => assert(await isFound(bug), `not within ${seedsMost} seeds`));
}
