import assert from 'node:assert/strict';
import { AT, O, S } from '../actor/index.ts';
import { alice, bob, expect, fact, rootFact } from './fact.ts';

fact('O_CREAT|O_EXCL of one name by several processes succeeds once', async ({ app, start }) => {
  const racers = [app, await start(), await start(), await start()];
  for (let round = 0; round < 25; round++) {
    const tries = await Promise.allSettled(racers.map((racer) => racer.open(`f${round}`, O.CREAT | O.EXCL | O.RDWR)));
    assert.equal(tries.filter(({ status }) => status === 'fulfilled').length, 1);
  }
});

fact('O_CREAT without O_EXCL by several processes opens one file', async ({ app, start }) => {
  const racers = [app, await start(), await start()];
  for (let round = 0; round < 25; round++) {
    const fds = await Promise.all(racers.map((racer) => racer.open(`f${round}`, O.CREAT | O.RDWR)));
    const stats = await Promise.all(racers.map((racer, index) => racer.fstat(fds[index]!)));
    assert.equal(new Set(stats.map(({ ino }) => ino)).size, 1);
  }
});

fact('O_CREAT of an existing file changes neither mode nor content', async ({ app }) => {
  await app.writeFile('file', 'content');
  await app.chmod('file', 0o600);
  await app.close(await app.open('file', O.CREAT | O.RDWR, 0o777));
  assert.equal((await app.stat('file')).mode, 0o600);
  assert.equal(await app.readText('file'), 'content');
});

fact('O_CREAT through a dangling symbolic link makes its target', async ({ app }) => {
  await app.symlink('target', 'link');
  await app.close(await app.open('link', O.CREAT | O.WRONLY));
  assert.deepEqual(await app.names(), ['link', 'target']);
  assert.equal((await app.lstat('link')).kind, S.IFLNK);
});

fact('O_EXCL does not follow a symbolic link', async ({ app }) => {
  await app.create('target');
  await app.symlink('target', 'link');
  await app.symlink('missing', 'dangling');
  await expect(app.open('link', O.CREAT | O.EXCL | O.WRONLY), 'EEXIST');
  await expect(app.open('dangling', O.CREAT | O.EXCL | O.WRONLY), 'EEXIST');
  assert.equal(await app.exists('missing'), false);
});

fact('O_NOFOLLOW of a symbolic link gives ELOOP', async ({ app }) => {
  await app.create('file');
  await app.mkdir('directory');
  await app.symlink('file', 'link');
  await app.symlink('directory', 'link-to-directory');
  await expect(app.open('link', O.NOFOLLOW), 'ELOOP');
  await expect(app.open('link', O.NOFOLLOW | O.CREAT | O.WRONLY), 'ELOOP');
  await expect(app.open('link-to-directory', O.NOFOLLOW | O.DIRECTORY), 'ENOTDIR');
  await expect(app.open('link-to-directory/.', O.NOFOLLOW), 'ok');
  await expect(app.open('file', O.NOFOLLOW), 'ok');
});

fact('directories cannot be opened for writing', async ({ app }) => {
  await app.mkdir('directory');
  for (const flags of [O.WRONLY, O.RDWR, O.WRONLY | O.TRUNC, O.CREAT | O.RDONLY]) {
    await expect(app.open('directory', flags), 'EISDIR', flags.toString(8));
  }
  await expect(app.open('directory', O.RDONLY), 'ok');
  await expect(app.open('.', O.RDWR), 'EISDIR');
});

fact('O_DIRECTORY of anything else gives ENOTDIR', async ({ app }) => {
  await app.create('file');
  await app.mkfifo('fifo');
  await expect(app.open('file', O.DIRECTORY), 'ENOTDIR');
  await expect(app.open('fifo', O.DIRECTORY | O.NONBLOCK), 'ENOTDIR');
  await expect(app.open('missing', O.DIRECTORY), 'ENOENT');
  await expect(app.open('new', O.DIRECTORY | O.CREAT | O.RDWR), 'EINVAL');
  assert.deepEqual(await app.names(), ['fifo', 'file']);
});

fact('reading and writing need the access mode for it', async ({ app }) => {
  const writer = await app.open('file', O.CREAT | O.WRONLY);
  const reader = await app.open('file', O.RDONLY);
  await expect(app.read(writer, 1), 'EBADF');
  await expect(app.write(reader, 'a'), 'EBADF');
  await expect(app.ftruncate(reader, 0), 'EINVAL');
  await expect(app.read(999, 1), 'EBADF');
});

