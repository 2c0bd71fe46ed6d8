import { strict as assert } from 'node:assert';
import { describe, test } from 'node:test';
import { FsError } from '#base';
import { failsWith } from './engine.contract.ts';
import { MemoryEngine } from './memory.ts';
import { bytes, directory, get, name, now, open, put, text, turn } from './store.contract.ts';
import type { Snapshot, Transaction } from './transaction.ts';

test('a transaction sees its own writes, and others see them when it returns', () => {
  const { store } = open();
  const seen = store.transact((tx) => {
    tx.put('a', bytes('1'));
    tx.put('b', bytes('2'));
    tx.delete('b');
    return [text(tx.get('a')), tx.get('b')];
  });
  assert.deepEqual(seen, ['1', undefined]);
  assert.equal(get(store, 'a'), '1');
  assert.equal(get(store, 'b'), undefined);
});

test('a transaction that throws leaves nothing, and its error goes to the caller', async () => {
  const { store, engine } = open();
  put(store, 'a', 'old');
  await store.flush();
  put(store, 'b', 'dirty');
  const error = new Error('no');
  assert.throws(
    () =>
      store.transact((tx) => {
        tx.put('a', bytes('new'));
        tx.put('a', bytes('newer'));
        tx.delete('b');
        tx.put('b', bytes('again'));
        tx.put('c', bytes('x'));
        tx.delete('d');
        throw error;
      }),
    (thrown) => thrown === error,
  );
  assert.deepEqual(
    ['a', 'b', 'c', 'd'].map((key) => get(store, key)),
    ['old', 'dirty', undefined, undefined],
  );
  await store.flush();
  assert.equal(text(now(engine.get('b'))), 'dirty');
  assert.equal(store.committed, 2);
});

test('a transaction within a transaction, or a read after its end, is a mistake that is found', () => {
  const { store } = open();
  let kept: Transaction | undefined;
  store.transact((tx) => {
    kept = tx;
    assert.throws(() => store.read(() => 0), /while the store is writing/);
  });
  assert.throws(() => kept!.put('a', bytes('1')), /outside of a transaction/);
  assert.throws(() => kept!.get('unknown'), /outside of a transaction/);
  store.read((snapshot: Snapshot) => {
    assert.throws(() => (snapshot as Transaction).put('a', bytes('1')), /outside of a transaction/);
  });
});

describe('group commit', () => {
  test('transactions are committed together after the delay', async () => {
    const { store, clock, engine } = open();
    put(store, 'a');
    clock.advance(10);
    put(store, 'b');
    clock.advance(9);
    await turn();
    assert.equal(store.durable, 0);
    clock.advance(1);
    await turn();
    assert.equal(store.durable, 2);
    assert.equal(store.statistics().commits, 1);
    assert.equal(text(now(engine.get('b'))), 'v');
  });

  test('many or large writes are committed at once', async () => {
    const { store } = open({ flushEntries: 4, flushBytes: 10_000 });
    for (let i = 0; i < 4; i++) put(store, `k${i}`);
    await turn();
    assert.equal(store.durable, 4);
    put(store, 'large', 'x'.repeat(10_000));
    await turn();
    assert.equal(store.durable, 5);
  });

  test('flushes that are asked for together share one commit, and those during it the next', async () => {
    const steps: (() => void)[] = [];
    const { store } = open({}, new MemoryEngine({ commits: (step) => void steps.push(step) }));
    const flushes = ['a', 'b', 'c'].map((key) => {
      put(store, key);
      return store.flush();
    });
    await turn();
    put(store, 'd');
    put(store, 'a', 'again');
    flushes.push(store.flush(), store.flush());
    let flushed = 0;
    for (const flush of flushes) void flush.then(() => flushed++);
    steps.shift()!();
    steps.shift()!();
    await turn();
    assert.equal(flushed, 3);
    assert.equal(store.durable, 3);
    while (steps.length > 0) steps.shift()!();
    await Promise.all(flushes);
    assert.deepEqual([store.durable, store.committed, store.statistics().commits], [5, 5, 2]);
  });

  test('a key that was made and deleted between commits costs no commit', async () => {
    const { store } = open();
    store.transact((tx) => tx.get('a') ?? tx.put('a', bytes('1')));
    now(store.transact((tx) => tx.delete('a')));
    await store.flush();
    assert.deepEqual([store.durable, store.statistics().commits], [2, 0]);
    assert.equal(get(store, 'a'), undefined);
  });

  test('a key that the engine may hold is deleted there, though it was written and deleted between commits', async () => {
    const { store, engine } = open({ clean: { entries: 0, bytes: 0 } });
    put(store, 'a');
    await store.flush();
    put(store, 'a');
    now(store.transact((tx) => tx.delete('a')));
    await store.flush();
    assert.equal(now(engine.get('a')), undefined);
  });

  test('a flush of what is durable already resolves', async () => {
    const { store } = open();
    await store.flush();
    put(store, 'a');
    await store.flush();
    await store.flush();
    assert.equal(store.statistics().commits, 1);
  });

  test('transactions wait while too much is dirty', async () => {
    const steps: (() => void)[] = [];
    const { store } = open({ maxEntries: 2 }, new MemoryEngine({ commits: (step) => void steps.push(step) }));
    put(store, 'a');
    put(store, 'b');
    const order: string[] = [];
    const waiting = ['c', 'd', 'e'].map((key) =>
      store.transact((tx) => {
        order.push(key);
        tx.put(key, bytes('x'));
      }),
    );
    assert(waiting[0] instanceof Promise);
    assert.deepEqual(order, []);
    for (let i = 0; i < 20; i++) {
      await turn();
      assert(store.statistics().dirtyEntries <= 2);
      steps.shift()?.();
    }
    await Promise.all(waiting);
    assert.deepEqual(order, ['c', 'd', 'e']);
  });

  test('closing flushes', async () => {
    const { store, engine } = open();
    put(store, 'a');
    await store.close();
    assert.equal(text(now(engine.crash().get('a'))), 'v');
    assert.throws(() => put(store, 'b'), /closed/);
  });
});

