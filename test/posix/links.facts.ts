import assert from 'node:assert/strict';
import { AT, FS, O, S } from '../actor/index.ts';
import { alice, bob, expect, fact, rootFact, withInodeFlags } from './fact.ts';

// ---- link ----

fact('link gives one file several names', async ({ app }) => {
  await app.writeFile('one', 'content');
  await app.mkdir('directory');
  await app.link('one', 'two');
  await app.link('two', 'directory/three');
  const stats = await Promise.all(['one', 'two', 'directory/three'].map((path) => app.stat(path)));
  assert.equal(new Set(stats.map(({ ino }) => ino)).size, 1);
  assert(stats.every(({ nlink }) => nlink === 3));
  await app.writeFile('two', 'changed');
  assert.equal(await app.readText('one'), 'changed');
  await app.chmod('directory/three', 0o600);
  assert.equal((await app.stat('one')).mode, 0o600);
  await app.unlink('one');
  assert.equal((await app.stat('two')).nlink, 2);
});

for (const [kind, bits] of [
  ['fifo', S.IFIFO],
  ['socket', S.IFSOCK],
] as const) {
  fact(`link works for a ${kind}`, async ({ app }) => {
    await app.mknod('one', bits | 0o644);
    await app.link('one', 'two');
    assert.equal((await app.stat('two')).nlink, 2);
    assert.equal((await app.stat('two')).kind, bits);
  });
}

fact('link of a symbolic link names the link, unless it is told to follow', async ({ app }) => {
  await app.writeFile('target', 'content');
  await app.symlink('target', 'symlink');
  await app.link('symlink', 'link');
  assert.equal((await app.lstat('link')).kind, S.IFLNK);
  assert.equal((await app.lstat('symlink')).nlink, 2);
  await app.link('symlink', 'followed', AT.SYMLINK_FOLLOW);
  assert.equal((await app.lstat('followed')).ino, (await app.stat('target')).ino);
});

fact('directories have one name', async ({ app }) => {
  await app.mkdir('directory');
  await expect(app.link('directory', 'other'), 'EPERM');
  assert.equal((await app.stat('directory')).nlink, 2);
});

fact('link to another file system gives EXDEV', async ({ app }) => {
  await app.create('file');
  await expect(app.link('/proc/self/cmdline', 'new'), 'EXDEV');
  assert.deepEqual(await app.names(), ['file']);
});

fact('a file takes a thousand names', async ({ app }) => {
  await app.create('file');
  await Promise.all(Array.from({ length: 1000 }, (_, index) => app.link('file', `link${index}`)));
  assert.equal((await app.stat('file')).nlink, 1001);
  await Promise.all(Array.from({ length: 1000 }, (_, index) => app.unlink(`link${index}`)));
  assert.equal((await app.stat('file')).nlink, 1);
});

fact('a file without names cannot be given one through its descriptor', async ({ app }) => {
  const fd = await app.open('file', O.CREAT | O.RDWR);
  await app.unlink('file');
  await expect(app.linkDescriptor(fd, 'again'), 'ENOENT');
});

rootFact('link needs the right to write to the directory and to search both', async ({ app, start }) => {
  await app.mkdir('closed', 0o755);
  await app.mkdir('hidden', 0o700);
  await app.create('hidden/file');
  const user = await start(alice);
  await user.create('mine');
  await expect(user.link('mine', 'closed/new'), 'EACCES');
  await expect(user.link('hidden/file', 'new'), 'EACCES');
  await expect(user.link('mine', 'new'), 'ok');
});

rootFact('an immutable or append-only file gets no new name', async ({ app }) => {
  await app.create('file');
  for (const flags of [FS.IMMUTABLE_FL, FS.APPEND_FL]) {
    await withInodeFlags(app, 'file', flags, () => expect(app.link('file', 'new'), 'EPERM'));
  }
  assert.equal((await app.stat('file')).nlink, 1);
});

// ---- unlink ----

