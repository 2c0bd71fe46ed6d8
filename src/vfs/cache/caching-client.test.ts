import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Ino, rootIno } from '#base';
import { leases, O_WRONLY, S_IFDIR, S_IFREG, superuser } from '#protocol';
import { shareLent } from './lending-server.testing.ts';

const file = { mode: S_IFREG | 0o644, umask: 0, rdev: 0 };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Holds calls back until it is called. */
function holding(): { promise: Promise<void>; resolve: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { promise, resolve };
}

test('a warm stat, a failing lookup and a listing with attributes cost no message', async () => {
  const { server, vfs, calls } = shareLent();
  const directory = server.add(rootIno, 'd', S_IFDIR | 0o755);
  for (const name of ['a', 'b', 'c']) server.add(directory, name, S_IFREG | 0o644);
  const look = async () => {
    await vfs.lookup(superuser, rootIno, 'd');
    await vfs.getattr(directory);
    await vfs.lookup(superuser, directory, 'a');
    assert.equal(await vfs.lookup(superuser, directory, 'absent'), undefined);
    await vfs.opendir(superuser, directory);
    const entries = await vfs.readdir(directory, 0, 100, true);
    const rest = await vfs.readdir(directory, entries.at(-1)!.cookie, 100, true);
    assert.deepEqual([entries.map(({ name }) => name), rest], [['.', '..', 'a', 'b', 'c'], []]);
    assert(entries.slice(2).every(({ attributes }) => attributes !== undefined));
  };
  await look();
  assert(calls().length > 3);
  await look();
  assert.deepEqual(calls(), []);
});

test('a complete listing answers for all names, absent ones too', async () => {
  const { server, vfs, calls } = shareLent();
  const ino = server.add(rootIno, 'a', S_IFREG | 0o644);
  await vfs.readdir(rootIno, 2, 100, true);
  calls();
  assert.equal((await vfs.lookup(superuser, rootIno, 'a'))?.attributes.ino, ino);
  assert.equal(await vfs.lookup(superuser, rootIno, 'b'), undefined);
  assert.deepEqual(calls(), []);
});

test('own changes teach what they changed', async () => {
  const { vfs, calls } = shareLent();
  await vfs.opendir(superuser, rootIno);
  const { attributes } = await vfs.mknod(superuser, rootIno, 'a', file);
  calls();
  assert.equal((await vfs.lookup(superuser, rootIno, 'a'))?.attributes.ino, attributes.ino);
  await vfs.getattr(rootIno);
  assert.deepEqual(calls(), []);
  const request = { caller: superuser, parent: rootIno, name: 'a', newParent: rootIno, newName: 'b', flags: 0 };
  await vfs.rename(request);
  calls();
  assert.equal(await vfs.lookup(superuser, rootIno, 'a'), undefined);
  assert.equal((await vfs.lookup(superuser, rootIno, 'b'))?.attributes.ino, attributes.ino);
  await vfs.unlink(superuser, rootIno, 'b');
  calls();
  assert.equal(await vfs.lookup(superuser, rootIno, 'b'), undefined);
  assert.deepEqual(calls(), []);
});

test('a recall is forgotten at once, and returned when the kernel has forgotten too', async () => {
  const { server, vfs, client, cache, dropped, gate, calls } = shareLent();
  const ino = server.add(rootIno, 'a', S_IFREG | 0o644);
  const entry = await vfs.lookup(superuser, rootIno, 'a');
  assert(cache.attributesMs(entry!.attributes) > 0);
  const held = holding();
  gate.closed = held.promise;
  calls();
  client.recalled(server.recallOf(ino, leases.attr.bit));
  assert.equal(entry!.attributesValidMs, 0);
  await turn();
  assert.deepEqual([dropped, server.returned], [[`attributes ${ino}`], []]);
  held.resolve();
  await turn();
  assert.deepEqual(
    server.returned.map(({ kinds }) => kinds),
    [leases.attr.bit],
  );
  server.change(ino, { size: 7 });
  assert.equal((await vfs.getattr(ino)).attributes.size, 7);
  assert.deepEqual(calls(), ['getattr']);
});

