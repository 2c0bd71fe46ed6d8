import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Ino, rootIno } from '#base';
import { calls, leases, O_TRUNC, O_WRONLY, pushes } from '#protocol';
import { newFile, type TestClient, TestCluster } from '../cluster.testing.ts';

const ttlMs = 30_000;
const nothingHeld = { opens: [], locks: [], done: true };

function flock(owner: number) {
  return {
    type: 'flock',
    owner: owner.toString(16).padStart(16, '0'),
    exclusive: true,
    start: 0,
    end: Number.MAX_SAFE_INTEGER,
    pid: 1,
  } as const;
}

const exists = (client: TestClient, ino: Ino): Promise<boolean> =>
  client.getattr(ino).then(
    () => true,
    () => false,
  );

test('the epoch grows with each start, and serials and numbers of grants never go back', async () => {
  const cluster = await TestCluster.start();
  const a = await cluster.client();
  await cluster.wait(a.make('a'));
  const before = await cluster.wait(a.getattr(rootIno));
  await cluster.restart();
  const { epoch } = a.facts;
  const facts = await cluster.wait(a.attach());
  assert.deepEqual([facts.epoch, facts.mustReclaim], [epoch + 1, true]);
  const after = await cluster.wait(a.getattr(rootIno));
  assert(after.serial > before.serial);
  assert(after.grants[0]!.number > before.grants[0]!.number);
});

test('after a start changes wait until every session has reclaimed; reading goes on', async () => {
  const cluster = await TestCluster.start();
  const [a, b] = [await cluster.client(), await cluster.client()];
  const ino = await cluster.wait(a.make('a'));
  await cluster.restart();
  await cluster.wait(a.attach());
  assert.equal((await cluster.wait(a.lookup('a')))?.ino, ino);
  await cluster.wait(a.open(ino));
  const change = a.chmod(ino, 0o600);
  const made = a.make('b');
  await cluster.wait(a.session('reclaim', nothingHeld));
  assert(await cluster.isWaiting(Promise.race([change, made]), 1000));
  await cluster.wait(b.attach());
  assert(await cluster.isWaiting(Promise.race([change, made]), 1000));
  await cluster.wait(b.session('reclaim', nothingHeld));
  await cluster.wait(Promise.all([change, made]));
  assert(!(await cluster.wait(a.attach())).mustReclaim);
});

test('grace ends when those that do not come back have passed their TTL', async () => {
  const cluster = await TestCluster.start();
  await cluster.client();
  await cluster.restart();
  const b = await cluster.client();
  assert(!b.facts.mustReclaim);
  const made = b.make('b');
  assert(await cluster.isWaiting(made, ttlMs / 2));
  await cluster.wait(b.session('renewSession', {}));
  assert(await cluster.isWaiting(made, ttlMs / 2 - 1000));
  await cluster.wait(made);
  assert(cluster.clock.nowMs() < ttlMs + 2500);
});

test('a session that renews and never reclaims does not keep grace going for ever', async () => {
  const cluster = await TestCluster.start();
  const [a, b] = [await cluster.client(), await cluster.client()];
  await cluster.restart();
  await cluster.wait(b.attach());
  await cluster.wait(b.session('reclaim', nothingHeld));
  await cluster.wait(a.attach());
  const made = b.make('b');
  for (let round = 0; round < 9; round++) {
    assert(await cluster.isWaiting(made, 9800), `in round ${round}`);
    for (const client of [a, b]) await cluster.wait(client.session('renewSession', {}));
  }
  await cluster.wait(made);
  assert(a.pushed.some(({ code }) => code === pushes.sessionEnded.code));
});

test('no file without names is removed before those who may have it open have reclaimed', async () => {
  const cluster = await TestCluster.start();
  const [a, b] = [await cluster.client(), await cluster.client()];
  const [shared, lost] = [
    await cluster.wait(a.make('a', { open: true })),
    await cluster.wait(a.make('b', { open: true })),
  ];
  await cluster.wait(b.open(shared));
  for (const name of ['a', 'b']) await cluster.wait(a.unlink(name));
  await cluster.restart();
  await cluster.wait(a.attach());
  await cluster.wait(a.session('reclaim', { opens: [{ ino: shared, count: 1 }], locks: [], done: true }));
  await cluster.wait(a.release(shared));
  assert(await cluster.wait(exists(a, shared)));
  assert(await cluster.wait(exists(a, lost)));
  await cluster.wait(b.attach());
  const held = { opens: [{ ino: shared, count: 1 }], locks: [], done: true };
  assert.deepEqual(await cluster.wait(b.session('reclaim', held)), { lostOpens: [], lostLocks: [] });
  // A repeated part counts once.
  await cluster.wait(b.session('reclaim', held));
  await cluster.pass(100);
  assert(!(await cluster.wait(exists(a, lost))));
  assert(await cluster.wait(exists(a, shared)));
  await cluster.wait(b.release(shared));
  assert(!(await cluster.wait(exists(a, shared))));
});

