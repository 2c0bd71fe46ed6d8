import assert from 'node:assert/strict';
import { type Actor, F, LOCK, O, outcome } from '../actor/index.ts';
import { expect, fact } from './fact.ts';

const open = (app: Actor, flags: number = O.RDWR) => app.open('file', O.CREAT | flags);

/** Whether a second party gets the lock at once. */
const tryFlock = (app: Actor, fd: number, kind: number) => outcome(app.flock(fd, kind | LOCK.NB));

// ---- flock ----

fact('flock: shared locks go together, exclusive ones with none', async ({ app, start }) => {
  const other = await start();
  const [mine, theirs] = [await open(app), await open(other)];
  await app.flock(mine, LOCK.SH);
  assert.equal(await tryFlock(other, theirs, LOCK.SH), 'ok');
  await other.flock(theirs, LOCK.UN);
  assert.equal(await tryFlock(other, theirs, LOCK.EX), 'EAGAIN');
  await app.flock(mine, LOCK.EX);
  assert.equal(await tryFlock(other, theirs, LOCK.SH), 'EAGAIN');
  await app.flock(mine, LOCK.UN);
  assert.equal(await tryFlock(other, theirs, LOCK.EX), 'ok');
});

fact('flock belongs to the open file, not to the process', async ({ app }) => {
  const [one, two] = [await open(app), await open(app)];
  const copy = await app.dup(one);
  await app.flock(one, LOCK.EX);
  assert.equal(await tryFlock(app, two, LOCK.EX), 'EAGAIN');
  assert.equal(await tryFlock(app, copy, LOCK.EX), 'ok');
  await app.close(one);
  assert.equal(await tryFlock(app, two, LOCK.EX), 'EAGAIN');
  await app.close(copy);
  assert.equal(await tryFlock(app, two, LOCK.EX), 'ok');
});

fact('a forked child shares flock, and may end it for both', async ({ app, start }) => {
  const other = await start();
  const [mine, theirs] = [await open(app), await open(other)];
  await app.flock(mine, LOCK.EX);
  await app.childCall('flock', mine, LOCK.EX | LOCK.NB);
  assert.equal(await tryFlock(other, theirs, LOCK.EX), 'EAGAIN');
  await app.childCall('flock', mine, LOCK.UN);
  assert.equal(await tryFlock(other, theirs, LOCK.EX), 'ok');
});

fact('flock works with every access mode and on directories', async ({ app }) => {
  await app.create('file');
  for (const flags of [O.RDONLY, O.WRONLY, O.RDWR]) {
    const fd = await app.open('file', flags);
    await expect(app.flock(fd, LOCK.SH | LOCK.NB), 'ok');
    await expect(app.flock(fd, LOCK.EX | LOCK.NB), 'ok');
    await app.close(fd);
  }
  await expect(app.flock(await app.open('.', O.DIRECTORY), LOCK.EX | LOCK.NB), 'ok');
  await expect(app.flock(await app.open('file'), 0), 'EINVAL');
});

fact('a waiting flock is given the lock when it is released', async ({ app, start }) => {
  const other = await start();
  const [mine, theirs] = [await open(app), await open(other)];
  await app.flock(mine, LOCK.EX);
  const waiting = other.flock(theirs, LOCK.EX);
  await other.blocked();
  await app.flock(mine, LOCK.UN);
  await waiting;
  assert.equal(await tryFlock(app, mine, LOCK.SH), 'EAGAIN');
});

fact('a waiting flock is given the lock when its holder is killed', async ({ app, start }) => {
  const holder = await start();
  await holder.flock(await open(holder), LOCK.EX);
  const waiting = app.flock(await open(app), LOCK.EX);
  await app.blocked();
  holder.kill();
  await waiting;
});

fact('a waiting flock is interrupted by a signal', async ({ app, start }) => {
  const other = await start();
  await app.flock(await open(app), LOCK.EX);
  const fd = await open(other);
  await expect(other.callWithAlarm(50, 'flock', fd, LOCK.EX), 'EINTR');
  assert.equal(await tryFlock(other, fd, LOCK.EX), 'EAGAIN');
});

