import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FsError, type Ino, rootIno } from '#base';
import { type LockRange, O_RDWR, S_IFREG, superuser } from '#protocol';
import { SharedVolumeWorld, type TestMount } from './shared-volume.ts';

const file = { mode: S_IFREG | 0o644, umask: 0, rdev: 0 };

async function begin() {
  const world = new SharedVolumeWorld();
  await world.start();
  const [a, b] = [await world.mount(), await world.mount()];
  const make = async ({ vfs }: TestMount, name: string): Promise<Ino> =>
    (await world.wait(vfs.mknod(superuser, rootIno, name, file))).attributes.ino;
  const find = async ({ vfs }: TestMount, name: string): Promise<Ino | undefined> =>
    (await world.wait(vfs.lookup(superuser, rootIno, name)))?.attributes.ino;
  /** How many calls the server gets by it. */
  const callsOf = async (work: () => Promise<unknown>): Promise<number> => {
    const before = world.calls;
    await work();
    return world.calls - before;
  };
  return { world, a, b, make, find, callsOf };
}

test('a change on one mount is seen on the other when its call has returned', async () => {
  const { world, a, b, make, find } = await begin();
  assert.equal(await find(b, 'f'), undefined);
  const ino = await make(a, 'f');
  assert.equal(await find(b, 'f'), ino);
  const { handle } = await world.wait(a.vfs.open(superuser, ino, O_RDWR, false));
  assert.equal((await world.wait(b.vfs.getattr(ino))).attributes.size, 0);
  await world.wait(a.vfs.write(handle, 0, Buffer.from('abc'), false));
  assert.equal((await world.wait(b.vfs.getattr(ino))).attributes.size, 3);
  const list = async (mount: TestMount) =>
    (await world.wait(mount.vfs.readdir(rootIno, 0, 100, true))).map(({ name }) => name);
  assert.deepEqual(await list(b), ['.', '..', 'f']);
  await world.wait(
    a.vfs.rename({ caller: superuser, parent: rootIno, name: 'f', newParent: rootIno, newName: 'g', flags: 0 }),
  );
  assert.deepEqual(await list(b), ['.', '..', 'g']);
  assert.equal(await find(b, 'f'), undefined);
  await world.wait(a.vfs.unlink(superuser, rootIno, 'g'));
  assert.deepEqual([await find(a, 'g'), await find(b, 'g')], [undefined, undefined]);
});

test('who would open or make a file, and is not the first, is sent to look again; with O_EXCL it fails', async () => {
  const { world, a, b, make } = await begin();
  await make(a, 'f');
  const facts = { flags: O_RDWR, mode: 0o644, umask: 0 };
  const create = (exclusive: boolean) => world.wait(b.vfs.create(superuser, rootIno, 'f', { ...facts, exclusive }));
  // The kernel walks the path once more at ESTALE, and then finds the file.
  await assert.rejects(create(false), { status: 'stale' });
  await assert.rejects(create(true), { status: 'exists' });
});

test('what is warm costs no message on either mount', async () => {
  const { world, a, b, make, find, callsOf } = await begin();
  const ino = await make(a, 'f');
  const look = async () => {
    for (const mount of [a, b]) {
      await find(mount, 'f');
      await find(mount, 'absent');
      await world.wait(mount.vfs.getattr(ino));
      await world.wait(mount.vfs.getattr(rootIno));
      await world.wait(mount.vfs.opendir(superuser, rootIno));
      await world.wait(mount.vfs.readdir(rootIno, 0, 100, true));
    }
  };
  await look();
  // The first listing has moved the access time of the directory.
  await look();
  assert.equal(await callsOf(look), 0);
  // A change of one's own costs its call alone.
  const own = await callsOf(async () => {
    const made = await make(a, 'own');
    await find(a, 'own');
    await world.wait(a.vfs.getattr(made));
    await world.wait(a.vfs.getattr(rootIno));
  });
  // The recall of the other's names, and its return.
  assert(own <= 2, `${own} calls`);
});