test('a recall of names takes from the kernel the one that changes, or all that it has', async () => {
  const { server, vfs, client, dropped } = shareLent();
  for (const name of ['a', 'b', 'c']) server.add(rootIno, name, S_IFREG | 0o644);
  const lend = async (name: string) => void (await vfs.lookup(superuser, rootIno, name))!.entryValidMs;
  const recall = (name?: string) => client.recalled(server.recallOf(rootIno, leases.entries.bit, name));
  recall('a');
  await lend('a');
  recall('a');
  await lend('b');
  recall('a');
  await lend('a');
  await lend('b');
  recall('a');
  await lend('a');
  recall();
  assert.deepEqual(
    dropped,
    ['none', 'only a', 'all', 'all', 'all'].map((what) => `names ${rootIno} ${what}`),
  );
});

test('a grant that was sent before the recall is not taken, and what came with it is not lent', async () => {
  const { server, vfs, client, calls } = shareLent();
  const ino = server.add(rootIno, 'a', S_IFREG | 0o644);
  const answer = holding();
  server.after = answer.promise;
  const looking = vfs.lookup(superuser, rootIno, 'a') as Promise<{ attributesValidMs: number; entryValidMs: number }>;
  await turn();
  client.recalled(server.recallOf(ino));
  client.recalled(server.recallOf(rootIno));
  server.after = undefined;
  answer.resolve();
  const entry = await looking;
  assert.deepEqual([entry.attributesValidMs, entry.entryValidMs], [0, 0]);
  calls();
  await vfs.lookup(superuser, rootIno, 'a');
  assert.deepEqual(calls(), ['lookup']);
  server.returned.length = 0;
  server.clock.advance(1000);
  assert.deepEqual(server.returned.map((lease) => lease.ino).sort(), [rootIno, ino]);
});

test('of two values the one with the higher serial is kept, in whatever order they arrive', async () => {
  const { server, vfs, calls } = shareLent();
  const ino = server.add(rootIno, 'a', S_IFREG | 0o644);
  const opened = await vfs.open(superuser, ino, 1, false);
  const slow = holding();
  server.after = slow.promise;
  // Carried out before the write, and answered after it.
  const looking = vfs.open(superuser, ino, 0, false);
  await turn();
  server.after = undefined;
  await vfs.write(opened.handle, 0, Buffer.from('abc'), false);
  slow.resolve();
  await looking;
  calls();
  assert.equal((await vfs.getattr(ino)).attributes.size, 3);
  assert.deepEqual(calls(), []);
});

test('what an own change will change is asked for until it is answered', async () => {
  const { server, vfs, calls } = shareLent();
  const ino = server.add(rootIno, 'a', S_IFREG | 0o644);
  const before = await vfs.lookup(superuser, rootIno, 'a');
  const answer = holding();
  server.after = answer.promise;
  const unlinking = vfs.unlink(superuser, rootIno, 'a');
  await turn();
  server.after = undefined;
  calls();
  assert.equal(before!.entryValidMs, 0);
  assert.equal(await vfs.lookup(superuser, rootIno, 'a'), undefined);
  assert.deepEqual(calls(), ['lookup']);
  answer.resolve();
  await unlinking;
  assert.equal(await vfs.lookup(superuser, rootIno, 'a'), undefined);
  assert.deepEqual(calls(), []);
  assert(ino > rootIno);
});

test('nothing is believed when the session is over, and never longer than a third of its TTL', async () => {
  const { server, vfs, calls } = shareLent();
  const ino = server.add(rootIno, 'a', S_IFREG | 0o644);
  const entry = (await vfs.lookup(superuser, rootIno, 'a'))!;
  assert.deepEqual([entry.attributesValidMs, entry.entryValidMs], [10_000, 10_000]);
  server.clock.advance(24_000);
  assert.deepEqual([entry.attributesValidMs, entry.entryValidMs], [5000, 5000]);
  calls();
  await vfs.getattr(ino);
  assert.deepEqual(calls(), []);
  server.clock.advance(5000);
  assert.equal(entry.attributesValidMs, 0);
  await vfs.getattr(ino);
  assert.deepEqual(calls(), ['getattr']);
});