fact('unlink removes every kind but a directory', async ({ app }) => {
  await app.create('file');
  await app.symlink('missing', 'symlink');
  await app.mkfifo('fifo');
  await app.mknod('socket', S.IFSOCK | 0o644);
  await app.mkdir('directory');
  for (const name of ['file', 'symlink', 'fifo', 'socket']) {
    await app.unlink(name);
    await expect(app.lstat(name), 'ENOENT');
  }
  await expect(app.unlink('directory'), 'EISDIR');
  await expect(app.unlink('directory/.'), 'EISDIR');
  await expect(app.unlink('.'), 'EISDIR');
  assert.deepEqual(await app.names(), ['directory']);
});

fact('unlink of a symbolic link leaves its target', async ({ app }) => {
  await app.writeFile('target', 'content');
  await app.symlink('target', 'link');
  await app.unlink('link');
  assert.equal(await app.readText('target'), 'content');
});

rootFact('unlink needs the right to write to the directory, not to the file', async ({ app, start }) => {
  await app.create('file', 0);
  await app.mkdir('closed', 0o755);
  await app.create('closed/file', 0o777);
  const user = await start(alice);
  await expect(user.unlink('closed/file'), 'EACCES');
  await expect(user.unlink('file'), 'ok');
});

rootFact('in a sticky directory only owners remove names', async ({ app, start }) => {
  await app.mkdir('sticky');
  await app.chmod('sticky', 0o1777);
  await app.chown('sticky', bob.uid, bob.gid);
  const [owner, other, keeper] = [await start(alice), await start({ uid: 60_009, gid: 60_009 }), await start(bob)];
  for (const name of ['a', 'b', 'c']) await owner.create(`sticky/${name}`, 0o666);
  await owner.mkdir('sticky/directory', 0o777);
  await expect(other.unlink('sticky/a'), 'EPERM');
  await expect(other.rmdir('sticky/directory'), 'EPERM');
  await expect(owner.unlink('sticky/a'), 'ok');
  await expect(keeper.unlink('sticky/b'), 'ok');
  await expect(app.unlink('sticky/c'), 'ok');
  await expect(owner.rmdir('sticky/directory'), 'ok');
});

// ---- unlinked but open ----

fact('a file without a name stays usable in every way while it is open', async ({ app }) => {
  const fd = await app.open('file', O.CREAT | O.RDWR);
  await app.write(fd, 'content');
  await app.unlink('file');
  await expect(app.stat('file'), 'ENOENT');
  assert.equal((await app.fstat(fd)).nlink, 0);
  assert.equal((await app.pread(fd, 100, 0)).toString(), 'content');
  await app.pwrite(fd, 'more', 100_000);
  await app.ftruncate(fd, 50_000);
  await app.fallocate(fd, 0, 0, 60_000);
  await app.fchmod(fd, 0o600);
  await app.futimens(fd, 5n, 6n);
  await app.call('fsetxattr', fd, 'user.a', 'value', 0);
  await app.fsync(fd);
  const stat = await app.fstat(fd);
  assert.deepEqual([stat.size, stat.mode, stat.mtime], [60_000, 0o600, 6n]);
  assert.equal((await app.call('fgetxattr', fd, 'user.a', 100)).value, 5);
  await app.create('file');
  assert.notEqual((await app.stat('file')).ino, stat.ino);
});

fact('a file without a name can be opened again through /proc', async ({ app }) => {
  const fd = await app.open('file', O.CREAT | O.RDWR);
  await app.write(fd, 'content');
  await app.unlink('file');
  const again = await app.open(`/proc/self/fd/${fd}`, O.RDWR);
  await app.close(fd);
  assert.equal((await app.read(again, 100)).toString(), 'content');
  await app.pwrite(again, 'C', 0);
  assert.equal((await app.pread(again, 100, 0)).toString(), 'Content');
});

