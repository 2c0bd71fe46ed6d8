import assert from 'node:assert/strict';
import { type Actor, FS, O, RENAME, S } from '../actor/index.ts';
import { alice, bob, expect, fact, rootFact, withInodeFlags } from './fact.ts';

/** Makes one object of each kind; the names are the kinds. */
async function makeKinds(app: Actor, prefix = ''): Promise<void> {
  await app.writeFile(`${prefix}file`, `${prefix}file`);
  await app.mkdir(`${prefix}directory`);
  await app.symlink(`${prefix}missing`, `${prefix}symlink`);
  await app.mkfifo(`${prefix}fifo`);
  await app.mknod(`${prefix}socket`, S.IFSOCK | 0o644);
}

const kinds = ['file', 'directory', 'symlink', 'fifo', 'socket'];

for (const kind of kinds) {
  fact(`rename moves a ${kind} within and between directories and keeps its inode`, async ({ app }) => {
    await makeKinds(app);
    await app.mkdir('into');
    const { ino, mode } = await app.lstat(kind);
    await app.rename(kind, 'near');
    await expect(app.lstat(kind), 'ENOENT');
    await app.rename('near', 'into/far');
    await expect(app.lstat('near'), 'ENOENT');
    const stat = await app.lstat('into/far');
    assert.deepEqual([stat.ino, stat.mode], [ino, mode]);
    assert.deepEqual(await app.names('into'), ['far']);
  });

  for (const over of kinds) {
    const refusal = kind === 'directory' ? 'ENOTDIR' : 'EISDIR';
    const expected = (kind === 'directory') === (over === 'directory') ? 'ok' : refusal;
    fact(`rename of a ${kind} over a ${over}: ${expected}`, async ({ app }) => {
      await makeKinds(app, 'a-');
      await makeKinds(app, 'b-');
      const { ino } = await app.lstat(`a-${kind}`);
      await expect(app.rename(`a-${kind}`, `b-${over}`), expected);
      assert.equal(await app.exists(`a-${kind}`), expected !== 'ok');
      assert.equal((await app.lstat(`b-${over}`)).ino === ino, expected === 'ok');
    });

    fact(`RENAME_EXCHANGE swaps a ${kind} and a ${over}`, async ({ app }) => {
      await app.mkdir('left');
      await app.mkdir('right');
      await makeKinds(app, 'left/');
      await makeKinds(app, 'right/');
      const [one, two] = [await app.lstat(`left/${kind}`), await app.lstat(`right/${over}`)];
      await app.rename(`left/${kind}`, `right/${over}`, RENAME.EXCHANGE);
      assert.equal((await app.lstat(`left/${kind}`)).ino, two.ino);
      assert.equal((await app.lstat(`right/${over}`)).ino, one.ino);
      const directories = (await app.stat('left')).nlink + (await app.stat('right')).nlink;
      assert.equal(directories, 6);
    });

    fact(`RENAME_NOREPLACE of a ${kind} never replaces a ${over}`, async ({ app }) => {
      await makeKinds(app, 'a-');
      await makeKinds(app, 'b-');
      await expect(app.rename(`a-${kind}`, `b-${over}`, RENAME.NOREPLACE), 'EEXIST');
      await expect(app.rename(`a-${kind}`, 'new', RENAME.NOREPLACE), 'ok');
    });
  }
}

fact('a file that rename replaced lives on while it is open', async ({ app }) => {
  await app.writeFile('old', 'old');
  await app.writeFile('new', 'new');
  const fd = await app.open('old', O.RDWR);
  await app.rename('new', 'old');
  assert.equal(await app.readText('old'), 'new');
  assert.equal((await app.fstat(fd)).nlink, 0);
  assert.equal((await app.read(fd, 10)).toString(), 'old');
  assert.equal(await app.write(fd, ' more'), 5);
});

