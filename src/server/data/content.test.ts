import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import {
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FALLOC_FL_ZERO_RANGE,
  fileSizeMaxBytes,
  superuser,
} from '#protocol';
import { ContentFixture } from './fixture.contract.ts';

const large = 20_000;

test('a small file lies inline, and is whole when it has grown into a blob', async () => {
  const world = await ContentFixture.open();
  const ino = await world.make();
  await world.write(ino, 0, 'a'.repeat(1000));
  assert.equal(await world.storage(ino), 'inline');
  assert.deepEqual(await world.blobIds(), []);
  assert.deepEqual(await world.write(ino, 1000, 'b'.repeat(large)), { written: large, end: 1000 + large });
  assert.equal(await world.storage(ino), 'blob');
  assert.equal(await world.read(ino), 'a'.repeat(1000) + 'b'.repeat(large));
  assert.equal((await world.stat(ino)).size, 1000 + large);
});

test('an inline write is answered at once', async () => {
  const world = await ContentFixture.open();
  const ino = await world.make();
  const { write } = await import('./write.ts');
  const data = Buffer.from('now');
  const reply = write(world.volume, { ino, offset: 0, data, append: false, killPrivileges: false, sync: false });
  assert.deepEqual(reply, { written: 3, end: 3 });
  data.fill(0);
  assert.equal(await world.read(ino), 'now');
});

