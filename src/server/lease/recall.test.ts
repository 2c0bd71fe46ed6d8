import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Ino, rootIno, sleep } from '#base';
import { leases, superuser } from '#protocol';
import { assertStale, TestCluster } from '../cluster.testing.ts';

const { attr, entries, read } = leases;
const ttlMs = 30_000;

test('recalls of several holders go out together', async () => {
  const cluster = await TestCluster.start();
  const a = await cluster.client();
  const ino = await cluster.wait(a.make('a'));
  const holders = [await cluster.client(), await cluster.client(), await cluster.client()];
  for (const holder of holders) {
    await cluster.wait(holder.getattr(ino));
    holder.isObedient = false;
  }
  const change = a.chmod(ino, 0o600);
  await cluster.pass(10);
  assert.deepEqual(
    holders.map(({ recalls }) => recalls.length),
    [1, 1, 1],
  );
  for (const holder of holders) {
    assert(await cluster.isWaiting(change, 10));
    await cluster.wait(holder.returnAll());
  }
  await cluster.wait(change);
});

test('while a change waits for a holder, reading goes on and shows what was before, and grants nothing', async () => {
  const cluster = await TestCluster.start();
  const [a, b, c] = [await cluster.client(), await cluster.client(), await cluster.client()];
  const ino = await cluster.wait(a.make('a'));
  await cluster.wait(b.getattr(ino));
  b.isObedient = false;
  const change = a.chmod(ino, 0o600);
  assert(await cluster.isWaiting(change, 10));
  for (const reader of [b, c]) {
    const { reply, grants } = await cluster.wait(reader.getattr(ino));
    assert.deepEqual([reply.mode & 0o777, grants], [0o644, []]);
  }
  await cluster.wait(b.returnAll());
  await cluster.wait(change);
  assert.equal((await cluster.wait(b.getattr(ino))).grants.length, 1);
});

test('two sessions that change what the other has leased do not wait for each other for ever', async () => {
  const cluster = await TestCluster.start();
  const [a, b] = [await cluster.client(), await cluster.client()];
  const ino = await cluster.wait(a.make('a'));
  for (const client of [a, b]) await cluster.wait(client.read(ino).then(() => client.getattr(ino)));
  // Each returns only when its own write is through, as a kernel does whose pages are locked until then.
  for (const client of [a, b]) client.isObedient = false;
  const writes = [a.write(ino, 'aa'), b.write(ino, 'bb')];
  await cluster.pass(10);
  assert.equal(a.recalls.length + b.recalls.length, 2);
  await cluster.wait(a.returnAll());
  await cluster.wait(writes[1]!);
  await cluster.wait(b.returnAll());
  await cluster.wait(writes[0]!);
  assert.equal(await cluster.wait(a.read(ino)), 'aa');
});

test('a rename over a file waits for those who know its names, its attributes and its directory', async () => {
  const cluster = await TestCluster.start();
  const [a, b] = [await cluster.client(), await cluster.client()];
  const [from, to] = [await cluster.wait(a.mkdir('from')), await cluster.wait(a.mkdir('to'))];
  const moved = await cluster.wait(a.make('x', { parent: from }));
  const replaced = await cluster.wait(a.make('y', { parent: to }));
  await cluster.wait(b.lookup('x', from));
  await cluster.wait(b.lookup('y', to));
  const recalled = b.recalls.length;
  const { also } = await cluster.wait(a.rename('x', 'y', { from, to }));
  const ended = b.recalls.slice(recalled).flatMap(({ leases }) => leases);
  assert.deepEqual(
    new Map(ended.map(({ ino, kinds, name }) => [ino, [kinds, name]])),
    new Map<Ino, unknown>([
      [from, [entries.bit, 'x']],
      [to, [entries.bit, 'y']],
      [moved, [attr.bit, undefined]],
      [replaced, [attr.bit, undefined]],
    ]),
  );
  assert.deepEqual(new Set(also.map(({ ino }) => ino)), new Set([from, to, moved]));
  assert.equal((await cluster.wait(b.lookup('y', to)))?.ino, moved);
});