test('a mount that is cut off serves nothing by the time that others may change it, and is fenced', async () => {
  const { world, a, b, make, find } = await begin();
  const ino = await make(a, 'f');
  await find(a, 'f');
  const { handle } = await world.wait(a.vfs.open(superuser, ino, 0, false));
  world.network.partition(a.host, 'server');
  let isRemoved = false;
  const removing = world.wait(b.vfs.unlink(superuser, rootIno, 'f')).then(() => {
    isRemoved = true;
  });
  while (!isRemoved) {
    const entry = a.vfs.lookup(superuser, rootIno, 'f');
    if (entry instanceof Promise) {
      entry.catch(() => undefined);
      break;
    }
    assert(!isRemoved, 'a name that is gone was served');
    await new Promise(setImmediate);
  }
  await removing;
  world.network.heal(a.host, 'server');
  assert.equal(await find(a, 'f'), undefined);
  assert.throws(() => void a.vfs.read(handle, 0, 1), { status: 'io' });
  assert.equal(a.session.incarnation, 1);
  await make(a, 'again');
});

test('a server that starts anew finds opens and locks again, and nothing cached is believed before', async () => {
  const { world, a, b, make, find } = await begin();
  const ino = await make(a, 'f');
  const { handle } = await world.wait(a.vfs.open(superuser, ino, O_RDWR, false));
  await world.wait(a.vfs.write(handle, 0, Buffer.from('abc'), false));
  const lock: LockRange = { type: 'range', owner: '00000000000000aa', exclusive: true, start: 0, end: 9, pid: 1 };
  await world.wait(a.vfs.lock(handle, lock, 'set'));
  await world.wait(a.vfs.unlink(superuser, rootIno, 'f'));
  assert.equal(await find(b, 'f'), undefined);
  world.kill();
  await world.pass(2000);
  await world.start();
  assert.equal(Buffer.from(await world.wait(a.vfs.read(handle, 0, 10))).toString(), 'abc');
  const other = await make(b, 'other');
  assert.equal(await find(a, 'other'), other);
  assert.deepEqual(a.share.client.heldLocks(), [{ ino, lock }]);
  const theirs = { ...lock, owner: '00000000000000bb' };
  await assert.rejects(world.wait(a.vfs.lock(handle, theirs, 'set')), { status: 'wouldBlock' });
  assert.deepEqual([a.session.incarnation, b.session.incarnation], [0, 0]);
  await world.wait(a.vfs.release(handle));
  await assert.rejects(world.wait(b.vfs.getattr(ino)), (error: FsError) =>
    ['stale', 'notFound'].includes(error.status),
  );
});

test('a lock is waited for across mounts, in order, and a dead mount’s go to the next', async () => {
  const { world, a, b, make } = await begin();
  const ino = await make(a, 'f');
  const [first, second] = await Promise.all(
    [a, b].map(async ({ vfs }) => (await world.wait(vfs.open(superuser, ino, O_RDWR, false))).handle),
  );
  const lock: LockRange = {
    type: 'flock',
    owner: '1',
    exclusive: true,
    start: 0,
    end: Number.MAX_SAFE_INTEGER,
    pid: 1,
  };
  const own = { ...lock, owner: '0000000000000001' };
  await world.wait(a.vfs.lock(first!, own, 'set'));
  await assert.rejects(world.wait(b.vfs.lock(second!, own, 'set')), { status: 'wouldBlock' });
  const waiting = world.wait(b.vfs.lock(second!, own, 'wait'));
  await world.pass(100);
  await world.wait(a.vfs.release(first!));
  await waiting;
  const again = (await world.wait(a.vfs.open(superuser, ino, O_RDWR, false))).handle;
  const queued = world.wait(a.vfs.lock(again, own, 'wait'));
  world.network.partition(b.host, 'server');
  await queued;
  assert(world.clock.nowMs() > 29_000, 'not before the session of the dead mount was over');
});

test('each cache mode works against the server', async () => {
  for (const mode of ['session', 'closeToOpen'] as const) {
    const world = new SharedVolumeWorld();
    await world.start();
    const [a, b] = [await world.mount(mode), await world.mount(mode)];
    const made = await world.wait(a.vfs.mknod(superuser, rootIno, 'f', file));
    const { ino } = made.attributes;
    assert.equal((await world.wait(b.vfs.lookup(superuser, rootIno, 'f')))?.attributes.ino, ino, mode);
    const { handle } = await world.wait(a.vfs.open(superuser, ino, O_RDWR, false));
    await world.wait(a.vfs.write(handle, 0, Buffer.from('abc'), false));
    await world.wait(a.vfs.release(handle));
    const opened = await world.wait(b.vfs.open(superuser, ino, 0, false));
    assert.equal((await world.wait(b.vfs.getattr(ino))).attributes.size, 3, mode);
    assert.equal(Buffer.from(await world.wait(b.vfs.read(opened.handle, 0, 9))).toString(), 'abc');
  }
});