fact('a lock that nobody waits for any more is not given away', async ({ app, start }) => {
  const [gone, other] = [await start(), await start()];
  const mine = await open(app);
  await app.flock(mine, LOCK.EX);
  const waiting = outcome(gone.flock(await open(gone), LOCK.EX)).catch(() => 'gone');
  await gone.blocked();
  gone.kill();
  assert.equal(await waiting, 'gone');
  await app.flock(mine, LOCK.UN);
  assert.equal(await tryFlock(other, await open(other), LOCK.EX), 'ok');
});

// ---- record locks, of processes and of open files ----

for (const { name, set, wait, get } of [
  { name: 'fcntl', set: F.SETLK, wait: F.SETLKW, get: F.GETLK },
  { name: 'OFD', set: F.OFD_SETLK, wait: F.OFD_SETLKW, get: F.OFD_GETLK },
]) {
  const tryLock = (app: Actor, fd: number, type: number, start = 0, length = 0) =>
    outcome(app.lock(fd, set, type, { start, length }));

  fact(`${name} locks exclude each other where their ranges meet`, async ({ app, start }) => {
    const other = await start();
    const [mine, theirs] = [await open(app), await open(other)];
    await app.lock(mine, set, F.WRLCK, { start: 100, length: 50 });
    for (const [start_, length, expected] of [
      [0, 100, 'ok'],
      [150, 50, 'ok'],
      [99, 2, 'EAGAIN'],
      [149, 1, 'EAGAIN'],
      [120, 5, 'EAGAIN'],
      [0, 0, 'EAGAIN'],
      [150, 0, 'ok'],
      [149, 0, 'EAGAIN'],
    ] as const) {
      assert.equal(await tryLock(other, theirs, F.WRLCK, start_, length), expected, `${start_} + ${length}`);
      assert.equal(await tryLock(other, theirs, F.RDLCK, start_, length), expected, `${start_} + ${length}`);
      await other.lock(theirs, set, F.UNLCK);
    }
  });

  fact(`${name} read locks go together`, async ({ app, start }) => {
    const other = await start();
    const [mine, theirs] = [await open(app), await open(other)];
    assert.equal(await tryLock(app, mine, F.RDLCK), 'ok');
    assert.equal(await tryLock(other, theirs, F.RDLCK), 'ok');
    assert.equal(await tryLock(app, mine, F.WRLCK), 'EAGAIN');
    await other.lock(theirs, set, F.UNLCK);
    assert.equal(await tryLock(app, mine, F.WRLCK), 'ok');
    assert.equal(await tryLock(other, theirs, F.RDLCK), 'EAGAIN');
  });

  fact(`${name} GETLK names the lock in the way`, async ({ app, start }) => {
    const other = await start();
    const [mine, theirs] = [await open(app), await open(other)];
    await app.lock(mine, set, F.WRLCK, { start: 10, length: 20 });
    const found = await other.lock(theirs, get, F.RDLCK);
    assert.deepEqual([found.type, found.whence, found.start, found.length], [F.WRLCK, 0, 10, 20]);
    assert.equal(found.pid, name === 'OFD' ? -1 : app.pid);
    assert.equal((await other.lock(theirs, get, F.WRLCK, { start: 30, length: 5 })).type, F.UNLCK);
    assert.equal((await app.lock(mine, get, F.WRLCK)).type, F.UNLCK);
  });

  fact(`${name} locks are split, joined and changed by range`, async ({ app, start }) => {
    const other = await start();
    const [mine, theirs] = [await open(app), await open(other)];
    const seenAt = async (start_: number) =>
      (await other.lock(theirs, get, F.WRLCK, { start: start_, length: 1 })).type;
    await app.lock(mine, set, F.WRLCK, { start: 0, length: 100 });
    await app.lock(mine, set, F.UNLCK, { start: 40, length: 20 });
    assert.deepEqual(
      [await seenAt(39), await seenAt(40), await seenAt(59), await seenAt(60)],
      [F.WRLCK, F.UNLCK, F.UNLCK, F.WRLCK],
    );
    await app.lock(mine, set, F.RDLCK, { start: 70, length: 10 });
    assert.deepEqual([await seenAt(69), await seenAt(70), await seenAt(80)], [F.WRLCK, F.RDLCK, F.WRLCK]);
    await app.lock(mine, set, F.WRLCK, { start: 0, length: 100 });
    const whole = await other.lock(theirs, get, F.WRLCK);
    assert.deepEqual([whole.start, whole.length], [0, 100]);
  });

  fact(
    `${name} locks reach to the largest offset`,
    async ({ app, start }) => {
      const other = await start();
      const [mine, theirs] = [await open(app), await open(other)];
      await app.call('lock', mine, set, F.WRLCK, 0, 2n ** 62n, 10n);
      await expect(other.call('lock', theirs, set, F.WRLCK, 0, 2n ** 62n + 9n, 0), 'EAGAIN');
      await expect(other.call('lock', theirs, set, F.WRLCK, 0, 2n ** 62n + 10n, 0), 'ok');
      await expect(app.call('lock', mine, set, F.WRLCK, 0, -1, 0), 'EINVAL');
      await expect(app.call('lock', mine, set, F.WRLCK, 0, 10, -20), 'EINVAL');
      await expect(app.call('lock', mine, set, F.WRLCK, 0, 30, -20), 'ok');
      await expect(other.call('lock', theirs, set, F.WRLCK, 0, 10, 20), 'EAGAIN');
    },
    { needs: ['largeLocks'] },
  );

  fact(`${name} locks need the access mode for their kind`, async ({ app }) => {
    await app.create('file');
    assert.equal(await tryLock(app, await app.open('file', O.RDONLY), F.WRLCK), 'EBADF');
    assert.equal(await tryLock(app, await app.open('file', O.WRONLY), F.RDLCK), 'EBADF');
    assert.equal(await tryLock(app, await app.open('file', O.RDONLY), F.RDLCK), 'ok');
  });

  fact(`a waiting ${name} lock is given when the way is free`, async ({ app, start }) => {
    const other = await start();
    const [mine, theirs] = [await open(app), await open(other)];
    await app.lock(mine, set, F.WRLCK);
    const waiting = other.lock(theirs, wait, F.WRLCK, { start: 50, length: 10 });
    await other.blocked();
    await app.lock(mine, set, F.UNLCK, { start: 50, length: 10 });
    await waiting;
    assert.equal(await tryLock(app, mine, F.RDLCK, 50, 1), 'EAGAIN');
    assert.equal(await tryLock(app, mine, F.RDLCK, 60, 1), 'ok');
  });

  fact(`a waiting ${name} lock is given when its holder is killed`, async ({ app, start }) => {
    const holder = await start();
    await holder.lock(await open(holder), set, F.WRLCK);
    const waiting = app.lock(await open(app), wait, F.RDLCK);
    await app.blocked();
    holder.kill();
    await waiting;
  });

  fact(`a waiting ${name} lock is interrupted by a signal`, async ({ app, start }) => {
    const other = await start();
    const mine = await open(app);
    await app.lock(mine, set, F.WRLCK);
    const fd = await open(other);
    await expect(other.callWithAlarm(50, 'lock', fd, wait, F.WRLCK, 0, 0, 0), 'EINTR');
    await app.lock(mine, set, F.UNLCK);
    assert.equal(await tryLock(app, mine, F.WRLCK), 'ok');
  });

  fact(`several that wait for ${name} locks all get them in the end`, async ({ app, start }) => {
    const waiters = await Promise.all([start(), start(), start()]);
    const mine = await open(app);
    await app.lock(mine, set, F.WRLCK);
    const turns = waiters.map(async (waiter) => {
      const fd = await open(waiter);
      await waiter.lock(fd, wait, F.WRLCK);
      await waiter.lock(fd, set, F.UNLCK);
    });
    await Promise.all(waiters.map((waiter) => waiter.blocked()));
    await app.lock(mine, set, F.UNLCK);
    await Promise.all(turns);
  });
}

