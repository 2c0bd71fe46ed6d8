import { strict as assert } from 'node:assert';
import { describe, test } from 'node:test';
import type { KvPair } from './engine.ts';
import { MemoryEngine } from './memory.ts';
import { bytes, directory, keysOf, name, now, open, put, text, turn } from './store.contract.ts';

describe('listing', () => {
  test('merges what is dirty with what is stored', async () => {
    const { store } = open();
    for (const i of [1, 3, 5, 7, 9]) put(store, name(i), 'stored');
    put(store, 'D12345677zzz');
    put(store, 'D12345679');
    await store.flush();
    store.transact((tx) => {
      tx.delete(name(3));
      tx.put(name(4), bytes('new'));
      tx.put(name(5), bytes('changed'));
      tx.put(name(0), bytes('new'));
      tx.put(name(11), bytes('new'));
      const seen = tx.list(directory, '', 100).map(({ key, value }) => `${Number(key.slice(9))} ${text(value)}`);
      assert.deepEqual(seen, ['0 new', '1 stored', '4 new', '5 changed', '7 stored', '9 stored', '11 new']);
    });
    const list = (after: string, limit: number) =>
      keysOf(now(store.read((snapshot) => snapshot.list(directory, after, limit)))).map((key) => Number(key.slice(9)));
    assert.deepEqual(list('', 3), [0, 1, 4]);
    assert.deepEqual(list(name(4), 3), [5, 7, 9]);
    assert.deepEqual(list(name(2), 1), [4]);
    assert.deepEqual(list(name(9), 9), [11]);
    assert.deepEqual(list(name(11), 9), []);
    assert.deepEqual(list('Z', 9), []);
  });

  test('finds the key that is the prefix itself, dirty or stored', async () => {
    const { store } = open({ clean: { entries: 0, bytes: 0 } });
    const list = (limit = 9) => keysOf(now(store.read((snapshot) => snapshot.list(directory, '', limit))));
    put(store, directory);
    assert.deepEqual(list(), [directory]);
    put(store, name(1));
    assert.deepEqual(list(), [directory, name(1)]);
    assert.deepEqual(list(1), [directory]);
    await store.flush();
    assert.deepEqual(list(), [directory, name(1)]);
    now(store.transact((tx) => tx.delete(name(1))));
    assert.deepEqual(list(), [directory]);
    now(store.transact((tx) => tx.delete(directory)));
    assert.deepEqual(list(), []);
    put(store, directory);
    assert.deepEqual(list(), [directory]);
  });

  test('a listing in a transaction that is rolled back leaves no trace in later ones', async () => {
    const { store } = open();
    for (let i = 0; i < 10; i++) put(store, name(i));
    for (let round = 0; round < 2; round++) {
      put(store, name(9), 'again');
      assert.throws(() =>
        store.transact((tx) => {
          for (let i = 0; i < 5; i++) tx.delete(name(i));
          assert.equal(tx.list(directory, '', 1)[0]!.key, name(5));
          throw new Error('no');
        }),
      );
      assert.equal(now(store.read((snapshot) => snapshot.list(directory, '', 99))).length, 10);
      await store.flush();
    }
  });

  test('emptying a large directory page by page asks the engine in proportion to its size', async () => {
    let ranged = 0;
    const engine = new MemoryEngine();
    const range = engine.range.bind(engine);
    engine.range = (from, to, limit) => {
      const pairs = range(from, to, limit) as KvPair[];
      ranged += pairs.length;
      return pairs;
    };
    const { store } = open({ flushEntries: 8000 }, engine);
    const total = 20_000;
    for (let i = 0; i < total; i++) put(store, name(i));
    await store.flush();
    let deleted = 0;
    for (let page = [{}] as KvPair[]; page.length > 0; ) {
      page = now(store.read((snapshot) => snapshot.list(directory, '', 200)));
      for (const { key } of page) now(store.transact((tx) => tx.delete(key)));
      deleted += page.length;
      put(store, 'I12345678', String(deleted));
      if (deleted % 5000 === 0) await turn();
    }
    assert.equal(deleted, total);
    assert(ranged < 3 * total, `${ranged} pairs read to delete ${total}`);
  });
});
