import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Ino, rootIno } from '#base';
import { leases, pushes } from '#protocol';
import { assertStale, type TestClient, TestCluster } from '../cluster.testing.ts';

const ttlMs = 30_000;

/** Keeps clients alive while time passes. */
async function passAlive(cluster: TestCluster, ms: number, alive: readonly TestClient[]): Promise<void> {
  for (let passed = 0; passed < ms; passed += 5000) {
    for (const client of alive) await cluster.wait(client.session('renewSession', {}));
    await cluster.pass(5000);
  }
}

function existsOnServer(cluster: TestCluster, ino: Ino): Promise<boolean> {
  const looked = async (client: TestClient): Promise<boolean> => {
    try {
      await client.getattr(ino);
      return true;
    } catch {
      return false;
    }
  };
  return cluster.client().then((client) => cluster.wait(looked(client)));
}

test('ids of sessions are never used again, not after a restart either', async () => {
  const cluster = await TestCluster.start();
  const first = await cluster.client();
  await cluster.wait(first.session('endSession', {}));
  const second = await cluster.client();
  await cluster.restart();
  const third = await cluster.client();
  const ids = [first, second, third].map(({ facts }) => facts.session);
  assert.equal(new Set(ids).size, 3);
});

test('only the secret lets a connection speak for a session', async () => {
  const cluster = await TestCluster.start();
  const a = await cluster.client();
  const { session, secret } = a.facts;
  a.connect();
  await assertStale(cluster.wait(a.getattr(rootIno)));
  await assertStale(cluster.wait(a.session('attachSession', { session, secret: '0123456789abcdef' })));
  await assertStale(cluster.wait(a.session('attachSession', { session, secret: secret.slice(1) })));
  await assertStale(cluster.wait(a.getattr(rootIno)));
  await cluster.wait(a.attach());
  await cluster.wait(a.getattr(rootIno));
});

test('a connection speaks for one session: calls with the number of another are refused', async () => {
  const cluster = await TestCluster.start();
  const [a, b] = [await cluster.client(), await cluster.client()];
  a.facts = { ...a.facts, session: b.facts.session };
  await assertStale(cluster.wait(a.getattr(rootIno)));
});

test('a session lives as long as it calls, and is over a TTL after its last call', async () => {
  const cluster = await TestCluster.start();
  const a = await cluster.client();
  for (let round = 0; round < 4; round++) {
    await cluster.pass(ttlMs - 1000);
    await cluster.wait(a.getattr(rootIno));
  }
  await cluster.pass(ttlMs + 1500);
  await assertStale(cluster.wait(a.getattr(rootIno)));
  await assertStale(cluster.wait(a.attach()));
  assert.deepEqual(
    a.pushed.map(({ code }) => code),
    [pushes.sessionEnded.code],
  );
  assert.match(cluster.news.join(), /was silent|nothing was heard/);
});

test('what a fenced session held is free: leases, locks and opens', async () => {
  const cluster = await TestCluster.start();
  const [a, b] = [await cluster.client(), await cluster.client()];
  const ino = await cluster.wait(a.make('a', { open: true }));
  await cluster.wait(a.unlink('a'));
  const other = await cluster.wait(a.make('b'));
  await cluster.wait(a.lookup('b'));
  const lock = { type: 'flock', owner: '0000000000000001', exclusive: true, start: 0, end: 10, pid: 1 } as const;
  assert.equal(await cluster.wait(a.session('lock', { ino: other, lock, wait: false, request: 1 })), 'granted');
  assert.equal(await cluster.wait(b.session('lock', { ino: other, lock, wait: true, request: 1 })), 'queued');
  assert(await existsOnServer(cluster, ino));
  a.isObedient = false;
  const change = b.chmod(other, 0o600);
  await passAlive(cluster, ttlMs + 5000, [b]);
  await cluster.wait(change);
  assert(b.pushed.some(({ code }) => code === pushes.lockGranted.code));
  assert(!(await existsOnServer(cluster, ino)));
});

test('an unlinked file lives until the last session that has it open has closed it or is over', async () => {
  const cluster = await TestCluster.start();
  const [a, b] = [await cluster.client(), await cluster.client()];
  const ino = await cluster.wait(a.make('a', { open: true }));
  await cluster.wait(b.open(ino));
  await cluster.wait(a.unlink('a'));
  await cluster.wait(a.release(ino));
  assert(await existsOnServer(cluster, ino));
  // More than it has open takes nothing away from others.
  await cluster.wait(a.release(ino, 5));
  assert(await existsOnServer(cluster, ino));
  await cluster.wait(b.session('endSession', {}));
  assert(!(await existsOnServer(cluster, ino)));
});

test('an evicted session is over at once, and is told why', async () => {
  const cluster = await TestCluster.start();
  const a = await cluster.client();
  assert(await cluster.wait(cluster.server.evict(a.facts.session)));
  assert(!(await cluster.wait(cluster.server.evict(a.facts.session))));
  await assertStale(cluster.wait(a.getattr(rootIno)));
  assert.deepEqual(a.pushed, [
    { code: pushes.sessionEnded.code, message: { reason: 'an administrator has ended it' } },
  ]);
});