test('a process that was stopped answers nothing before its kernel has dropped everything', async () => {
  const { server, vfs, gate, dropped, calls } = shareLent();
  const ino = server.add(rootIno, 'a', S_IFREG | 0o644);
  await vfs.lookup(superuser, rootIno, 'a');
  const held = holding();
  gate.closed = held.promise;
  calls();
  // The clock went on, and no timer ran.
  const { clock } = server;
  const nowMs = clock.nowMs() + 1100;
  clock.nowMs = () => nowMs;
  const looking = vfs.getattr(ino);
  await turn();
  assert.deepEqual([dropped, calls()], [[`all ${ino}`], []]);
  held.resolve();
  await looking;
  assert.deepEqual(calls(), ['getattr']);
});

test('equal questions asked together are asked once, and again where no lease came', async () => {
  const { server, vfs, calls } = shareLent();
  const ino = server.add(rootIno, 'a', S_IFREG | 0o644);
  const askTogether = () => Promise.all([1, 2, 3].map(() => vfs.getattr(ino)));
  await askTogether();
  assert.deepEqual(calls(), ['getattr']);
  const other = server.add(rootIno, 'b', S_IFREG | 0o644);
  server.lends = false;
  await Promise.all([1, 2, 3].map(() => vfs.getattr(other)));
  assert.deepEqual(calls(), ['getattr', 'getattr', 'getattr']);
});

test('what is evicted is taken from the kernel, and its lease given back', async () => {
  const { server, vfs, cache, dropped } = shareLent({ limits: { objects: 3, bytes: 1 << 20 } });
  const inos = Array.from({ length: 8 }, (_, index) => server.add(rootIno, `${index}`, S_IFREG | 0o644));
  for (const ino of inos) await vfs.getattr(ino);
  assert(cache.size <= 4);
  await turn();
  server.clock.advance(1000);
  const returned = server.returned.map(({ ino }) => ino);
  assert(returned.length >= 4);
  assert.deepEqual(
    dropped,
    returned.map((ino) => `attributes ${ino}`),
  );
});

test('a file is opened through the page cache under a lease, else past it', async () => {
  const { server, vfs, client, dropped } = shareLent();
  const ino = server.add(rootIno, 'a', S_IFREG | 0o644);
  const leased = await vfs.open(superuser, ino, 0, false);
  assert.equal(leased.mode, 'cached');
  await vfs.release(leased.handle);
  assert.equal((await vfs.open(superuser, ino, 0, false)).keepCache, true);
  client.recalled(server.recallOf(ino, leases.read.bit));
  server.lends = false;
  const other = server.add(rootIno, 'b', S_IFREG | 0o644);
  assert.equal((await vfs.open(superuser, other, 0, false)).mode, 'direct');
  // Beside a handle that has pages: what the read brought is dropped again.
  const joined = await vfs.open(superuser, ino, 0, false);
  assert.deepEqual([joined.mode, joined.keepCache], ['cached', false]);
  await vfs.read(joined.handle, 0, 1);
  assert.deepEqual(dropped, [`content ${ino}`, `content ${ino}`]);
});

test('own writes through the page cache leave its pages good', async () => {
  const { server, vfs } = shareLent();
  const ino = server.add(rootIno, 'a', S_IFREG | 0o644);
  const { handle } = await vfs.open(superuser, ino, O_WRONLY | 2, false);
  await vfs.write(handle, 0, Buffer.from('abc'), false);
  assert.equal((await vfs.open(superuser, ino, 0, false)).keepCache, true);
  server.change(ino, { dataVersion: 9 });
  assert.equal((await vfs.open(superuser, ino, 0, false)).keepCache, false);
});