fact('closing any descriptor of the file drops the fcntl locks of the process', async ({ app, start }) => {
  const other = await start();
  const [one, two, theirs] = [await open(app), await open(app), await open(other)];
  await app.lock(one, F.SETLK, F.WRLCK);
  await expect(other.lock(theirs, F.SETLK, F.WRLCK), 'EAGAIN');
  await app.close(two);
  await expect(other.lock(theirs, F.SETLK, F.WRLCK), 'ok');
});

fact('fcntl locks of one process never conflict, a forked child is another', async ({ app }) => {
  const [one, two] = [await open(app), await open(app)];
  await app.lock(one, F.SETLK, F.WRLCK);
  await expect(app.lock(two, F.SETLK, F.WRLCK), 'ok');
  await expect(app.childCall('lock', one, F.SETLK, F.WRLCK, 0, 0, 0), 'EAGAIN');
});

fact('OFD locks belong to the open file and last until its last descriptor is closed', async ({ app, start }) => {
  const other = await start();
  const [one, two, theirs] = [await open(app), await open(app), await open(other)];
  const copy = await app.dup(one);
  await app.lock(one, F.OFD_SETLK, F.WRLCK);
  await expect(app.lock(two, F.OFD_SETLK, F.WRLCK), 'EAGAIN');
  await expect(app.lock(copy, F.OFD_SETLK, F.WRLCK), 'ok');
  await expect(app.childCall('lock', one, F.OFD_SETLK, F.WRLCK, 0, 0, 0), 'ok');
  await app.close(two);
  await app.close(one);
  await expect(other.lock(theirs, F.OFD_SETLK, F.WRLCK), 'EAGAIN');
  await app.close(copy);
  await expect(other.lock(theirs, F.OFD_SETLK, F.WRLCK), 'ok');
});