test('a call that waits for a recall fails when its session is evicted, and the change is not made', async () => {
  const cluster = await TestCluster.start();
  const [a, b] = [await cluster.client(), await cluster.client()];
  const ino = await cluster.wait(a.make('a'));
  await cluster.wait(b.lookup('a'));
  b.isObedient = false;
  const change = a.chmod(ino, 0o600);
  change.catch(() => undefined);
  assert(await cluster.isWaiting(change, 100));
  await cluster.wait(cluster.server.evict(a.facts.session));
  await assertStale(cluster.wait(change));
  await cluster.wait(b.returnAll());
  assert.equal((await cluster.wait(b.getattr(ino))).reply.mode & 0o777, 0o644);
});

test('the list of sessions tells who they are and what they hold', async () => {
  const cluster = await TestCluster.start();
  const a = await cluster.client('strict', 'host-a');
  const ino = await cluster.wait(a.make('a', { open: true }));
  const lock = { type: 'range', owner: '0000000000000001', exclusive: true, start: 0, end: 10, pid: 1 } as const;
  await cluster.wait(a.session('lock', { ino, lock, wait: false, request: 1 }));
  await cluster.pass(1000);
  const [one, ...others] = cluster.server.list();
  assert.deepEqual(others, []);
  const { silentMs, createdSec, ...rest } = one!;
  assert(silentMs >= 1000 && silentMs < 1100 && createdSec > 0);
  assert.deepEqual(rest, {
    session: a.facts.session,
    name: 'host-a',
    volume: 'default',
    identity: 'host-a',
    address: 'host-a',
    cacheMode: 'strict',
    readOnly: false,
    leases: 2,
    locks: 1,
    opens: 1,
    slots: 1,
    mustReclaim: false,
  });
});

test('a server that slept takes nobody for silent before it has heard what was sent meanwhile', async () => {
  const cluster = await TestCluster.start();
  const a = await cluster.client();
  await cluster.pass(1000);
  const call = a.getattr(rootIno);
  // The whole process stops: no timer runs, and then all are late at once.
  const { nowMs } = cluster.clock;
  cluster.clock.nowMs = () => nowMs.call(cluster.clock) + 60_000;
  await cluster.wait(call);
  await cluster.pass(2000);
  await cluster.wait(a.getattr(rootIno));
});

test('a thousand idle sessions need one timer among them', async () => {
  const cluster = await TestCluster.start();
  for (let count = 0; count < 1000; count++) await cluster.client();
  let timers = 0;
  const { after } = cluster.volume.clock;
  cluster.volume.clock.after = (delayMs, run) => {
    timers += 1;
    return after.call(cluster.volume.clock, delayMs, run);
  };
  await cluster.pass(10_000);
  assert(timers <= 15, `${timers} timers within 10 s`);
});

test('leases of a session in mode closeToOpen do not exist, those of mode session end without waiting', async () => {
  const cluster = await TestCluster.start();
  const a = await cluster.client();
  const lax = await cluster.client('closeToOpen');
  const session = await cluster.client('session');
  const ino = await cluster.wait(a.make('a'));
  const { grants } = await cluster.wait(lax.getattr(ino));
  assert.deepEqual(grants, []);
  await cluster.wait(session.getattr(ino));
  assert(session.holds(ino, leases.attr.bit));
  session.isObedient = false;
  assert(!(await cluster.isWaiting(a.chmod(ino, 0o600), 100)));
  assert.deepEqual(
    session.recalls.map(({ awaited }) => awaited),
    [false],
  );
  assert.deepEqual(lax.pushed, []);
});

test('a client that does not hear that it was evicted is outlived before others get what it believes in', async () => {
  const cluster = await TestCluster.start();
  const [a, b] = [await cluster.client(), await cluster.client()];
  const ino = await cluster.wait(a.make('a'));
  await cluster.wait(a.getattr(ino));
  const heardAtMs = cluster.clock.nowMs();
  cluster.network.partition(a.host, 'server');
  assert(await cluster.wait(cluster.server.evict(a.facts.session)));
  const change = b.chmod(ino, 0o600);
  await passAlive(cluster, 20_000, [b]);
  await cluster.wait(change);
  const tookMs = cluster.clock.nowMs() - heardAtMs;
  assert(tookMs >= ttlMs - 100 && tookMs < ttlMs + 2000, `${tookMs} ms`);
});

test('a server that stops while it outlives a session leaves it to the next', async () => {
  const cluster = await TestCluster.start();
  const a = await cluster.client();
  await cluster.wait(a.getattr(rootIno));
  cluster.network.partition(a.host, 'server');
  await cluster.wait(cluster.server.evict(a.facts.session));
  await cluster.restart({ orderly: true });
  await cluster.pass(1000);
  assert.deepEqual(
    cluster.server.list().map(({ session, mustReclaim }) => [session, mustReclaim]),
    [[a.facts.session, true]],
  );
  assert.equal(cluster.news.filter((sentence) => sentence.includes('could not')).length, 0);
});
