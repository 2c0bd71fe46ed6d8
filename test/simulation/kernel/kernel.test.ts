import assert from 'node:assert/strict';
import { test } from 'node:test';
import { below, drive, type Ino, ManualClock, type Random, SeededRandom, sleep } from '#base';
import { EmbeddedClient } from '#client';
import { superuser } from '#protocol';
import { createHandler, MemoryBlobStore, MemoryEngine, openVolume } from '#server';
import { InProcessConnection } from '#transport';
import { embeddedVfsOptions, Vfs } from '#vfs';
import { findStrictViolation } from '../history/check-history.ts';
import { History } from '../history/history.ts';
import { seedsToRun, withSeed } from '../seeds.ts';
import { Places } from '../world/places.ts';
import { fileLocks, Process } from '../world/process.ts';
import { Kernel } from './kernel.ts';

const stepsPerProcess = 40;
const directory = { mode: 0o755, umask: 0, rdev: 0 };

interface Caches {
  readonly kernels: number;
  readonly validMs: number;
}

/** Kernels over one volume, each with a vfs of its own that believes what it was told for `validMs`. */
async function run(clock: ManualClock, seed: number, { kernels, validMs }: Caches): Promise<string | undefined> {
  const source = new SeededRandom(seed);
  const random = (): SeededRandom => new SeededRandom(source.u32());
  const later = (step: () => void): void => void clock.after((source.u32() % 64) / 16, step);
  const volume = await openVolume(
    {
      engine: new MemoryEngine({ reads: later, commits: later }),
      blobs: new MemoryBlobStore(),
      clock,
      random: random(),
    },
    { inlineLimitBytes: 64 },
  );
  const handler = createHandler(volume);
  const options = {
    ...embeddedVfsOptions,
    attributeValidityMs: validMs,
    entryValidityMs: validMs,
    negativeValidityMs: validMs,
  };
  const history = new History();
  const places = new Places('shared');
  const processes: Process[] = [];
  for (let index = 0; index < kernels; index++) {
    const vfs = new Vfs(new EmbeddedClient(new InProcessConnection(handler), undefined), options, undefined);
    if (index === 0) await makePlaces(vfs, places);
    const kernel = new Kernel({ daemon: async (call) => call(vfs), clock, random: random() });
    const fileLock = fileLocks();
    for (let each = 0; each < 3; each++) {
      const process = `${index}.${each}`;
      processes.push(
        new Process({
          isTroubled: () => false,
          locks: undefined,
          kernel,
          places,
          history,
          clock,
          client: `${index}`,
          process,
          random: random(),
          fileLock,
        }),
      );
    }
  }
  await Promise.all(processes.map((process) => work(process, clock, random())));
  return findStrictViolation(history, places);
}

async function makePlaces(vfs: Vfs, places: Places): Promise<void> {
  for (const name of places.rootNames) {
    const { attributes } = await vfs.mkdir(superuser, 1 as Ino, name, directory);
    places.roots.push(attributes.ino);
    places.directories.add(attributes.ino);
  }
}

async function work(process: Process, clock: ManualClock, random: Random): Promise<void> {
  await process.begin();
  for (let step = 0; step < stepsPerProcess; step++) {
    await sleep(clock, below(random, 2000) / 400);
    await process.step();
  }
  await process.end();
}

function violation(seed: number, caches: Caches): Promise<string | undefined> {
  const clock = new ManualClock();
  return drive(clock, run(clock, seed, caches));
}

test('what applications see through one kernel is linearizable', async () => {
  for (const seed of seedsToRun(40)) {
    await withSeed(seed, async () => {
      const found = await violation(seed, { kernels: 1, validMs: 86_400_000 });
      if (found !== undefined) throw new Error(found);
    });
  }
});

test('kernels that believe what another has changed are found out', async () => {
  let found = 0;
  for (let seed = 1; seed <= 20; seed++) if (await violation(seed, { kernels: 2, validMs: 86_400_000 })) found += 1;
  assert(found > 15, `${found} of 20`);
});

test('kernels that believe nothing agree', async () => {
  for (const seed of seedsToRun(40)) {
    await withSeed(seed, async () => {
      const found = await violation(seed, { kernels: 2, validMs: 0 });
      if (found !== undefined) throw new Error(found);
    });
  }
});