test('files without names outlive an orderly end of the server, until one serves the volume that keeps none', async () => {
  const cluster = await TestCluster.start();
  const a = await cluster.client();
  const [kept, lost] = [
    await cluster.wait(a.make('a', { open: true })),
    await cluster.wait(a.make('b', { open: true })),
  ];
  for (const name of ['a', 'b']) await cluster.wait(a.unlink(name));
  await cluster.restart({ orderly: true });
  await cluster.wait(a.attach());
  await cluster.wait(a.session('reclaim', { opens: [{ ino: kept, count: 1 }], locks: [], done: true }));
  await cluster.pass(100);
  assert(await cluster.wait(exists(a, kept)));
  assert(!(await cluster.wait(exists(a, lost))));
  await cluster.restart({ orderly: true, keepOrphans: false });
  await cluster.wait(a.attach());
  assert(!(await cluster.wait(exists(a, kept))));
});

test('what is open of an inode that is gone is lost', async () => {
  const cluster = await TestCluster.start();
  const a = await cluster.client();
  await cluster.restart();
  await cluster.wait(a.attach());
  const gone = 4711 as Ino;
  const reply = await cluster.wait(a.session('reclaim', { opens: [{ ino: gone, count: 1 }], locks: [], done: true }));
  assert.deepEqual(reply, { lostOpens: [gone], lostLocks: [] });
});

test('in grace a lock goes only to whoever reclaims it', async () => {
  const cluster = await TestCluster.start();
  const [a, b] = [await cluster.client(), await cluster.client()];
  const ino = await cluster.wait(a.make('a'));
  const mine = { ino, lock: flock(1), wait: false, request: 1 };
  assert.equal(await cluster.wait(a.session('lock', mine)), 'granted');
  await cluster.restart();
  await cluster.wait(b.attach());
  const asked = b.session('lock', { ...mine, request: 7 });
  asked.catch(() => undefined);
  await cluster.wait(b.session('reclaim', nothingHeld));
  assert(await cluster.isWaiting(asked, 1000));
  const given = b.session('lock', { ...mine, lock: flock(2), request: 8 });
  given.catch(() => undefined);
  await cluster.pass(10);
  await cluster.wait(b.session('cancelLock', { request: 8 }));
  await cluster.wait(a.attach());
  const locks = [{ ino, lock: flock(1) }];
  assert.deepEqual((await cluster.wait(a.session('reclaim', { opens: [], locks, done: true }))).lostLocks, []);
  await assert.rejects(cluster.wait(asked), { status: 'wouldBlock' });
  await assert.rejects(cluster.wait(given), { status: 'cancelled' });
});

test('a repeated call whose effect survived gets its reply in grace, with no leases', async () => {
  const cluster = await TestCluster.start();
  const [a] = [await cluster.client(), await cluster.client()];
  const place = { slot: 0, sequence: 1 };
  const made = await cluster.wait(a.callIn(place, 'make', { ...newFile, open: true }));
  assert(made.grants.length > 0);
  const repeated = await cluster.wait(a.callIn(place, 'make', { ...newFile, open: true }));
  assert.deepEqual([repeated.reply, repeated.serial, repeated.grants], [made.reply, made.serial, []]);
  await cluster.restart();
  await cluster.wait(a.attach());
  const again = await cluster.wait(a.callIn(place, 'make', { ...newFile, open: true }));
  assert.deepEqual([again.reply, again.grants, again.serial], [made.reply, [], 0]);
  assert.equal(cluster.server.list().find(({ session }) => session === a.facts.session)?.opens, 1);
});

test('what a crash may have left half done is repeated in grace, when nobody believes in old leases any more', async () => {
  const cluster = await TestCluster.start();
  const [a, b] = [await cluster.client(), await cluster.client()];
  const ino = await cluster.wait(a.make('a'));
  await cluster.wait(a.write(ino, 'content'));
  const request = { caller: newFile.caller, ino, flags: O_WRONLY | O_TRUNC, killPrivileges: false };
  await cluster.wait(a.callIn({ slot: 1, sequence: 1 }, 'open', request));
  await cluster.restart();
  await cluster.wait(a.attach());
  await cluster.wait(a.session('reclaim', { ...nothingHeld, done: false }));
  const again = a.callIn({ slot: 1, sequence: 1 }, 'open', request);
  assert(await cluster.isWaiting(again, 1000));
  await cluster.wait(b.attach());
  assert(await cluster.isWaiting(again, 1000));
  await cluster.wait(b.session('reclaim', nothingHeld));
  const next = b.chmod(ino, 0o600);
  assert.equal((await cluster.wait(again)).reply.attributes.size, 0);
  assert(await cluster.isWaiting(next, 1000));
  await cluster.wait(a.session('reclaim', nothingHeld));
  await cluster.wait(next);
  assert.equal(calls.open.idempotent, false);
});

test('leases of the epoch before count no longer', async () => {
  const cluster = await TestCluster.start();
  const [a, b] = [await cluster.client(), await cluster.client()];
  const ino = await cluster.wait(a.make('a'));
  await cluster.wait(b.lookup('a'));
  assert(b.holds(ino, leases.attr.bit));
  await cluster.restart();
  for (const client of [a, b]) {
    await cluster.wait(client.attach());
    await cluster.wait(client.session('reclaim', nothingHeld));
  }
  await cluster.wait(a.chmod(ino, 0o600));
  assert.deepEqual(b.recalls, []);
});