test('a name that means another inode when the recall is done is looked up anew', async () => {
  const cluster = await TestCluster.start();
  const [a, b, c] = [await cluster.client(), await cluster.client(), await cluster.client()];
  const first = await cluster.wait(a.make('a'));
  const second = await cluster.wait(a.make('b'));
  await cluster.wait(b.getattr(first));
  await cluster.wait(c.getattr(second));
  for (const client of [b, c]) client.isObedient = false;
  const removal = a.unlink('a');
  assert(await cluster.isWaiting(removal, 10));
  const renaming = a.call('rename', {
    ...{ caller: superuser, parent: rootIno, name: 'a', newParent: rootIno, newName: 'b', flags: 2 },
  });
  assert(await cluster.isWaiting(renaming, 10));
  await cluster.wait(c.returnAll());
  await cluster.wait(b.returnAll());
  await cluster.wait(Promise.all([removal, renaming].map((each) => each.catch(() => undefined))));
  for (const client of [b, c]) await cluster.wait(client.returnAll());
  const left = await cluster.wait(a.lookup('b'));
  assert([first, second].includes(left!.ino));
  assert.equal(await cluster.wait(a.lookup('a')), undefined);
});

test('a holder that is gone is waited out until its session is over', async () => {
  const cluster = await TestCluster.start();
  const [a, b] = [await cluster.client(), await cluster.client()];
  const ino = await cluster.wait(a.make('a'));
  await cluster.wait(b.getattr(ino));
  b.connection.close();
  const change = a.chmod(ino, 0o600);
  assert(await cluster.isWaiting(change, ttlMs - 5000));
  await cluster.wait(a.session('renewSession', {}));
  await cluster.wait(change);
  await assertStale(cluster.wait(b.attach()));
});

test('a holder that comes back on a new connection is asked again', async () => {
  const cluster = await TestCluster.start();
  const [a, b] = [await cluster.client(), await cluster.client()];
  const ino = await cluster.wait(a.make('a'));
  await cluster.wait(b.getattr(ino));
  cluster.network.partition(b.host, 'server');
  const change = a.chmod(ino, 0o600);
  assert(await cluster.isWaiting(change, 2000));
  assert.deepEqual(b.recalls, []);
  cluster.network.heal(b.host, 'server');
  await cluster.wait(b.attach());
  await cluster.wait(change);
  assert.equal(b.recalls.length, 1);
});

test('a holder that is heard of but returns nothing loses its session in the end', async () => {
  const cluster = await TestCluster.start();
  const [a, b] = [await cluster.client(), await cluster.client()];
  const ino = await cluster.wait(a.make('a'));
  await cluster.wait(b.getattr(ino));
  b.isObedient = false;
  const change = a.chmod(ino, 0o600);
  for (let passed = 0; passed < ttlMs - 5000; passed += 5000) {
    assert(await cluster.isWaiting(change, 5000));
    for (const client of [a, b]) await cluster.wait(client.session('renewSession', {}));
  }
  await cluster.wait(change);
  await assertStale(cluster.wait(b.getattr(ino)));
});

test('a holder that is still flushing is given longer, but not for ever', async () => {
  const cluster = await TestCluster.start();
  const [a, b] = [await cluster.client(), await cluster.client()];
  const ino = await cluster.wait(a.make('a'));
  await cluster.wait(b.getattr(ino));
  b.isObedient = false;
  const startMs = cluster.clock.nowMs();
  const change = a.chmod(ino, 0o600);
  let isDone = false;
  void change.then(() => {
    isDone = true;
  });
  while (!isDone) {
    await cluster.pass(5000);
    await cluster.wait(a.session('renewSession', {}));
    await cluster.wait(b.session('extendRecall', { inos: [ino] }).catch(() => undefined));
  }
  const tookMs = cluster.clock.nowMs() - startMs;
  assert(tookMs > 4 * ttlMs && tookMs < 5 * ttlMs + 5000, `${tookMs} ms`);
});

test('a return that comes late takes nothing away that was granted after it', async () => {
  const cluster = await TestCluster.start();
  const [a, b] = [await cluster.client(), await cluster.client()];
  const ino = await cluster.wait(a.make('a'));
  await cluster.wait(b.getattr(ino));
  await cluster.wait(a.chmod(ino, 0o600));
  await cluster.wait(b.getattr(ino));
  // The return of the recall before arrives once more.
  await cluster.wait(b.returnAll());
  b.isObedient = false;
  assert(await cluster.isWaiting(a.chmod(ino, 0o640), 100));
});