for (const kind of ['inline', 'blob'] as const) {
  const open = async () => {
    const world = await ContentFixture.open({ blobs: { schedule: setImmediate } });
    const ino = await world.make();
    if (kind === 'blob') await world.fallocate(ino, FALLOC_FL_KEEP_SIZE, 0, 10);
    assert.equal(await world.storage(ino), kind);
    return { world, ino };
  };

  test(`${kind}: between and behind what was written lie zeros`, async () => {
    const { world, ino } = await open();
    await world.write(ino, 5, 'xy');
    assert.equal(await world.read(ino), '\0\0\0\0\0xy');
    await world.truncate(ino, 6);
    await world.truncate(ino, 9);
    assert.equal(await world.read(ino), '\0\0\0\0\0x\0\0\0');
    assert.equal(await world.read(ino, 9), '');
    assert.equal(await world.read(ino, 4, 3), '\0x\0');
    await world.truncate(ino, 0);
    assert.equal(await world.read(ino), '');
  });

  test(`${kind}: appends go to the end, one after the other`, async () => {
    const { world, ino } = await open();
    const letters = [...'abcdefghij'];
    const replies = await Promise.all(letters.map((letter) => world.write(ino, 0, letter, { append: true })));
    assert.deepEqual(
      replies.map(({ end }) => end),
      letters.map((_, i) => i + 1),
    );
    assert.equal(await world.read(ino), 'abcdefghij');
  });

  test(`${kind}: a write moves mtime, ctime and the data version, and no other time`, async () => {
    const { world, ino } = await open();
    const before = await world.stat(ino);
    await world.write(ino, 0, 'x');
    const after = await world.stat(ino);
    assert.ok(after.mtimeNsec > before.mtimeNsec && after.ctimeNsec === after.mtimeNsec);
    assert.equal(after.dataVersion, before.dataVersion + 1);
    assert.deepEqual([after.atimeNsec, after.btimeNsec], [before.atimeNsec, before.btimeNsec]);
  });

  test(`${kind}: a write of an unprivileged user takes setuid and setgid away`, async () => {
    const { world } = await open();
    const ino = await world.make(0o6755);
    if (kind === 'blob') await world.fallocate(ino, FALLOC_FL_KEEP_SIZE, 0, 10);
    await world.write(ino, 0, 'x');
    assert.equal((await world.stat(ino)).mode & 0o7777, 0o6755);
    await world.write(ino, 0, 'x', { killPrivileges: true });
    assert.equal((await world.stat(ino)).mode & 0o7777, 0o755);
  });

  test(`${kind}: a hole is punched, a range zeroed, space allocated`, async () => {
    const { world, ino } = await open();
    await world.write(ino, 0, 'abcdefgh');
    await world.fallocate(ino, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 2, 2);
    assert.equal(await world.read(ino), 'ab\0\0efgh');
    await world.fallocate(ino, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 6, 100);
    assert.equal(await world.read(ino), 'ab\0\0ef\0\0');
    await world.fallocate(ino, FALLOC_FL_ZERO_RANGE, 5, 5);
    assert.equal(await world.read(ino), 'ab\0\0e\0\0\0\0\0');
    await world.fallocate(ino, 0, 0, 12);
    assert.equal((await world.stat(ino)).size, 12);
    await assert.rejects(world.fallocate(ino, 0x08, 0, 1), { status: 'notSupported' });
    await assert.rejects(world.fallocate(ino, 0, 0, 0), { status: 'invalid' });
  });

  test(`${kind}: data and holes are found`, async () => {
    const { world, ino } = await open();
    await world.write(ino, 0, 'abc');
    await world.truncate(ino, 8192);
    const seek = (offset: number, whence: number) => world.call('seek', { ino, offset, whence });
    assert.equal(await seek(1, 3), 1);
    const hole = await seek(1, 4);
    assert.ok(hole === 3 || hole === 4096);
    await assert.rejects(seek(hole, 3), { status: 'noSuchAddress' });
    await assert.rejects(seek(8192, 4), { status: 'noSuchAddress' });
  });

  test(`${kind}: an immutable file refuses to change`, async () => {
    const { world, ino } = await open();
    await world.write(ino, 0, 'fixed');
    await world.call('setflags', { caller: superuser, ino, flags: 0x10 });
    await assert.rejects(world.write(ino, 0, 'x'), { status: 'notPermitted' });
    await assert.rejects(world.fallocate(ino, 0, 0, 100), { status: 'notPermitted' });
    assert.equal(await world.read(ino), 'fixed');
  });

  test(`${kind}: what is too large is refused, and changes nothing`, async () => {
    const { world, ino } = await open();
    await assert.rejects(world.write(ino, fileSizeMaxBytes, 'x'), { status: 'fileTooLarge' });
    await assert.rejects(world.truncate(ino, fileSizeMaxBytes + 1), { status: 'fileTooLarge' });
    await assert.rejects(world.fallocate(ino, 0, fileSizeMaxBytes, 1), { status: 'fileTooLarge' });
    assert.equal(await world.storage(ino), kind);
    assert.equal((await world.stat(ino)).size, 0);
  });

  test(`${kind}: the access time follows relatime`, async () => {
    const { world, ino } = await open();
    await world.write(ino, 0, 'x');
    const read = (noAtime: boolean) => world.call('read', { ino, offset: 0, length: 1, noAtime });
    const written = await world.stat(ino);
    await read(true);
    assert.equal((await world.stat(ino)).atimeNsec, written.atimeNsec);
    await read(false);
    const first = await world.stat(ino);
    assert.ok(first.atimeNsec > written.mtimeNsec);
    await read(false);
    assert.equal((await world.stat(ino)).atimeNsec, first.atimeNsec);
    world.clock.wallSec += 86_400;
    await read(false);
    assert.equal((await world.stat(ino)).atimeSec, first.atimeSec + 86_400);
  });
}

for (const [from, to] of [
  [10, 10],
  [10, large],
  [large, 10],
  [large, large],
] as const) {
  test(`a range is copied from a file of ${from} bytes to one of ${to}`, async () => {
    const world = await ContentFixture.open();
    const source = await world.make();
    const target = await world.make();
    await world.write(source, 0, 's'.repeat(from));
    await world.write(target, 0, 't'.repeat(to));
    let copied = 0;
    while (copied < from - 2) {
      const request = {
        caller: superuser,
        from: source,
        fromOffset: 2 + copied,
        to: target,
        toOffset: 5 + copied,
        length: 100_000,
      };
      copied += await world.call('copyRange', request);
    }
    const expected = `${'t'.repeat(5)}${'s'.repeat(from - 2)}${'t'.repeat(Math.max(to - from - 3, 0))}`;
    assert.equal(await world.read(target), expected);
    assert.equal(
      await world.call('copyRange', {
        caller: superuser,
        from: source,
        fromOffset: from,
        to: target,
        toOffset: 0,
        length: 1,
      }),
      0,
    );
  });
}

