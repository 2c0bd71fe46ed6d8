import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { superuser } from '#protocol';
import { ContentFixture } from './fixture.contract.ts';

test('inline content becomes a blob whose file has the times of the record', async () => {
  const world = await ContentFixture.open();
  const ino = await world.make();
  await world.write(ino, 0, 'abc');
  const mtime = { sec: 12, nsec: 34 };
  await world.call('setattr', { caller: superuser, ino, changes: { mtime } });
  await world.lend(ino, false);
  const stat = world.blobs.statLent(ino);
  assert.deepEqual([stat.size, stat.mtime], [3, mtime]);
  assert.equal(await world.storage(ino), 'blob');
  assert.equal(await world.read(ino), 'abc');
});

test("while a file is lent, its size and times are the file's", async () => {
  const world = await ContentFixture.open();
  const ino = await world.make();
  await world.lend(ino, true);
  const before = await world.stat(ino);
  await world.blobs.write(ino, 0, Buffer.from('past the server'));
  const after = await world.stat(ino);
  assert.equal(after.size, 15);
  assert.ok(after.mtimeNsec > before.mtimeNsec && after.ctimeNsec === after.mtimeNsec);
  assert.equal(await world.read(ino), 'past the server');
  const reply = await world.write(ino, 0, '!', { append: true });
  assert.equal(reply.end, 16);
  await world.truncate(ino, 4);
  assert.equal((await world.stat(ino)).size, 4);
  assert.equal(world.blobs.statLent(ino).size, 4);
});

test("times that are set while a file is lent are the file's too", async () => {
  const world = await ContentFixture.open();
  const ino = await world.make();
  await world.lend(ino, true);
  await world.call('setattr', { caller: superuser, ino, changes: { mtime: { sec: 5, nsec: 6 } } });
  assert.deepEqual([(await world.stat(ino)).mtimeSec, world.blobs.statLent(ino).mtime], [5, { sec: 5, nsec: 6 }]);
});

test("the last writer's end brings the record in line, and the version on", async () => {
  const world = await ContentFixture.open();
  const ino = await world.make();
  await world.lend(ino, true);
  await world.lend(ino, true);
  await world.lend(ino, false);
  await world.blobs.write(ino, 0, new Uint8Array(5000));
  const { dataVersion } = await world.stat(ino);
  await world.giveBack(ino, true);
  assert.equal((await world.stat(ino)).dataVersion, dataVersion);
  await world.giveBack(ino, true);
  assert.equal((await world.stat(ino)).dataVersion, dataVersion + 1);
  await world.giveBack(ino, false);
  assert.deepEqual(world.volume.lent.inos(), []);
  const { size, blocks } = await world.stat(ino);
  assert.deepEqual([size, blocks], [5000, 16]);
});

test('bytes behind the size are cut off before a file is lent', async () => {
  const world = await ContentFixture.open();
  const ino = await world.make();
  await world.write(ino, 0, 'a'.repeat(20_000));
  await world.blobs.write(ino, 20_000, Buffer.from('ghost'));
  await world.lend(ino, false);
  assert.equal(world.blobs.statLent(ino).size, 20_000);
});

test('at the limit of lent files the caller is told, and nothing is left behind', async () => {
  const world = await ContentFixture.open({ blobs: { lentMax: 1 } });
  const [first, second] = [await world.make(), await world.make()];
  await world.lend(first, true);
  await assert.rejects(world.lend(second, true), { status: 'tooManyOpen' });
  await world.write(second, 0, 'still works');
  assert.equal(await world.read(second), 'still works');
  await world.giveBack(first, true);
  await world.lend(second, true);
});

test('after a kill, what was written past the server is there, with its size and times', async () => {
  for (let seed = 1; seed < 20; seed++) {
    const world = await ContentFixture.open();
    const ino = await world.make();
    await world.write(ino, 0, 'before');
    await world.lend(ino, true);
    await world.volume.store.flush();
    await world.blobs.write(ino, 6, Buffer.from(' and after'));
    const { mtime } = world.blobs.statLent(ino);
    const after = await world.kill(seed);
    assert.equal(await after.read(ino), 'before and after');
    const { mtimeSec, mtimeNsec } = await after.stat(ino);
    assert.deepEqual({ sec: mtimeSec, nsec: mtimeNsec }, mtime);
  }
});

test('what fsync acknowledged of a lent file survives a power cut', async () => {
  for (let seed = 1; seed < 40; seed++) {
    const world = await ContentFixture.open();
    const ino = await world.make();
    await world.lend(ino, true);
    await world.blobs.write(ino, 0, Buffer.from('a'.repeat(9000)));
    await world.fsync(ino);
    if (seed % 3 === 0) await world.giveBack(ino, true);
    if (seed % 2 === 0) await world.volume.store.flush();
    const after = await world.powerCut(seed);
    assert.equal(await after.read(ino), 'a'.repeat(9000));
  }
});

test('reading past the server moves the access time', async () => {
  const world = await ContentFixture.open();
  const ino = await world.make();
  await world.write(ino, 0, 'x');
  await world.lend(ino, false);
  const { mtime } = world.blobs.statLent(ino);
  world.blobs.setTimes(ino, { atime: { sec: mtime.sec + 100, nsec: 7 } });
  assert.equal((await world.stat(ino)).atimeNsec, 7);
  await world.giveBack(ino, false);
  assert.equal((await world.stat(ino)).atimeNsec, 7);
});

test('a file that was only opened for writing keeps its times and size through a power cut', async () => {
  for (const size of [100, 20_000]) {
    for (let seed = 1; seed < 40; seed++) {
      const world = await ContentFixture.open();
      const ino = await world.make();
      await world.write(ino, 0, 'a'.repeat(size));
      const mtime = { sec: 12, nsec: 34 };
      await world.call('setattr', { caller: superuser, ino, changes: { mtime } });
      await world.fsync(ino);
      await world.lend(ino, true);
      await world.volume.store.flush();
      const after = await world.powerCut(seed);
      const { mtimeSec, mtimeNsec } = await after.stat(ino);
      assert.deepEqual([mtimeSec, mtimeNsec], [12, 34]);
      assert.equal(await after.read(ino), 'a'.repeat(size));
    }
  }
});
