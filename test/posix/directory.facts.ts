import assert from 'node:assert/strict';
import { AT, DT, type Entry, O, S } from '../actor/index.ts';
import { alice, expect, fact, rootFact } from './fact.ts';

const namesOf = (entries: Entry[]) => entries.map(({ name }) => name).sort();

fact('a new directory is empty and has two links, each directory in it adds one', async ({ app }) => {
  await app.mkdir('a');
  assert.deepEqual(namesOf(await app.readdir('a')), ['.', '..']);
  assert.equal((await app.stat('a')).nlink, 2);
  for (let index = 0; index < 3; index++) await app.mkdir(`a/sub${index}`);
  await app.create('a/file');
  assert.equal((await app.stat('a')).nlink, 5);
  await app.rmdir('a/sub1');
  assert.equal((await app.stat('a')).nlink, 4);
});

fact('rmdir removes empty directories only', async ({ app }) => {
  await app.mkdir('a');
  await app.mkdir('a/b');
  await app.create('file');
  await app.symlink('a', 'link');
  await expect(app.rmdir('a'), 'ENOTEMPTY');
  await expect(app.rmdir('file'), 'ENOTDIR');
  await expect(app.rmdir('link'), 'ENOTDIR');
  await expect(app.rmdir('link/b'), 'ok');
  await app.create('a/file');
  await expect(app.rmdir('a'), 'ENOTEMPTY');
  await app.unlink('a/file');
  await expect(app.rmdir('a'), 'ok');
  await expect(app.stat('a'), 'ENOENT');
});

fact('rmdir of "." gives EINVAL and of ".." ENOTEMPTY', async ({ app }) => {
  await app.mkdir('a');
  await app.mkdir('a/b');
  await expect(app.rmdir('a/.'), 'EINVAL');
  await expect(app.rmdir('a/b/..'), 'ENOTEMPTY');
  await expect(app.rmdir('.'), 'EINVAL');
});

rootFact('rmdir needs the right to write to the parent', async ({ app, start }) => {
  await app.mkdir('closed', 0o755);
  await app.mkdir('closed/a', 0o777);
  const user = await start(alice);
  await expect(user.rmdir('closed/a'), 'EACCES');
  await app.chmod('closed', 0o777);
  await expect(user.rmdir('closed/a'), 'ok');
});

fact('an open directory that was removed has no links and no entries', async ({ app }) => {
  await app.mkdir('a');
  const fd = await app.open('a', O.DIRECTORY);
  await app.rmdir('a');
  assert.equal((await app.fstat(fd)).nlink, 0);
  await expect(app.openAt(fd, 'new', O.CREAT | O.WRONLY), 'ENOENT');
  await expect(app.mkdir('new', 0o755, fd), 'ENOENT');
  await expect(app.getdents(fd), 'ENOENT');
  await expect(app.fsync(fd), 'ok');
});

fact('a listing tells inode numbers and types', async ({ app }) => {
  await app.create('file');
  await app.mkdir('directory');
  await app.symlink('file', 'symlink');
  await app.mkfifo('fifo');
  await app.mknod('socket', S.IFSOCK | 0o644);
  const entries = new Map((await app.readdir('.')).map((entry) => [entry.name, entry]));
  const types = {
    file: DT.REG,
    directory: DT.DIR,
    symlink: DT.LNK,
    fifo: DT.FIFO,
    socket: DT.SOCK,
    '.': DT.DIR,
    '..': DT.DIR,
  };
  for (const [name, type] of Object.entries(types)) {
    assert.equal(entries.get(name)?.type, type, name);
    assert.equal(entries.get(name)?.ino, (await app.lstat(name)).ino, name);
  }
  assert.equal(entries.size, 7);
});

fact('getdents needs a directory and room for an entry', async ({ app }) => {
  const file = await app.open('file', O.CREAT | O.RDWR);
  await expect(app.getdents(file), 'ENOTDIR');
  const dir = await app.open('.', O.DIRECTORY);
  await expect(app.getdents(dir, 16), 'EINVAL');
  await expect(app.getdents(dir, 32), 'ok');
});

rootFact('listing needs the right to read, looking up the right to search', async ({ app, start }) => {
  await app.mkdir('readable');
  await app.create('readable/file');
  await app.mkdir('searchable');
  await app.create('searchable/file');
  await app.chmod('readable', 0o744);
  await app.chmod('searchable', 0o711);
  const user = await start(alice);
  assert.deepEqual(await user.names('readable'), ['file']);
  await expect(user.stat('readable/file'), 'EACCES');
  await expect(user.stat('readable/missing'), 'EACCES');
  await expect(user.open('searchable'), 'EACCES');
  await expect(user.stat('searchable/file'), 'ok');
  await expect(user.chdir('searchable'), 'ok');
  await expect(user.chdir('../readable'), 'EACCES');
});

// ---- large directories ----

/** More for a longer run. */
const COUNT = Number(process.env['CFS_TEST_ENTRIES'] ?? 3000);
const manyNames = Array.from({ length: COUNT }, (_, index) => `entry-${index}-${'x'.repeat(index % 40)}`).sort();