test('an xattr that is absent is known from the attributes, or asked for once', async () => {
  const { server, vfs, calls } = shareLent();
  const ino = server.add(rootIno, 'a', S_IFREG | 0o644);
  await vfs.getattr(ino);
  calls();
  const get = (name: string) => assert.rejects(async () => vfs.getxattr(superuser, ino, name), { status: 'noData' });
  await get('security.capability');
  await get('system.posix_acl_access');
  assert.deepEqual(calls(), []);
  await get('user.a');
  await get('user.a');
  assert.deepEqual(calls(), ['getxattr']);
});

test('in session mode a new connection may have missed recalls, so nothing is believed', async () => {
  for (const [mode, expected] of [
    ['session', ['getattr']],
    ['strict', []],
  ] as const) {
    const { server, vfs, client, calls } = shareLent({ mode });
    const ino = server.add(rootIno, 'a', S_IFREG | 0o644);
    await vfs.getattr(ino);
    calls();
    client.reattached();
    await turn();
    await vfs.getattr(ino);
    assert.deepEqual(calls(), expected, mode);
  }
});

test('close-to-open believes attributes for their timeout, asks at open, and no name but of directories', async () => {
  const { server, vfs, calls } = shareLent({ mode: 'closeToOpen', validity: { attributeValidityMs: 3000 } });
  const ino = server.add(rootIno, 'a', S_IFREG | 0o644);
  const directory = server.add(rootIno, 'd', S_IFDIR | 0o755);
  const entry = (await vfs.lookup(superuser, rootIno, 'a'))!;
  assert.deepEqual([entry.attributesValidMs, entry.entryValidMs], [3000, 0]);
  assert.equal((await vfs.lookup(superuser, rootIno, 'd'))!.entryValidMs, 3000);
  assert.equal((await vfs.find(superuser, rootIno, 'absent')).entryValidMs, 0);
  server.clock.advance(1000);
  assert.equal(entry.attributesValidMs, 2000);
  server.change(ino, { size: 9 });
  calls();
  assert.equal((await vfs.getattr(ino)).attributes.size, 0);
  assert.deepEqual(calls(), []);
  await vfs.open(superuser, ino, 0, false);
  assert.equal((await vfs.getattr(ino)).attributes.size, 9);
  server.clock.advance(3000);
  calls();
  await vfs.getattr(ino);
  assert.deepEqual(calls(), ['getattr']);
  assert(directory > ino);
});

test('what was open in a session that was lost fails, and can be opened again', async () => {
  const { server, vfs, client } = shareLent();
  const ino = server.add(rootIno, 'a', S_IFREG | 0o644);
  const { handle } = await vfs.open(superuser, ino, 0, false);
  const second = await vfs.open(superuser, ino, 0, false);
  assert.deepEqual(client.heldOpens(), [{ ino, count: 2 }]);
  await vfs.release(second.handle);
  assert.deepEqual(client.heldOpens(), [{ ino, count: 1 }]);
  server.incarnation += 1;
  client.leasesEnded();
  client.sessionLost();
  assert.deepEqual(client.heldOpens(), []);
  assert.throws(() => void vfs.read(handle, 0, 1), { status: 'io' });
  server.seen.length = 0;
  await vfs.release(handle);
  assert.deepEqual(server.seen, []);
  await turn();
  const again = await vfs.open(superuser, ino, 0, false);
  assert.equal((await vfs.read(again.handle, 0, 1)).length, 1);
});

test('an open that the server could not give back is dead, and others live', async () => {
  const { server, vfs, client } = shareLent();
  const [gone, kept] = ['a', 'b'].map((name) => server.add(rootIno, name, S_IFREG | 0o644)) as [Ino, Ino];
  const dead = await vfs.open(superuser, gone, 0, false);
  const alive = await vfs.open(superuser, kept, 0, false);
  client.reclaimed({ lostOpens: [gone], lostLocks: [] });
  assert.throws(() => void vfs.read(dead.handle, 0, 1), { status: 'io' });
  await vfs.read(alive.handle, 0, 1);
  assert.deepEqual(client.heldOpens(), [{ ino: kept, count: 1 }]);
});