fact('two processes share a file without a name', async ({ app, start }) => {
  const other = await start();
  const one = await app.open('file', O.CREAT | O.RDWR);
  const two = await other.open('file', O.RDWR);
  await app.unlink('file');
  await app.write(one, 'from the one');
  assert.equal((await other.read(two, 100)).toString(), 'from the one');
  await app.close(one);
  await other.pwrite(two, 'FROM', 0);
  assert.equal((await other.pread(two, 100, 0)).toString(), 'FROM the one');
});

fact('a name can be made again at once, and is another file', async ({ app }) => {
  const fd = await app.open('file', O.CREAT | O.RDWR);
  await app.write(fd, 'old');
  await app.unlink('file');
  await app.writeFile('file', 'new content');
  assert.equal((await app.pread(fd, 100, 0)).toString(), 'old');
  assert.equal(await app.readText('file'), 'new content');
});

// ---- symlink ----

fact('symlink keeps its text byte by byte', async ({ app }) => {
  const texts = ['a', '/', '..', 'a//b/', 'x'.repeat(255), 'y'.repeat(4095), Buffer.from('fffe0a', 'hex'), ' '];
  for (const [index, text] of texts.entries()) {
    const bytes = Buffer.from(text as string);
    await app.symlink(bytes, `link${index}`);
    assert((await app.readlink(`link${index}`)).equals(bytes));
    const stat = await app.lstat(`link${index}`);
    assert.deepEqual([stat.kind, stat.mode, stat.size, stat.nlink], [S.IFLNK, 0o777, bytes.length, 1]);
  }
});

fact('symlink refuses an empty text and one of 4096 bytes', async ({ app }) => {
  await expect(app.symlink('', 'link'), 'ENOENT');
  await expect(app.symlink('a'.repeat(4096), 'link'), 'ENAMETOOLONG');
});

fact('readlink cuts off what the buffer cannot hold', async ({ app }) => {
  await app.symlink('target', 'link');
  assert.equal((await app.readlink('link', 3)).toString(), 'tar');
  await expect(app.readlink('link', 0), 'EINVAL');
});

fact('readlink of anything else gives EINVAL', async ({ app }) => {
  await app.create('file');
  await app.mkdir('directory');
  await app.mkfifo('fifo');
  for (const path of ['file', 'directory', 'fifo']) await expect(app.readlink(path), 'EINVAL');
});

fact('symbolic links lead to files, directories and further links', async ({ app }) => {
  await app.mkdir('directory');
  await app.writeFile('directory/file', 'content');
  await app.symlink('directory', 'one');
  await app.symlink('one', 'two');
  await app.symlink('../two/file', 'directory/three');
  assert.equal(await app.readText('two/file'), 'content');
  assert.equal(await app.readText('directory/three'), 'content');
  await app.writeFile('two/new', 'new');
  assert.equal(await app.readText('directory/new'), 'new');
});

rootFact('the owner of a symbolic link is changed by lchown, its mode by nothing', async ({ app }) => {
  await app.create('target');
  await app.symlink('target', 'link');
  await app.lchown('link', alice.uid, alice.gid);
  assert.deepEqual([(await app.lstat('link')).uid, (await app.stat('target')).uid], [alice.uid, 0]);
  await app.chown('link', bob.uid, bob.gid);
  assert.deepEqual([(await app.lstat('link')).uid, (await app.stat('target')).uid], [alice.uid, bob.uid]);
  await expect(app.call('fchmodat2', AT.FDCWD, 'link', 0o600, AT.SYMLINK_NOFOLLOW), 'EOPNOTSUPP');
  assert.equal((await app.lstat('link')).mode, 0o777);
});

fact('utimensat changes the times of a symbolic link itself', async ({ app }) => {
  await app.create('target');
  await app.symlink('target', 'link');
  const before = await app.stat('target');
  await app.utimens('link', 1_000_000_001n, 2_000_000_002n, AT.SYMLINK_NOFOLLOW);
  const link = await app.lstat('link');
  assert.deepEqual([link.atime, link.mtime], [1_000_000_001n, 2_000_000_002n]);
  assert.equal((await app.stat('target')).mtime, before.mtime);
});