describe('a disk that is full', () => {
  test('fails flushes, keeps everything in memory, and is tried again', async () => {
    const { store, clock, engine } = open();
    engine.fault = new FsError('noSpace', 'full');
    put(store, 'a');
    await failsWith('noSpace', store.flush());
    assert.equal(get(store, 'a'), 'v');
    const second = store.flush();
    put(store, 'b');
    clock.advance(100);
    await failsWith('noSpace', second);
    engine.fault = undefined;
    const third = store.flush();
    clock.advance(200);
    await third;
    assert.equal(text(now(engine.get('b'))), 'v');
    put(store, 'c');
    clock.advance(20);
    await turn();
    assert.equal(store.durable, 3);
    assert.equal(store.statistics().failedCommits, 2);
  });

  test('takes deletions when it takes no more data', async () => {
    const { store, clock, engine } = open({ maxEntries: 64 });
    for (let i = 0; i < 40; i++) put(store, name(i));
    await store.flush();
    engine.fault = new FsError('noSpace', 'full');
    put(store, 'x');
    await failsWith('noSpace', store.flush());
    for (let i = 0; i < 6; i++) put(store, `more${i}`);
    assert.throws(
      () => put(store, 'too much'),
      (error) => error instanceof FsError && error.status === 'noSpace',
    );
    assert.equal(get(store, 'too much'), undefined);
    for (let i = 0; i < 40; i++) {
      store.transact((tx) => {
        tx.get(name(i));
        tx.put('freed', bytes(''));
        tx.delete(name(i));
        tx.put('freed', bytes(''));
      });
    }
    for (let i = 0; i < 15; i++) now(store.transact((tx) => tx.delete(`more${i % 6}`)));
    engine.fault = undefined;
    clock.advance(2000);
    await turn();
    assert.equal(store.durable, store.committed);
    assert.deepEqual(now(engine.range(directory, 'E', 100)), []);
  });

  test('takes deletions and small marks when the engine has no room for more', async () => {
    const { store, engine } = open();
    put(store, 'a');
    Object.assign(engine, { refusal: new FsError('noSpace', 'full') });
    await failsWith(
      'noSpace',
      (async () => store.transact((tx) => tx.put('b', bytes('much more than a mark'.repeat(2)))))(),
    );
    put(store, 'mark');
    store.transact((tx) => tx.delete('a'));
    Object.assign(engine, { refusal: undefined });
    store.transact((tx) => tx.put('b', bytes('much more than a mark'.repeat(2))));
    await store.flush();
    assert.equal(now(engine.get('a')), undefined);
    assert.equal(text(now(engine.get('mark'))), 'v');
  });

  test('makes transactions fail at the bound, and does not let them wait', async () => {
    const { store, engine } = open({ maxEntries: 1 });
    engine.fault = new FsError('noSpace', 'full');
    put(store, 'a');
    await failsWith('noSpace', store.flush());
    await failsWith('noSpace', Promise.resolve(store.transact((tx) => tx.put('b', bytes('1')))));
    await failsWith('noSpace', Promise.resolve(store.transact((tx) => tx.delete('a'))));
  });

  test('fails a close, which lets go of the engine all the same', async () => {
    const { store, engine, clock } = open();
    engine.fault = new FsError('noSpace', 'full');
    put(store, 'a');
    clock.advance(20);
    const closed = failsWith('noSpace', store.close());
    await turn();
    clock.advance(100);
    await closed;
    assert.throws(() => engine.get('a'), /closed/);
  });
});

test('the cache keeps to its bounds and serves what is used', async () => {
  const { store } = open({ clean: { entries: 100, bytes: 50_000 } });
  for (let i = 0; i < 1000; i++) put(store, name(i), String(i));
  await store.flush();
  for (let i = 0; i < 1000; i++) {
    assert.equal(get(store, name(i)), String(i));
    assert.equal(get(store, name(7)), '7');
  }
  const { cleanEntries, cleanBytes, hits, misses } = store.statistics();
  assert(cleanEntries <= 100 && cleanBytes <= 50_000, `${cleanEntries} entries, ${cleanBytes} bytes`);
  assert(hits > 900 && misses < 1100, `${hits} hits, ${misses} misses`);
  for (let i = 0; i < 10; i++) put(store, name(i), 'x'.repeat(20_000));
  await store.flush();
  assert(store.statistics().cleanBytes <= 50_000);
});

test('absence is remembered too', () => {
  const { store } = open();
  for (let i = 0; i < 5; i++) assert.equal(get(store, 'none'), undefined);
  assert.equal(store.statistics().misses, 1);
});

test('a scan gives everything of a kind, flushed first', async () => {
  const { store } = open();
  for (let i = 0; i < 600; i++) put(store, name(i));
  put(store, 'E');
  const seen: string[] = [];
  for await (const { key } of store.scan('D')) seen.push(key);
  assert.equal(seen.length, 600);
  assert.deepEqual(seen, seen.toSorted());
  let all = 0;
  for await (const _ of store.scan('')) all++;
  assert.equal(all, 601);
});