fact('a directory cannot be read or written as a file', async ({ app }) => {
  await app.mkdir('directory');
  const fd = await app.open('directory');
  await expect(app.read(fd, 10), 'EISDIR');
  await expect(app.pread(fd, 10, 0), 'EISDIR');
  await expect(app.write(fd, 'a'), 'EBADF');
});

fact('O_TRUNC empties a file, also one opened for reading', async ({ app }) => {
  for (const flags of [O.WRONLY, O.RDWR, O.RDONLY, O.CREAT | O.WRONLY]) {
    await app.writeFile('file', 'content');
    await app.close(await app.open('file', flags | O.TRUNC));
    assert.equal((await app.stat('file')).size, 0, flags.toString(8));
  }
});

rootFact('O_TRUNC needs the right to write even when opening for reading', async ({ app, start }) => {
  await app.writeFile('file', 'content');
  const reader = await start(alice);
  await expect(reader.open('file', O.RDONLY | O.TRUNC), 'EACCES');
  assert.equal((await app.stat('file')).size, 7);
});

rootFact('a file made without permissions can be written through the descriptor that made it', async ({ start }) => {
  const app = await start(alice);
  const fd = await app.open('file', O.CREAT | O.RDWR, 0);
  assert.equal(await app.write(fd, 'content'), 7);
  assert.equal((await app.pread(fd, 10, 0)).toString(), 'content');
  await expect(app.open('file', O.RDWR), 'EACCES');
});

rootFact('rights are checked at open and not again', async ({ app, start }) => {
  const user = await start(alice);
  await user.writeFile('file', 'content');
  const fd = await user.open('file', O.RDWR);
  await app.chmod('file', 0);
  await app.chown('file', bob.uid, bob.gid);
  assert.equal((await user.read(fd, 3)).toString(), 'con');
  assert.equal(await user.write(fd, 'x'), 1);
  await expect(user.open('file'), 'EACCES');
});

fact('O_PATH gives a descriptor without content', async ({ app }) => {
  await app.writeFile('file', 'content');
  const fd = await app.open('file', O.PATH);
  assert.equal((await app.fstat(fd)).size, 7);
  await expect(app.read(fd, 1), 'EBADF');
  await expect(app.fchmod(fd, 0o600), 'EBADF');
  await expect(app.call('fsetxattr', fd, 'user.a', '1', 0), 'EBADF');
  await expect(app.chmod(`/proc/self/fd/${fd}`, 0o600), 'ok');
  assert.equal(await app.readText(`/proc/self/fd/${fd}`), 'content');
});

rootFact('O_PATH needs no right to the file', async ({ app, start }) => {
  await app.create('file', 0);
  const user = await start(alice);
  await expect(user.open('file'), 'EACCES');
  await expect(user.open('file', O.PATH), 'ok');
});

fact('O_PATH with O_NOFOLLOW opens the symbolic link itself', async ({ app }) => {
  await app.symlink('target', 'link');
  const fd = await app.open('link', O.PATH | O.NOFOLLOW);
  assert.equal((await app.fstat(fd)).kind, S.IFLNK);
  assert.equal((await app.readlink('', 4096, fd)).toString(), 'target');
});

fact('the status flags are kept, and O_APPEND can be changed', async ({ app }) => {
  const fd = await app.open('file', O.CREAT | O.RDWR | O.APPEND | O.NONBLOCK);
  const flags = (await app.call('getStatusFlags', fd)).value;
  assert.equal(flags & (O.APPEND | O.NONBLOCK | O.RDWR), O.APPEND | O.NONBLOCK | O.RDWR);
  await app.write(fd, 'abc');
  await app.call('setStatusFlags', fd, flags & ~O.APPEND);
  await app.lseek(fd, 0);
  await app.write(fd, 'X');
  await app.call('setStatusFlags', fd, flags);
  await app.lseek(fd, 0);
  await app.write(fd, 'd');
  assert.equal(await app.readText('file'), 'Xbcd');
});

rootFact('O_NOATIME is for the owner', async ({ app, start }) => {
  const owner = await start(alice);
  const other = await start(bob);
  await owner.create('file');
  await expect(owner.open('file', O.NOATIME), 'ok');
  await expect(app.open('file', O.NOATIME), 'ok');
  await expect(other.open('file', O.NOATIME), 'EPERM');
});