fact('rename over one of several names only lowers the link count', async ({ app }) => {
  await app.writeFile('one', 'one');
  await app.link('one', 'two');
  await app.writeFile('new', 'new');
  await app.rename('new', 'two');
  assert.equal((await app.stat('one')).nlink, 1);
  assert.equal(await app.readText('one'), 'one');
  assert.equal(await app.readText('two'), 'new');
});

fact('rename to itself and between names of one file does nothing', async ({ app }) => {
  await app.writeFile('one', 'content');
  await app.mkdir('directory');
  await app.link('one', 'two');
  await app.rename('one', 'one');
  await app.rename('one', 'two');
  await app.rename('directory', 'directory');
  assert.deepEqual(await app.names(), ['directory', 'one', 'two']);
  assert.equal((await app.stat('one')).nlink, 2);
  await expect(app.rename('one', 'two', RENAME.NOREPLACE), 'EEXIST');
  await expect(app.rename('one', 'two', RENAME.EXCHANGE), 'ok');
});

fact('a directory that is not empty is not replaced', async ({ app }) => {
  await app.mkdir('from');
  await app.mkdir('to');
  await app.create('to/file');
  await expect(app.rename('from', 'to'), 'ENOTEMPTY');
  await app.unlink('to/file');
  await app.mkdir('to/sub');
  await expect(app.rename('from', 'to'), 'ENOTEMPTY');
  await app.rmdir('to/sub');
  await expect(app.rename('from', 'to'), 'ok');
});

fact('a directory is not moved into itself or below itself', async ({ app }) => {
  await app.mkdir('a');
  await app.mkdir('a/b');
  await app.mkdir('a/b/c');
  await expect(app.rename('a', 'a/new'), 'EINVAL');
  await expect(app.rename('a', 'a/b'), 'EINVAL');
  await expect(app.rename('a', 'a/b/c/new'), 'EINVAL');
  await expect(app.rename('a/b', 'a'), 'ENOTEMPTY');
  await expect(app.rename('a/b/c', 'a'), 'ENOTEMPTY');
  await expect(app.rename('a', 'a/b/c', RENAME.EXCHANGE), 'EINVAL');
  await expect(app.rename('a/b/c', 'a', RENAME.EXCHANGE), 'EINVAL');
  assert.deepEqual(await app.names('a/b'), ['c']);
});

fact('"." and ".." are not renamed', async ({ app }) => {
  await app.mkdir('a');
  await app.mkdir('b');
  for (const path of ['.', '..', 'a/.', 'a/..']) {
    await expect(app.rename(path, 'new'), 'EBUSY', `from ${path}`);
    await expect(app.rename('b', path), 'EBUSY', `to ${path}`);
  }
});

fact('moving directories keeps link counts and ".." right', async ({ app }) => {
  await app.mkdir('a');
  await app.mkdir('b');
  await app.mkdir('a/sub');
  const links = async () => [(await app.stat('a')).nlink, (await app.stat('b')).nlink];
  assert.deepEqual(await links(), [3, 2]);
  await app.rename('a/sub', 'b/sub');
  assert.deepEqual(await links(), [2, 3]);
  assert.equal((await app.stat('b/sub/..')).ino, (await app.stat('b')).ino);
  await app.mkdir('a/other');
  await app.rename('a/other', 'b/sub');
  assert.deepEqual(await links(), [2, 3]);
  await app.create('a/file');
  await app.rename('a/file', 'b/sub', RENAME.EXCHANGE);
  assert.deepEqual(await links(), [3, 2]);
});

fact('rename follows no symbolic link at the end of either path', async ({ app }) => {
  await app.writeFile('target', 'target');
  await app.symlink('target', 'link');
  await app.writeFile('file', 'file');
  await app.rename('file', 'link');
  assert.equal((await app.lstat('link')).kind, S.IFREG);
  assert.equal(await app.readText('target'), 'target');
  await app.symlink('target', 'other');
  await app.rename('other', 'moved');
  assert.equal((await app.lstat('moved')).kind, S.IFLNK);
});