test('overlapping ranges of one file are not copied', async () => {
  const world = await ContentFixture.open();
  const ino = await world.make();
  await world.write(ino, 0, 'abcdef');
  await assert.rejects(
    world.call('copyRange', { caller: superuser, from: ino, fromOffset: 0, to: ino, toOffset: 2, length: 4 }),
    {
      status: 'invalid',
    },
  );
});

test('a full disk leaves the size at what was written', async () => {
  const world = await ContentFixture.open({ blobs: { capacityBytes: 65_536 } });
  const ino = await world.make();
  assert.deepEqual(await world.write(ino, 0, new Uint8Array(100_000)), { written: 65_536, end: 65_536 });
  await assert.rejects(world.write(ino, 65_536, 'x'), { status: 'noSpace' });
  assert.equal((await world.stat(ino)).size, 65_536);
});

test('a spill that fails leaves the file as it was, and no blob', async () => {
  const world = await ContentFixture.open({ blobs: { capacityBytes: 0 } });
  const ino = await world.make();
  await world.write(ino, 0, 'small');
  await assert.rejects(world.write(ino, 5, new Uint8Array(large)), { status: 'noSpace' });
  assert.equal(await world.read(ino), 'small');
  assert.deepEqual(await world.blobIds(), []);
});

test('calls on one inode wait for each other, those on others do not', async () => {
  const steps: (() => void)[] = [];
  let held = false;
  const schedule = (run: () => void) => (held ? void steps.push(run) : run());
  const world = await ContentFixture.open({ blobs: { schedule } });
  const [slow, quick] = [await world.make(), await world.make()];
  held = true;
  const spilling = world.write(slow, 0, 'a'.repeat(large));
  const after = world.write(slow, 0, 'b');
  assert.deepEqual(await world.write(quick, 0, 'c'), { written: 1, end: 1 });
  const done = Promise.all([spilling, after]);
  let finished = false;
  void done.then(() => (finished = true));
  while (!finished) {
    steps.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal((await world.stat(slow)).size, large);
});

test('the blob of a removed file goes, in the background', async () => {
  const world = await ContentFixture.open();
  const ino = await world.make();
  await world.write(ino, 0, new Uint8Array(large));
  await world.remove(ino);
  assert.deepEqual(await world.blobIds(), [ino]);
  world.clock.runTimers();
  while ((await world.blobIds()).length > 0) await new Promise((resolve) => setImmediate(resolve));
  await world.volume.close();
});

test('a blob that was cut short fails where bytes are missing, and is not lent', async () => {
  const fixture = await ContentFixture.open();
  const ino = await fixture.make();
  await fixture.write(ino, 0, new Uint8Array(50_000).fill(1));
  await fixture.blobs.truncate(ino, 20_000);
  assert.equal((await fixture.read(ino, 0, 20_000)).length, 20_000);
  await assert.rejects(fixture.read(ino, 10_000, 20_000), { status: 'corrupted', message: /cut short/ });
  await assert.rejects(fixture.lend(ino, false), { status: 'corrupted', message: /cut short/ });
});

test('a write takes file capabilities away, a store to a mapping does not', async () => {
  const fixture = await ContentFixture.open();
  const ino = await fixture.make();
  const name = 'security.capability';
  const value = new Uint8Array(20);
  await fixture.call('setxattr', { caller: superuser, ino, name, value, flags: 0 });
  for (const size of [10, 50_000]) {
    await fixture.write(ino, 0, new Uint8Array(size), { keepCapabilities: true });
    assert.deepEqual(await fixture.call('listxattr', { caller: superuser, ino }), [name]);
  }
  await fixture.write(ino, 0, 'x');
  assert.deepEqual(await fixture.call('listxattr', { caller: superuser, ino }), []);
});