fact('fcntl and OFD locks exclude each other, flock stands apart', async ({ app, start }) => {
  const other = await start();
  const [mine, theirs] = [await open(app), await open(other)];
  await app.lock(mine, F.SETLK, F.WRLCK);
  await expect(other.lock(theirs, F.OFD_SETLK, F.WRLCK), 'EAGAIN');
  assert.equal(await tryFlock(other, theirs, LOCK.EX), 'ok');
  await app.lock(mine, F.SETLK, F.UNLCK);
  await expect(other.lock(theirs, F.OFD_SETLK, F.WRLCK), 'ok');
});

fact('two processes that wait for each other get EDEADLK', async ({ app, start }) => {
  const other = await start();
  const [mine, theirs] = [await open(app), await open(other)];
  await app.lock(mine, F.SETLK, F.WRLCK, { start: 0, length: 1 });
  await other.lock(theirs, F.SETLK, F.WRLCK, { start: 1, length: 1 });
  const waiting = app.lock(mine, F.SETLKW, F.WRLCK, { start: 1, length: 1 });
  await app.blocked();
  await expect(other.lock(theirs, F.SETLKW, F.WRLCK, { start: 0, length: 1 }), 'EDEADLK');
  await other.unlock(theirs);
  await waiting;
});

fact('locks follow the inode through rename and outlive its names', async ({ app, start }) => {
  const other = await start();
  const mine = await open(app);
  await app.flock(mine, LOCK.EX);
  await app.lock(mine, F.SETLK, F.WRLCK);
  await app.rename('file', 'moved');
  const theirs = await other.open('moved', O.RDWR);
  assert.equal(await tryFlock(other, theirs, LOCK.EX), 'EAGAIN');
  await app.unlink('moved');
  await expect(other.lock(theirs, F.SETLK, F.WRLCK), 'EAGAIN');
  const fresh = await open(other);
  assert.equal(await tryFlock(other, fresh, LOCK.EX), 'ok');
});

fact('a thousand ranges are locked one by one and released', async ({ app, start }) => {
  const other = await start();
  const [mine, theirs] = [await open(app), await open(other)];
  const ranges = Array.from({ length: 1000 }, (_, index) => ({ start: index * 10, length: 5 }));
  await Promise.all(ranges.map((range) => app.lock(mine, F.SETLK, F.WRLCK, range)));
  await expect(other.lock(theirs, F.SETLK, F.WRLCK, { start: 5002, length: 1 }), 'EAGAIN');
  await expect(other.lock(theirs, F.SETLK, F.WRLCK, { start: 5007, length: 1 }), 'ok');
  await other.unlock(theirs);
  await app.close(mine);
  await expect(other.lock(theirs, F.SETLK, F.WRLCK), 'ok');
});