fact('opening a socket gives ENXIO', async ({ app }) => {
  await app.mknod('socket', S.IFSOCK | 0o644);
  await expect(app.open('socket', O.RDWR), 'ENXIO');
});

fact('descriptors of one file that were opened apart have positions apart', async ({ app }) => {
  await app.writeFile('file', 'abcdef');
  const [one, two] = [await app.open('file'), await app.open('file')];
  const copy = await app.dup(one);
  assert.equal((await app.read(one, 2)).toString(), 'ab');
  assert.equal((await app.read(two, 2)).toString(), 'ab');
  assert.equal((await app.read(copy, 2)).toString(), 'cd');
  await app.childCall('read', one, 1);
  assert.equal(await app.position(copy), 5);
});

// ---- O_TMPFILE ----

fact('O_TMPFILE makes a file without a name', async ({ app }) => {
  const fd = await app.open('.', O.TMPFILE | O.RDWR, 0o640);
  const stat = await app.fstat(fd);
  assert.deepEqual([stat.kind, stat.mode, stat.nlink, stat.size], [S.IFREG, 0o640, 0, 0]);
  assert.deepEqual(await app.names(), []);
  await app.write(fd, 'content');
  assert.equal((await app.pread(fd, 10, 0)).toString(), 'content');
});

fact('an O_TMPFILE can be given names', async ({ app }) => {
  const fd = await app.open('.', O.TMPFILE | O.WRONLY);
  await app.write(fd, 'content');
  await app.linkDescriptor(fd, 'one');
  assert.equal((await app.fstat(fd)).nlink, 1);
  await app.linkDescriptor(fd, 'two');
  assert.equal((await app.fstat(fd)).nlink, 2);
  await expect(app.linkDescriptor(fd, 'two'), 'EEXIST');
  await app.write(fd, ' more');
  await app.close(fd);
  assert.equal(await app.readText('one'), 'content more');
  assert.deepEqual(await app.names(), ['one', 'two']);
});

rootFact('an O_TMPFILE can be linked by AT_EMPTY_PATH', async ({ app }) => {
  const fd = await app.open('.', O.TMPFILE | O.WRONLY);
  await app.linkAt(fd, '', AT.FDCWD, 'named', AT.EMPTY_PATH);
  assert.equal((await app.stat('named')).ino, (await app.fstat(fd)).ino);
});

fact('an O_TMPFILE made with O_EXCL can never be linked', async ({ app }) => {
  const fd = await app.open('.', O.TMPFILE | O.WRONLY | O.EXCL);
  await expect(app.linkDescriptor(fd, 'named'), 'ENOENT');
});

fact('O_TMPFILE needs a directory and the right to write to the file', async ({ app }) => {
  await app.create('file');
  await expect(app.open('.', O.TMPFILE | O.RDONLY), 'EINVAL');
  await expect(app.open('file', O.TMPFILE | O.WRONLY), 'ENOTDIR');
  await expect(app.open('missing', O.TMPFILE | O.WRONLY), 'ENOENT');
});

rootFact(
  'O_TMPFILE needs the right to write to the directory, and takes its group when that is setgid',
  async (scene) => {
    const { app, start } = scene;
    await app.mkdir('closed', 0o755);
    await app.mkdir('open');
    await app.chown('open', -1, bob.gid);
    await app.chmod('open', 0o2777);
    const user = await start(alice);
    await expect(user.open('closed', O.TMPFILE | O.RDWR), 'EACCES');
    const stat = await user.fstat(await user.open('open', O.TMPFILE | O.RDWR));
    assert.deepEqual([stat.uid, stat.gid], [alice.uid, bob.gid]);
  },
);

fact('many O_TMPFILEs live at once and vanish at close', async ({ app }) => {
  const fds: number[] = [];
  for (let index = 0; index < 100; index++) fds.push(await app.open('.', O.TMPFILE | O.RDWR));
  for (const fd of fds) await app.pwrite(fd, `number ${fd}`, 0);
  for (const fd of fds) assert.equal((await app.pread(fd, 100, 0)).toString(), `number ${fd}`);
  for (const fd of fds) await app.close(fd);
  assert.deepEqual(await app.names(), []);
});
