import assert from 'node:assert/strict';
import { type Actor, AT, FALLOC, O, RENAME, type Stat, XATTR } from '../actor/index.ts';
import { alice, bob, expect, fact, rootFact } from './fact.ts';
import { timeRules } from './times.table.ts';

const SECOND = 1_000_000_000n;

/** The letters of the times that differ: a, m and c. */
function changed(before: Stat, after: Stat): string {
  const letters = [
    before.atime === after.atime ? '' : 'a',
    before.mtime === after.mtime ? '' : 'm',
    before.ctime === after.ctime ? '' : 'c',
  ];
  return letters.join('') || 'none';
}

for (const { name, act, object = 'file', object_times, parent_times, needs = [] } of timeRules) {
  fact(
    `${name} changes ${object_times} of its object and ${parent_times} of the directory`,
    async ({ app }) => {
      await app.mkdir('dir');
      await app.writeFile('dir/file', 'content');
      await app.mkdir('dir/sub');
      await app.symlink('file', 'dir/symlink');
      await app.setxattr('dir/file', 'user.old', 'value');
      const fd = await app.open('dir/file', O.RDWR);
      // The object may have lost its name afterwards.
      const handle = await app.open(`dir/${object}`, O.PATH | O.NOFOLLOW);
      await app.tick();
      const [objectBefore, parentBefore] = [await app.fstat(handle), await app.stat('dir')];
      await act(app, fd);
      const [objectAfter, parentAfter] = [await app.fstat(handle), await app.stat('dir')];
      assert.equal(changed(objectBefore, objectAfter), object_times, 'the object');
      assert.equal(changed(parentBefore, parentAfter), parent_times, 'the directory');
    },
    { needs },
  );
}

fact('a change sets the times to now', async ({ app }) => {
  const now = async () => {
    const { values } = await app.call('now');
    return BigInt(values[0]!) * SECOND + BigInt(values[1]!);
  };
  await app.create('file');
  const before = await now();
  await app.tick();
  await app.writeFile('file', 'content');
  const { mtime, ctime } = await app.stat('file');
  assert.equal(mtime, ctime);
  assert(mtime > before && mtime <= (await now()));
});

fact('a file that replaces another by rename changes its ctime only', async ({ app }) => {
  await app.create('from');
  await app.create('to');
  const fd = await app.open('to');
  await app.tick();
  const [from, to] = [await app.stat('from'), await app.fstat(fd)];
  await app.rename('from', 'to');
  assert.equal(changed(from, await app.stat('to')), 'c');
  assert.equal(changed(to, await app.fstat(fd)), 'c');
});

fact('rename changes the times of both directories', async ({ app }) => {
  await app.mkdir('a');
  await app.mkdir('b');
  await app.create('a/file');
  await app.create('b/file');
  for (const flags of [RENAME.EXCHANGE, 0]) {
    await app.tick();
    const [a, b] = [await app.stat('a'), await app.stat('b')];
    await app.rename('a/file', 'b/file', flags);
    assert.equal(changed(a, await app.stat('a')), 'mc');
    assert.equal(changed(b, await app.stat('b')), 'mc');
  }
});

fact('a write that nobody has synced yet shows in the times at once, to others too', async ({ app, start }) => {
  const other = await start();
  const fd = await app.open('file', O.CREAT | O.RDWR);
  for (let round = 0; round < 5; round++) {
    const before = await other.stat('file');
    await app.tick();
    await app.pwrite(fd, 'x', round);
    const after = await other.stat('file');
    assert(after.mtime > before.mtime && after.ctime > before.ctime);
    await app.fsync(fd);
    assert.equal((await other.stat('file')).mtime, after.mtime);
  }
  const last = await other.stat('file');
  await app.close(fd);
  assert.equal((await other.stat('file')).mtime, last.mtime);
});

// ---- utimensat ----

fact('utimensat sets nanoseconds', async ({ app }) => {
  await app.create('file');
  await app.utimens('file', 1_234_567_890_123_456_789n, 987_654_321_987_654_321n);
  const { atime, mtime } = await app.stat('file');
  assert.deepEqual([atime, mtime], [1_234_567_890_123_456_789n, 987_654_321_987_654_321n]);
});

