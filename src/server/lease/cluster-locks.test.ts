import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LockRange } from '#protocol';
import { pushes } from '#protocol';
import { type TestClient, TestCluster } from '../cluster.testing.ts';

function range(owner: number, start: number, end: number, exclusive = true): LockRange {
  return { type: 'range', owner: owner.toString(16).padStart(16, '0'), exclusive, start, end, pid: owner };
}

function granted(client: TestClient): unknown[] {
  return client.pushed.filter(({ code }) => code === pushes.lockGranted.code).map(({ message }) => message);
}

async function begin() {
  const cluster = await TestCluster.start();
  const [a, b] = [await cluster.client(), await cluster.client()];
  const ino = await cluster.wait(a.make('a'));
  const lock = (client: TestClient, wanted: LockRange, request: number, wait = true) =>
    cluster.wait(client.session('lock', { ino, lock: wanted, wait, request }));
  return { cluster, a, b, ino, lock };
}

test('a lock of one client keeps others waiting, and goes to the first of them when it is given up', async () => {
  const { cluster, a, b, ino, lock } = await begin();
  assert.equal(await lock(a, range(1, 0, 9), 1), 'granted');
  assert.equal(await lock(b, range(1, 5, 5), 1), 'queued');
  assert.equal(await lock(b, range(2, 6, 6), 2), 'queued');
  await assert.rejects(lock(b, range(3, 0, 0), 3, false), { status: 'wouldBlock' });
  const conflict = await cluster.wait(b.session('testLock', { ino, lock: range(3, 0, 0) }));
  assert.deepEqual([conflict?.start, conflict?.end, conflict?.pid], [0, 9, 0]);
  await cluster.wait(a.session('unlock', { ino, lock: range(1, 0, 5) }));
  await cluster.pass(10);
  assert.deepEqual(granted(b), [{ request: 1 }]);
  await cluster.wait(a.session('unlock', { ino, lock: range(1, 0, 9) }));
  await cluster.pass(10);
  assert.deepEqual(granted(b), [{ request: 1 }, { request: 2 }]);
});

test('a grant whose push is lost is found by asking again', async () => {
  const { cluster, a, b, ino, lock } = await begin();
  await lock(a, range(1, 0, 9), 1);
  assert.equal(await lock(b, range(1, 0, 9), 5), 'queued');
  cluster.network.partition(b.host, 'server');
  await cluster.wait(a.session('unlock', { ino, lock: range(1, 0, 9) }));
  await cluster.pass(2000);
  cluster.network.heal(b.host, 'server');
  await cluster.wait(b.attach());
  assert.deepEqual(granted(b), []);
  assert.equal(await lock(b, range(1, 0, 9), 5), 'granted');
  await assert.rejects(lock(a, range(1, 0, 9), 2, false), { status: 'wouldBlock' });
});

test('a request that is cancelled tells whether it had its lock already', async () => {
  const { cluster, a, b, ino, lock } = await begin();
  await lock(a, range(1, 0, 9), 1);
  await lock(b, range(1, 0, 9), 1);
  await lock(b, range(2, 0, 9), 2);
  assert.deepEqual(await cluster.wait(b.session('cancelLock', { request: 2 })), { granted: false });
  await cluster.wait(a.session('unlock', { ino, lock: range(1, 0, 9) }));
  assert.deepEqual(await cluster.wait(b.session('cancelLock', { request: 1 })), { granted: true });
});

test('clients that would wait for each other get a deadlock', async () => {
  const { a, b, lock } = await begin();
  await lock(a, range(1, 0, 0), 1);
  await lock(b, range(2, 1, 1), 1);
  assert.equal(await lock(a, range(1, 1, 1), 2), 'queued');
  await assert.rejects(lock(b, range(2, 0, 0), 2), { status: 'deadlock' });
});

test('locks of a client that ends its session go to those that wait', async () => {
  const { cluster, a, b, lock } = await begin();
  await lock(a, range(1, 0, 9), 1);
  await lock(b, range(1, 0, 9), 1);
  await cluster.wait(a.session('endSession', {}));
  await cluster.pass(10);
  assert.deepEqual(granted(b), [{ request: 1 }]);
});

test('locks are reclaimed after a restart, and one that somebody else has is lost', async () => {
  const { cluster, a, b, ino, lock } = await begin();
  await lock(a, range(1, 0, 9), 1);
  await cluster.restart();
  for (const client of [a, b]) await cluster.wait(client.attach());
  const mine = { opens: [], locks: [{ ino, lock: range(1, 0, 9) }], done: true };
  assert.deepEqual((await cluster.wait(a.session('reclaim', mine))).lostLocks, []);
  const reply = await cluster.wait(b.session('reclaim', { ...mine, locks: [{ ino, lock: range(7, 3, 3) }] }));
  assert.deepEqual(reply.lostLocks, [{ ino, lock: range(7, 3, 3) }]);
  await assert.rejects(lock(b, range(1, 0, 9), 1, false), { status: 'wouldBlock' });
  // What was done counts no second time: the lock has been given up meanwhile.
  await cluster.wait(a.session('unlock', { ino, lock: range(1, 0, 9) }));
  await cluster.wait(a.session('reclaim', mine));
  assert.equal(await lock(b, range(1, 0, 9), 1, false), 'granted');
});