test('while a session has something to return, its calls bring no lease on it', async () => {
  const cluster = await TestCluster.start();
  const [a, b] = [await cluster.client(), await cluster.client()];
  const ino = await cluster.wait(a.make('a'));
  await cluster.wait(b.getattr(ino));
  b.isObedient = false;
  const signal = new AbortController();
  const change = a.call('setattr', { caller: superuser, ino, changes: { mode: 0o600 } }, signal.signal);
  change.catch(() => undefined);
  await cluster.pass(10);
  assert.deepEqual((await cluster.wait(b.getattr(ino))).grants, []);
  await cluster.wait(b.returnAll());
  await cluster.wait(change);
  assert.equal((await cluster.wait(b.getattr(ino))).grants.length, 1);
});

test('an object whose leases are recalled again and again is not leased for a while', async () => {
  const cluster = await TestCluster.start();
  const [a, b] = [await cluster.client(), await cluster.client()];
  const ino = await cluster.wait(a.make('a'));
  for (let round = 0; round < 20; round++) {
    await cluster.wait(b.getattr(ino));
    await cluster.wait(a.chmod(ino, 0o600 + round));
  }
  const asked = b.recalls.length;
  assert(asked < 10, `${asked} recalls`);
  assert.deepEqual((await cluster.wait(b.getattr(ino))).grants, []);
  await cluster.pass(2000);
  assert.equal((await cluster.wait(b.getattr(ino))).grants.length, 1);
});

test('a session with too many leases gives up its oldest', async () => {
  const cluster = await TestCluster.start({ leases: { perSession: 300, inAll: 1000 } });
  const a = await cluster.client();
  for (let count = 0; count < 320; count++) await cluster.wait(a.make(`${count}`));
  const [held] = cluster.server.list().map((session) => session.leases);
  assert(held! <= 301, `${held} leases`);
  const given = a.recalls.flatMap(({ leases }) => leases);
  assert.equal(given.length >= 200, true);
  assert(given.every(({ kinds }) => (kinds & (attr.bit | read.bit)) !== 0));
});

test('what a client does not wait for any more is not carried out, unless it has a slot', async () => {
  const cluster = await TestCluster.start();
  const [a, b] = [await cluster.client(), await cluster.client()];
  const ino = await cluster.wait(a.make('a'));
  await cluster.wait(b.getattr(ino));
  b.isObedient = false;
  const signal = new AbortController();
  const change = a.call('setattr', { caller: superuser, ino, changes: { mode: 0o600 } }, signal.signal);
  change.catch(() => undefined);
  await cluster.pass(10);
  signal.abort();
  await assert.rejects(cluster.wait(change), { status: 'cancelled' });
  await cluster.wait(b.returnAll());
  await cluster.pass(10);
  // Its repetition must find what became of it.
  assert.equal((await cluster.wait(b.getattr(ino))).reply.mode & 0o777, 0o600);
});

test('a read does not show what a crash of the server could take away', async () => {
  const cluster = await TestCluster.start({ slowDisk: true });
  const [a, b] = [await cluster.client(), await cluster.client()];
  let seen = 0;
  for (let round = 0; round < 20; round++) {
    const made = a.make(`${round}`);
    const looks = Array.from({ length: 10 }, async (_, index) => {
      await sleep(cluster.clock, index);
      if ((await b.lookup(`${round}`)) === undefined) return;
      seen += 1;
      // The power goes as soon as the answer is there.
      const { durable, committed } = cluster.volume.store;
      assert.equal(durable, committed);
    });
    await cluster.wait(Promise.all([...looks, made]));
  }
  assert(seen > 20, `${seen} were seen`);
});

test('many leases are recalled in several messages', async () => {
  const cluster = await TestCluster.start();
  const [a, b] = [await cluster.client(), await cluster.client()];
  const id = a.facts.session;
  for (let ino = 1000; ino < 11_000; ino++) {
    cluster.server.volume.leases.grant(id, { ino: ino as Ino, kinds: attr.bit, number: 1 });
  }
  await cluster.wait(cluster.server.evict(id));
  await cluster.wait(b.getattr(rootIno));
  const sizes = a.recalls.map(({ leases }) => leases.length);
  assert(sizes.length > 1 && sizes.every((size) => size <= 4096), `${sizes}`);
  assert.equal(cluster.server.volume.leases.countOf(id), 0);
});