for (const [name, seconds] of [
  ['1970', 0n],
  ['before 1970', -1n],
  // The very first and last second that a file system can hold lose their nanoseconds, hence the one more.
  ['1902', 1n - 2n ** 31n],
  ['2038', 2n ** 31n],
  ['2106', 2n ** 32n],
  ['2400', 13_569_465_600n],
] as const) {
  fact(`times of ${name} are kept with their nanoseconds`, async ({ app }) => {
    const time = seconds * SECOND + 123_456_789n;
    await app.create('file');
    await app.mkdir('directory');
    for (const path of ['file', 'directory']) {
      await app.utimens(path, time, time + 1n);
      const { atime, mtime } = await app.stat(path);
      assert.deepEqual([atime, mtime], [time, time + 1n]);
    }
  });
}

fact(
  'times of the year 1 and of the year 9999 are kept',
  async ({ app }) => {
    await app.create('file');
    for (const time of [-62_135_596_800n * SECOND, 253_402_300_799n * SECOND + 999_999_999n]) {
      await app.utimens('file', time, time);
      assert.equal((await app.stat('file')).mtime, time);
    }
  },
  { needs: ['wideTimes'] },
);

fact('UTIME_OMIT leaves a time and UTIME_NOW sets it', async ({ app }) => {
  await app.create('file');
  await app.utimens('file', 1n, 2n);
  await app.utimens('file', 'omit', 5n);
  assert.deepEqual([(await app.stat('file')).atime, (await app.stat('file')).mtime], [1n, 5n]);
  await app.utimens('file', 7n, 'omit');
  assert.deepEqual([(await app.stat('file')).atime, (await app.stat('file')).mtime], [7n, 5n]);
  await app.utimens('file', 'omit', 'now');
  const stat = await app.stat('file');
  assert.equal(stat.atime, 7n);
  assert(stat.mtime > 1_600_000_000n * SECOND);
  assert.equal(stat.mtime, stat.ctime);
});

rootFact('UTIME_OMIT for both times changes nothing and needs no rights', async ({ app, start }) => {
  await app.create('file');
  const before = await app.stat('file');
  await app.tick();
  await app.utimens('file', 'omit', 'omit');
  const other = await start(alice);
  await expect(other.utimens('file', 'omit', 'omit'), 'ok');
  assert.deepEqual(await app.stat('file'), before);
});

fact('futimens works through every descriptor, and nanoseconds have a limit', async ({ app }) => {
  await app.create('file');
  await app.futimens(await app.open('file', O.RDONLY), 11n, 12n);
  assert.equal((await app.stat('file')).mtime, 12n);
  await app.futimens(await app.open('file', O.WRONLY), 13n, 14n);
  assert.equal((await app.stat('file')).mtime, 14n);
  await expect(app.call('utimensat', AT.FDCWD, 'file', 0, 0, 1_000_000_000, 0, 0), 'EINVAL');
  await expect(app.call('utimensat', AT.FDCWD, 'file', 0, 0, 0, 0, -1), 'EINVAL');
});

rootFact('explicit times are for the owner, the present also for those who may write', async ({ app, start }) => {
  await app.create('file', 0o644);
  await app.chown('file', alice.uid, alice.gid);
  const [owner, other] = [await start(alice), await start(bob)];
  await expect(owner.utimens('file', 1n, 2n), 'ok');
  await expect(other.utimens('file', 1n, 2n), 'EPERM');
  await expect(other.utimens('file', 'now', 'omit'), 'EPERM');
  await expect(other.touch('file'), 'EACCES');
  await expect(other.utimens('file', 'now', 'now'), 'EACCES');
  await app.chmod('file', 0o666);
  await expect(other.touch('file'), 'ok');
  await expect(other.utimens('file', 'now', 'now'), 'ok');
  await expect(other.utimens('file', 1n, 2n), 'EPERM');
  await expect(other.utimens('file', 'now', 'omit'), 'EPERM');
  await app.chmod('file', 0);
  await expect(owner.touch('file'), 'ok');
});

// ---- birth ----

