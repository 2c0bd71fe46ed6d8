import { strict as assert } from 'node:assert';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { below, FsError, ManualClock, SeededRandom } from '#base';
import type { KvEngine } from './engine.ts';
import { endOfKeys } from './limits.ts';
import { LmdbEngine } from './lmdb.ts';
import { MemoryEngine } from './memory.ts';
import { KvStore, type KvStoreOptions } from './store.ts';
import type { Snapshot } from './transaction.ts';

/**
 * Random transactions against a plain map. The model keeps the state after every transaction, so that after a crash
 * the store can be compared with each of them.
 */
type State = ReadonlyMap<string, string>;

const prefixes = ['A12345678', 'A12345679', 'B\0\0\0\0\0\0\0\xff'];
const keys = prefixes.flatMap((prefix) => [prefix, ...Array.from({ length: 8 }, (_, i) => `${prefix}${i}`)]);

const key = fc.constantFrom(...keys);
const write = fc.record({ key, value: fc.option(fc.integer({ min: 0, max: 99 }), { freq: 2 }) });
const look = fc.record({
  prefix: fc.constantFrom(...prefixes, `${prefixes[0]}1`),
  after: fc.oneof(fc.constant(''), key),
  limit: fc.integer({ min: 1, max: 12 }),
});
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('transact' as const),
      writes: fc.array(write, { maxLength: 5 }),
      look,
      abort: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('read' as const), key, look }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('empty' as const), prefix: fc.constantFrom(...prefixes) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('flush' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 30 }) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const listed = (state: State, { prefix, after: from, limit }: { prefix: string; after: string; limit: number }) =>
  [...state]
    .filter(([each]) => each.startsWith(prefix) && each > from)
    .sort(byKey)
    .slice(0, limit);
const byKey = (a: readonly [string, string], b: readonly [string, string]): number => (a[0] < b[0] ? -1 : 1);
const decode = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : String(value[0]);
const list = (snapshot: Snapshot, { prefix, after: from, limit }: { prefix: string; after: string; limit: number }) =>
  snapshot.list(prefix, from, limit).map((pair) => [pair.key, decode(pair.value)]);

class Aborted extends Error {}

class World {
  readonly history: State[] = [new Map()];
  /** The sequence number of the last transaction that a flush has promised. */
  promised = 0;
  readonly store: KvStore;
  readonly #clock: ManualClock;

  constructor(store: KvStore, clock: ManualClock) {
    this.store = store;
    this.#clock = clock;
  }

  get state(): State {
    return this.history.at(-1)!;
  }

  async run(next: Step): Promise<void> {
    const { store } = this;
    if (next.kind === 'transact') await this.#transact(next);
    else if (next.kind === 'read') {
      const found = await store.read((snapshot) => [decode(snapshot.get(next.key)), list(snapshot, next.look)]);
      assert.deepEqual(found, [this.state.get(next.key), listed(this.state, next.look)]);
    } else if (next.kind === 'empty') {
      await this.#empty(next.prefix);
    } else if (next.kind === 'flush') {
      const sequence = store.committed;
      void store.flush().then(() => (this.promised = Math.max(this.promised, sequence)));
      await Promise.resolve();
    } else this.#clock.advance(next.ms);
  }

  async #transact(next: Step & { kind: 'transact' }): Promise<void> {
    let after = new Map(this.state);
    try {
      const found = await this.store.transact((tx) => {
        after = new Map(this.state);
        for (const { key: each, value } of next.writes) {
          if (value === null) tx.delete(each);
          else tx.put(each, Uint8Array.of(value));
          if (value === null) after.delete(each);
          else after.set(each, String(value));
        }
        const pairs = list(tx, next.look);
        if (next.abort) throw new Aborted();
        return pairs;
      });
      assert.deepEqual(found, listed(after, next.look));
      if (next.writes.length > 0) this.history.push(after);
    } catch (error) {
      if (!(error instanceof Aborted)) throw error;
    }
    assert.equal(this.store.committed, this.history.length - 1);
  }

  /** Like rm -rf: lists from the start, deletes, and lists again. */
  async #empty(prefix: string): Promise<void> {
    for (;;) {
      const look = { prefix, after: '', limit: 3 };
      const found = await this.store.read((snapshot) => list(snapshot, look));
      assert.deepEqual(found, listed(this.state, look));
      if (found.length === 0) return;
      const next = new Map(this.state);
      await this.store.transact((tx) => {
        for (const [each] of found) tx.delete(each!);
      });
      for (const [each] of found) next.delete(each!);
      this.history.push(next);
    }
  }
}

