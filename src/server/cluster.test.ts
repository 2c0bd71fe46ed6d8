import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rootIno } from '#base';
import { leases } from '#protocol';
import { TestCluster } from './cluster.testing.ts';

const { attr, entries, read } = leases;

test('a change waits until other sessions have returned what it makes untrue', async () => {
  const cluster = await TestCluster.start();
  const [a, b] = [await cluster.client(), await cluster.client()];
  const ino = await cluster.wait(a.make('a'));
  await cluster.wait(b.lookup('a'));
  assert(b.holds(ino, attr.bit) && b.holds(rootIno, entries.bit));
  b.isObedient = false;
  const change = a.chmod(ino, 0o600);
  assert(await cluster.isWaiting(change, 5000));
  assert.deepEqual(
    b.recalls.map(({ leases, awaited }) => [leases.map(({ ino, kinds }) => [ino, kinds]), awaited]),
    [[[[ino, attr.bit]], true]],
  );
  await cluster.wait(b.returnAll());
  const { reply } = await cluster.wait(change);
  assert.equal(reply.mode & 0o777, 0o600);
});

test('a change recalls nothing from its own session, and its answer tells what it changed beside', async () => {
  const cluster = await TestCluster.start();
  const a = await cluster.client();
  const ino = await cluster.wait(a.make('a'));
  await cluster.wait(a.lookup('a'));
  const { grants, also, serial } = await cluster.wait(a.unlink('a'));
  assert.deepEqual(a.recalls, []);
  assert.deepEqual(
    also.map((each) => [each.ino, each.nlink]),
    [[rootIno, 2]],
  );
  assert.deepEqual(
    grants.map((grant) => [grant.ino, grant.kinds]),
    [[rootIno, attr.bit | entries.bit]],
  );
  assert(serial > 0);
  assert.notEqual(ino, rootIno);
});

test('a name that is made is recalled from those who know it to be absent', async () => {
  const cluster = await TestCluster.start();
  const [a, b] = [await cluster.client(), await cluster.client()];
  assert.equal(await cluster.wait(b.lookup('a')), undefined);
  assert(b.holds(rootIno, entries.bit));
  await cluster.wait(a.make('a'));
  const [recall] = b.recalls;
  assert.deepEqual(
    recall?.leases.map(({ ino, kinds, name }) => [ino, kinds, name]),
    [[rootIno, entries.bit, 'a']],
  );
  assert(!b.holds(rootIno, entries.bit));
});

test('a write recalls content and attributes, a read recalls nothing', async () => {
  const cluster = await TestCluster.start();
  const [a, b] = [await cluster.client(), await cluster.client()];
  const ino = await cluster.wait(a.make('a'));
  await cluster.wait(a.write(ino, 'old'));
  assert.equal(await cluster.wait(b.read(ino)), 'old');
  await cluster.wait(b.getattr(ino));
  const before = a.recalls.length;
  await cluster.wait(b.call('read', { ino, offset: 0, length: 3, noAtime: false }));
  assert.equal(a.recalls.length, before);
  const { also } = await cluster.wait(a.write(ino, 'newer'));
  assert.deepEqual(
    also.map(({ size }) => size),
    [5],
  );
  assert.deepEqual(
    b.recalls.flatMap((recall) => recall.leases.map(({ kinds }) => kinds)),
    [attr.bit | read.bit],
  );
  assert.equal(await cluster.wait(b.read(ino)), 'newer');
});