fact(
  'the birth of a file never changes',
  async ({ app }) => {
    await app.writeFile('file', 'content');
    const { mask, btime, ctime } = await app.stat('file');
    assert(mask & 0x800);
    assert(btime > 1_600_000_000n * SECOND && btime <= ctime);
    await app.tick();
    await app.writeFile('file', 'more');
    await app.chmod('file', 0o600);
    await app.utimens('file', 1n, 1n);
    await app.rename('file', 'moved');
    await app.link('moved', 'linked');
    await app.setxattr('moved', 'user.a', '1', XATTR.CREATE);
    assert.equal((await app.stat('linked')).btime, btime);
  },
  { needs: ['birthTime'] },
);

// ---- relatime ----

async function setTimes(app: Actor, path: string, atime: bigint, mtime: bigint): Promise<void> {
  await app.utimens(path, atime, mtime);
  // An atime that equals the ctime counts as old, so the next read shall come later.
  await app.tick();
}

fact(
  'the first read after a change moves atime, the next does not',
  async ({ app }) => {
    await app.writeFile('file', 'content');
    await setTimes(app, 'file', 100n * SECOND, 200n * SECOND);
    await app.readFile('file');
    const first = (await app.stat('file')).atime;
    assert(first > 1_600_000_000n * SECOND);
    await app.tick();
    await app.readFile('file');
    assert.equal((await app.stat('file')).atime, first);
    await app.tick();
    await app.writeFile('file', 'more');
    await app.tick();
    await app.readFile('file');
    assert((await app.stat('file')).atime > first);
  },
  { needs: ['relatime'] },
);

fact(
  'a read moves an atime that is a day old',
  async ({ app }) => {
    await app.writeFile('file', 'content');
    const now = (await app.stat('file')).mtime;
    const old = now - 25n * 3600n * SECOND;
    await setTimes(app, 'file', old, old - SECOND);
    await app.readFile('file');
    assert((await app.stat('file')).atime >= now);
  },
  { needs: ['relatime'] },
);

fact(
  'O_NOATIME leaves atime',
  async ({ app }) => {
    await app.writeFile('file', 'content');
    await setTimes(app, 'file', 100n * SECOND, 200n * SECOND);
    const fd = await app.open('file', O.RDONLY | O.NOATIME);
    await app.read(fd, 100);
    assert.equal((await app.stat('file')).atime, 100n * SECOND);
  },
  { needs: ['relatime'] },
);

fact(
  'listing a directory and following a symbolic link move atime too',
  async ({ app }) => {
    await app.mkdir('directory');
    await app.create('target');
    await app.symlink('target', 'link');
    await setTimes(app, 'directory', 100n * SECOND, 200n * SECOND);
    await app.utimens('link', 100n * SECOND, 200n * SECOND, AT.SYMLINK_NOFOLLOW);
    await app.readdir('directory');
    await app.readlink('link');
    assert((await app.stat('directory')).atime > 200n * SECOND);
    assert((await app.lstat('link')).atime > 200n * SECOND);
  },
  { needs: ['relatime'] },
);

fact('fallocate, copy_file_range and a store to a mapping move mtime and ctime', async ({ app }) => {
  const fd = await app.open('file', O.CREAT | O.RDWR);
  await app.write(fd, Buffer.alloc(8192, 1));
  const other = await app.open('other', O.CREAT | O.RDWR);
  await app.write(other, 'content');
  const mapping = await app.mmap(fd, 4096, 3, 1);
  const actions = {
    fallocate: () => app.fallocate(fd, 0, 0, 16_384),
    punch: () => app.fallocate(fd, FALLOC.PUNCH_HOLE | FALLOC.KEEP_SIZE, 0, 4096),
    copy: () => app.copyFileRange(other, 0, fd, 0, 7),
    store: async () => {
      await app.store(mapping, 0, 'mapped');
      await app.msync(mapping, 4);
    },
  };
  for (const [name, action] of Object.entries(actions)) {
    await app.fsync(fd);
    await app.tick();
    const before = await app.fstat(fd);
    await action();
    // The first touch of a mapped page may count as a read of it.
    assert.equal(changed(before, await app.fstat(fd)).replace('a', ''), 'mc', name);
  }
});