fact('open files and working directories go along', async ({ app }) => {
  await app.mkdir('a');
  await app.writeFile('a/file', 'content');
  const fd = await app.open('a/file', O.RDWR);
  await app.rename('a', 'b');
  await app.write(fd, 'CON');
  assert.equal(await app.readText('b/file'), 'CONtent');
  await app.rename('b/file', 'c');
  await app.write(fd, 'TENT');
  assert.equal(await app.readText('c'), 'CONTENT');
});

fact('a name of 255 bytes is moved to one of 255 bytes', async ({ app }) => {
  await app.create('a'.repeat(255));
  await app.rename('a'.repeat(255), 'b'.repeat(255));
  assert.deepEqual(await app.names(), ['b'.repeat(255)]);
  await expect(app.rename('b'.repeat(255), 'c'.repeat(256)), 'ENAMETOOLONG');
});

fact('RENAME_EXCHANGE needs both names', async ({ app }) => {
  await app.create('file');
  await expect(app.rename('file', 'missing', RENAME.EXCHANGE), 'ENOENT');
  await expect(app.rename('missing', 'file', RENAME.EXCHANGE), 'ENOENT');
  await expect(app.rename('missing', 'missing2'), 'ENOENT');
});

fact('flags that exclude each other or are unknown give EINVAL', async ({ app }) => {
  await app.create('a');
  await app.create('b');
  await expect(app.rename('a', 'b', RENAME.EXCHANGE | RENAME.NOREPLACE), 'EINVAL');
  await expect(app.rename('a', 'b', RENAME.EXCHANGE | RENAME.WHITEOUT), 'EINVAL');
  await expect(app.rename('a', 'b', 0x100), 'EINVAL');
});

rootFact('RENAME_WHITEOUT leaves a whiteout, also with NOREPLACE', async ({ app }) => {
  await app.writeFile('file', 'content');
  await app.mkdir('into');
  await app.rename('file', 'into/moved', RENAME.WHITEOUT);
  const stat = await app.lstat('file');
  assert.deepEqual([stat.kind, stat.rdev, stat.nlink], [S.IFCHR, '0:0', 1]);
  assert.equal(await app.readText('into/moved'), 'content');
  await app.writeFile('other', 'other');
  await expect(app.rename('other', 'into/moved', RENAME.WHITEOUT | RENAME.NOREPLACE), 'EEXIST');
  await app.rename('other', 'into/moved', RENAME.WHITEOUT);
  assert.equal(await app.readText('into/moved'), 'other');
  assert.equal((await app.lstat('other')).kind, S.IFCHR);
});

fact('rename to another file system gives EXDEV', async ({ app }) => {
  await app.create('file');
  await app.mkdir('directory');
  await expect(app.rename('file', '/proc/file'), 'EXDEV');
  await expect(app.rename('directory', '/proc/directory'), 'EXDEV');
  await expect(app.rename('/proc/self/cmdline', 'file'), 'EXDEV');
});

fact('concurrent renames over one name leave one of the files', async ({ app, start }) => {
  const movers = await Promise.all([start(), start(), start()]);
  for (let round = 0; round < 20; round++) {
    await Promise.all(movers.map((mover, index) => mover.writeFile(`from${index}`, `content ${index}`)));
    await Promise.all(movers.map((mover, index) => mover.rename(`from${index}`, 'to')));
    assert.deepEqual(await app.names(), ['to']);
    assert.match(await app.readText('to'), /^content \d$/);
  }
});

fact('a name that is replaced again and again is never missing', async ({ app, start }) => {
  const reader = await start();
  await app.writeFile('name', '0');
  const reading = (async () => {
    for (let round = 0; round < 200; round++) assert.match(await reader.readText('name'), /^\d+$/);
  })();
  for (let round = 0; round < 100; round++) {
    await app.writeFile('next', String(round));
    await app.rename('next', 'name');
  }
  await reading;
});

