import { test } from 'node:test';
import fc from 'fast-check';
import { ManualClock, SeededRandom } from '#base';
import { EmbeddedClient } from '#client';
import { createHandler, MemoryBlobStore, MemoryEngine, openVolume } from '#server';
import { InProcessConnection } from '#transport';
import { embeddedVfsOptions, Vfs } from '#vfs';
import { Both } from './both.ts';
import { PassthroughVfs } from './passthrough-vfs.ts';
import { perform } from './perform.ts';
import { type Step, step } from './plan.ts';

/** More for a longer run: `CFS_MODEL_RUNS=5000`; others with `CFS_TEST_SEED=2`. */
const seed = Number(process.env['CFS_TEST_SEED'] ?? 1);
const runs = Number(process.env['CFS_MODEL_RUNS'] ?? 150);
const stepsMax = 80;

/** The parts of a mount without its kernel, over stores in memory that answer at once, or later. */
async function mount(answers: 'at once' | 'later', passthrough: boolean) {
  const clock = new ManualClock();
  const random = new SeededRandom(1);
  const later = answers === 'later' ? queueMicrotask : undefined;
  const volume = await openVolume({
    engine: new MemoryEngine(later && { reads: later }),
    blobs: new MemoryBlobStore(later && { schedule: later }),
    clock,
    random,
  });
  if (passthrough) return { clock, volume, vfs: new PassthroughVfs(volume) };
  const client = new EmbeddedClient(new InProcessConnection(createHandler(volume)), undefined);
  return { clock, volume, vfs: new Vfs(client, embeddedVfsOptions, undefined) };
}

const mounts = [
  ['at once', false],
  ['later', false],
  ['at once', true],
  ['later', true],
] as const;

for (const [answers, passthrough] of mounts) {
  const how = `${passthrough ? 'with' : 'without'} passthrough, from stores that answer ${answers}`;
  test(`any operations give what a simple model of POSIX gives, ${how}`, async () => {
    const property = async (steps: Step[]): Promise<void> => {
      const { clock, volume, vfs } = await mount(answers, passthrough);
      const both = new Both(vfs);
      for (const [index, each] of steps.entries()) {
        await perform(both, each);
        clock.advance(index % 7);
        if (index % 20 === 19) await both.compareAll(clock);
      }
      await both.compareAll(clock);
      await volume.close();
    };
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: stepsMax, size: 'max' }), property), {
      numRuns: runs,
      seed,
    });
  });
}
