import { strict as assert } from 'node:assert';
import { describe, test } from 'node:test';
import { FsError, ManualClock } from '#base';
import { failsWith } from './engine.contract.ts';
import type { KvEngine } from './engine.ts';
import { MemoryEngine } from './memory.ts';
import { bytes, directory, name, open, put, text, turn } from './store.contract.ts';
import { KvStore, type KvStoreOptions } from './store.ts';

describe('an engine that answers later', () => {
  const later = (options: KvStoreOptions = {}) =>
    open(options, new MemoryEngine({ reads: (step) => void setImmediate(step) }));

  test('a body is run again until all its values are there', async () => {
    const { store } = later({ clean: { entries: 2, bytes: 1e9 } });
    for (let i = 0; i < 9; i++) put(store, name(i), String(i));
    await store.flush();
    let runs = 0;
    const sum = await store.transact((tx) => {
      runs++;
      tx.put('sum', bytes('dirty'));
      let total = 0;
      for (let i = 0; i < 9; i++) total += Number(text(tx.get(name(i))));
      return total + tx.list(directory, '', 9).length;
    });
    assert.equal(sum, 45);
    assert(runs > 5);
    assert.equal(store.committed, 10);
  });

  test('a body that hides the missing value is run again all the same', async () => {
    const { store } = later();
    const seen = await store.read((snapshot) => {
      try {
        return [snapshot.get('a')];
      } catch {
        return 'hidden';
      }
    });
    assert.deepEqual(seen, [undefined]);
  });

  test('a value that was written, saved and evicted while an older one was fetched is not undone', async () => {
    const reads: (() => void)[] = [];
    const engine = new MemoryEngine({ reads: (step) => void reads.push(step) });
    const { store } = open({ clean: { entries: 0, bytes: 0 } }, engine);
    const first = engine.get('a');
    reads.shift()!();
    assert.equal(await first, undefined);
    const read = store.read((snapshot) => text(snapshot.get('a')));
    reads.shift()!();
    put(store, 'a', 'new');
    await store.flush();
    for (let i = 0; i < 5; i++) {
      await turn();
      reads.shift()?.();
    }
    assert.equal(await read, 'new');
  });

  test('a body that never has enough is given up', async () => {
    const { store } = later();
    let i = 0;
    await failsWith('io', Promise.resolve(store.read((snapshot) => snapshot.get(`k${i++}`))));
    assert.equal(i, 1000);
  });

  test('a failing read fails the transaction', async () => {
    const engine: KvEngine = new MemoryEngine();
    engine.get = () => Promise.reject(new FsError('corrupted', 'torn'));
    const store = new KvStore(engine, new ManualClock());
    await failsWith('corrupted', Promise.resolve(store.transact((tx) => tx.get('a'))));
    put(store, 'b');
    await store.flush();
  });
});