fact('directories moved past each other by two processes never form a loop', async ({ app, start }) => {
  const other = await start();
  for (let round = 0; round < 20; round++) {
    await app.mkdir('a');
    await app.mkdir('b');
    const results = await Promise.allSettled([app.rename('a', 'b/a'), other.rename('b', 'a/b')]);
    assert(results.filter(({ status }) => status === 'fulfilled').length === 1);
    const [top] = await app.names();
    assert.deepEqual(await app.names(top), [top === 'a' ? 'b' : 'a']);
    await app.rmdir(`${top}/${top === 'a' ? 'b' : 'a'}`);
    await app.rmdir(top!);
  }
});

// ---- rights ----

rootFact('rename needs the right to write to both directories', async ({ app, start }) => {
  await app.mkdir('open');
  await app.chmod('open', 0o777);
  await app.mkdir('closed', 0o755);
  await app.writeFile('open/a', 'a');
  await app.writeFile('closed/b', 'b');
  const user = await start(alice);
  await expect(user.rename('open/a', 'closed/a'), 'EACCES');
  await expect(user.rename('closed/b', 'open/b'), 'EACCES');
  await expect(user.rename('closed/b', 'closed/c'), 'EACCES');
  await expect(user.rename('open/a', 'closed/b', RENAME.EXCHANGE), 'EACCES');
  await expect(user.rename('open/a', 'open/c'), 'ok');
});

rootFact('moving a foreign directory elsewhere needs the right to write to it, for its ".." changes', async (scene) => {
  const { app, start } = scene;
  for (const name of ['from', 'to']) {
    await app.mkdir(name);
    await app.chmod(name, 0o777);
  }
  await app.mkdir('from/foreign', 0o755);
  await app.chown('from/foreign', bob.uid, bob.gid);
  const user = await start(alice);
  await expect(user.rename('from/foreign', 'to/foreign'), 'EACCES');
  await expect(user.rename('from/foreign', 'from/renamed'), 'ok');
  await app.chmod('from/renamed', 0o777);
  await expect(user.rename('from/renamed', 'to/foreign'), 'ok');
});

rootFact('in a sticky directory only owners move things away or replace them', async ({ app, start }) => {
  await app.mkdir('sticky');
  await app.chmod('sticky', 0o1777);
  await app.chown('sticky', bob.uid, bob.gid);
  const [owner, other, keeper] = [await start(alice), await start({ uid: 60_009, gid: 60_009 }), await start(bob)];
  await owner.writeFile('sticky/file', 'alice');
  await owner.mkdir('sticky/directory', 0o777);
  await other.writeFile('sticky/mine', 'other');
  await expect(other.rename('sticky/file', 'sticky/stolen'), 'EPERM');
  await expect(other.rename('sticky/file', 'stolen'), 'EPERM');
  await expect(other.rename('sticky/mine', 'sticky/file'), 'EPERM');
  await expect(other.rename('sticky/mine', 'sticky/file', RENAME.EXCHANGE), 'EPERM');
  await expect(other.rename('sticky/directory', 'sticky/moved'), 'EPERM');
  await expect(owner.rename('sticky/file', 'sticky/renamed'), 'ok');
  await expect(keeper.rename('sticky/renamed', 'sticky/kept'), 'ok');
  await expect(app.rename('sticky/kept', 'sticky/mine'), 'ok');
});

rootFact('nothing is moved out of, into or with an immutable or append-only object', async ({ app }) => {
  await app.mkdir('directory');
  await app.create('directory/inside');
  await app.create('file');
  await app.create('other');
  for (const flags of [FS.IMMUTABLE_FL, FS.APPEND_FL]) {
    await withInodeFlags(app, 'file', flags, async () => {
      await expect(app.rename('file', 'renamed'), 'EPERM');
      await expect(app.rename('other', 'file'), 'EPERM');
      await expect(app.rename('other', 'file', RENAME.EXCHANGE), 'EPERM');
    });
    await withInodeFlags(app, 'directory', flags, async () => {
      await expect(app.rename('directory/inside', 'outside'), 'EPERM');
      await expect(app.rename('directory', 'renamed'), 'EPERM');
      await expect(app.rename('other', 'directory/new'), flags === FS.APPEND_FL ? 'ok' : 'EPERM');
    });
  }
});