fact('a large directory is listed completely, once each, whatever the buffer', async ({ app }) => {
  await app.mkdir('many');
  await Promise.all(manyNames.map((name) => app.create(`many/${name}`)));
  const expected = ['.', '..', ...manyNames];
  for (const limit of [1024, 4096, 65_536, 1 << 20]) {
    assert.deepEqual(namesOf(await app.readdir('many', limit)), expected, `buffer of ${limit}`);
  }
  await Promise.all(manyNames.map((name) => app.unlink(`many/${name}`)));
  assert.deepEqual(namesOf(await app.readdir('many')), ['.', '..']);
  await expect(app.rmdir('many'), 'ok');
});

fact('a listing can be resumed at the cookie of every entry', async ({ app }) => {
  await app.mkdir('a');
  await Promise.all(manyNames.slice(0, 500).map((name) => app.create(`a/${name}`)));
  const fd = await app.open('a', O.DIRECTORY);
  const entries = await app.readdirOf(fd);
  assert.equal(new Set(entries.map(({ cookie }) => cookie)).size, entries.length);
  for (const [index, { cookie, name }] of entries.entries()) {
    await app.lseek(fd, cookie);
    const [next] = await app.getdents(fd, 320);
    assert.equal(next?.name, entries[index + 1]?.name, `after ${name}`);
  }
  await app.lseek(fd, 0);
  assert.deepEqual(await app.readdirOf(fd), entries);
});

fact('a cookie stays good while other entries come and go', async ({ app, start }) => {
  const other = await start();
  await app.mkdir('a');
  const stable = manyNames.slice(0, 300);
  await Promise.all(stable.map((name) => app.create(`a/${name}`)));
  const fd = await app.open('a', O.DIRECTORY);
  const seen: string[] = [];
  for (let round = 0; ; round++) {
    const some = await app.getdents(fd, 512);
    if (some.length === 0) break;
    seen.push(...some.map(({ name }) => name));
    await other.create(`a/new-${round}`);
    if (round % 2 === 1) await other.unlink(`a/new-${round - 1}`);
    assert(round < 5000);
  }
  const old = seen.filter((name) => name.startsWith('entry'));
  assert.deepEqual(old.sort(), stable);
  assert.equal(new Set(seen).size, seen.length);
});

fact('entries that are removed while they are listed can all be removed', async ({ app }) => {
  await app.mkdir('a');
  await Promise.all(manyNames.slice(0, 2000).map((name) => app.create(`a/${name}`)));
  const fd = await app.open('a', O.DIRECTORY);
  for (;;) {
    const some = (await app.getdents(fd, 2048)).filter(({ name }) => !name.startsWith('.'));
    if (some.length === 0) break;
    await Promise.all(some.map(({ name }) => app.unlink(`a/${name}`)));
  }
  await app.close(fd);
  assert.deepEqual(await app.names('a'), []);
});

fact('an entry made before a listing starts anew is in it', async ({ app, start }) => {
  const other = await start();
  await app.mkdir('a');
  const fd = await app.open('a', O.DIRECTORY);
  for (let round = 0; round < 20; round++) {
    assert.equal((await app.readdirOf(fd)).length, round + 2);
    await other.create(`a/file${round}`);
    await app.lseek(fd, 0);
  }
});

fact('processes that make entries in one directory at the same time all succeed', async ({ app, start }) => {
  await app.mkdir('a');
  const makers = await Promise.all([start(), start(), start(), start()]);
  await Promise.all(
    makers.map((maker, index) =>
      Promise.all(Array.from({ length: 100 }, (_, round) => maker.create(`a/${index}-${round}`))),
    ),
  );
  assert.equal((await app.names('a')).length, 400);
});

fact('two listings of one directory do not disturb each other', async ({ app }) => {
  await app.mkdir('a');
  await Promise.all(manyNames.slice(0, 100).map((name) => app.create(`a/${name}`)));
  const [one, two] = [await app.open('a', O.DIRECTORY), await app.open('a', O.DIRECTORY)];
  const first = await app.getdents(one, 512);
  const all = await app.readdirOf(two);
  assert.deepEqual([...first, ...(await app.readdirOf(one))], all);
});

fact('".." of a listing is the parent, also after a move', async ({ app }) => {
  await app.mkdir('a');
  await app.mkdir('b');
  await app.mkdir('a/c');
  await app.rename('a/c', 'b/c');
  const parent = (await app.readdir('b/c')).find(({ name }) => name === '..');
  assert.equal(parent?.ino, (await app.stat('b')).ino);
});

fact('a directory of long names is listed completely', async ({ app }) => {
  const names = Array.from({ length: 300 }, (_, index) => String(index).padEnd(255, 'n')).sort();
  for (const name of names) await app.create(name);
  assert.deepEqual(await app.names(), names);
  await expect(app.call('unlinkat', AT.FDCWD, names[0]!, 0), 'ok');
});