async function contentOf(engine: KvEngine): Promise<[string, string | undefined][]> {
  return (await engine.range('', endOfKeys, 1000)).map((pair) => [pair.key, decode(pair.value)]);
}

/** Small bounds, so that batches, evictions and waiting all happen. */
const tight: KvStoreOptions = { flushEntries: 8, maxEntries: 12, clean: { entries: 5, bytes: 100_000 } };

function crashingWorld(seed: number, options: { readonly readsLater: boolean }) {
  const random = new SeededRandom(seed);
  const soon = (run: () => void): void => {
    if (below(random, 3) === 0) setImmediate(run);
    else queueMicrotask(run);
  };
  const engine = new MemoryEngine({
    commits: (run) => soon(() => (below(random, 2) === 0 ? run() : soon(run))),
    ...(options.readsLater && { reads: soon }),
  });
  const clock = new ManualClock();
  return { engine, random, world: new World(new KvStore(engine, clock, seed % 2 === 0 ? tight : {}), clock) };
}

/** The same in every run, so that no run fails by chance; another one tries other sequences. */
const firstSeed = Number(process.env['CFS_TEST_SEED'] ?? 1);

for (const readsLater of [false, true]) {
  const how = readsLater ? ' on an engine that answers later' : '';
  test(`after a crash the store is as after some transaction, none before a flush lost${how}`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.nat(), async (steps, seed) => {
        const { engine, random, world } = crashingWorld(seed, { readsLater });
        for (const next of steps) await world.run(next);
        const { promised } = world;
        const { durable } = world.store;
        const survived = JSON.stringify(await contentOf(engine.crash(random)));
        const matching = world.history.map((state, i) => ({
          i,
          is: JSON.stringify([...state].sort(byKey)) === survived,
        }));
        assert(promised <= durable);
        assert(
          matching.some(({ i, is }) => is && i >= durable),
          `${survived} is no state from ${durable} on`,
        );
      }),
      { numRuns: readsLater ? 250 : 500, seed: firstSeed },
    );
  });
}

test('after faults that come and go, a flush saves the state of the model', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(step, fc.boolean()), { maxLength: 30 }), fc.nat(), async (steps, seed) => {
      const engine = new MemoryEngine();
      const clock = new ManualClock();
      const world = new World(new KvStore(engine, clock, { clean: tight.clean! }), clock);
      for (const [i, [next, isFaulty]] of steps.entries()) {
        engine.fault = isFaulty && i % 2 === 0 ? new FsError('io', 'faulty') : undefined;
        if (next.kind === 'flush') void world.store.flush().catch(() => undefined);
        else await world.run(next);
        if (seed % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      engine.fault = undefined;
      for (let i = 0; i < 5; i++) {
        clock.advance(2000);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await world.store.flush();
      assert.deepEqual(await contentOf(engine), [...world.state].sort(byKey));
    }),
    { numRuns: 200, seed: firstSeed },
  );
});

const root = mkdtempSync(join(tmpdir(), 'kv-model-'));
after(() => rmSync(root, { recursive: true, force: true }));

test('the same on LMDB, closed and opened again', async () => {
  let count = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.boolean(), async (steps, isTight) => {
      const directory = join(root, String(count++));
      const engine = await LmdbEngine.open(directory);
      const clock = new ManualClock();
      const world = new World(new KvStore(engine, clock, isTight ? tight : {}), clock);
      for (const next of steps) await world.run(next);
      await world.store.close();
      const again = await LmdbEngine.open(directory);
      assert.deepEqual(await contentOf(again), [...world.state].sort(byKey));
      await again.close();
      rmSync(directory, { recursive: true });
    }),
    { numRuns: 40, seed: firstSeed },
  );
});
