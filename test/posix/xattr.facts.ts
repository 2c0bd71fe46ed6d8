import assert from 'node:assert/strict';
import { CAP, O, S, XATTR } from '../actor/index.ts';
import { alice, bob, expect, fact, rootFact } from './fact.ts';

fact('an attribute is set, read, changed and removed', async ({ app }) => {
  await app.create('file');
  await app.mkdir('directory');
  for (const path of ['file', 'directory']) {
    await app.setxattr(path, 'user.a', 'first');
    assert.equal((await app.getxattr(path, 'user.a')).toString(), 'first');
    await app.setxattr(path, 'user.a', 'a second, longer value');
    assert.equal((await app.getxattr(path, 'user.a')).toString(), 'a second, longer value');
    await app.setxattr(path, 'user.b', 'other');
    assert.deepEqual(await app.listxattr(path), ['user.a', 'user.b']);
    await app.removexattr(path, 'user.a');
    await expect(app.getxattr(path, 'user.a'), 'ENODATA');
    assert.deepEqual(await app.listxattr(path), ['user.b']);
  }
});

fact('a value may be empty and may hold every byte', async ({ app }) => {
  await app.create('file');
  await app.setxattr('file', 'user.empty', '');
  assert.equal((await app.getxattr('file', 'user.empty')).length, 0);
  assert.deepEqual(await app.listxattr('file'), ['user.empty']);
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
  await app.setxattr('file', 'user.bytes', bytes);
  assert((await app.getxattr('file', 'user.bytes')).equals(bytes));
  await app.setxattr('file', Buffer.from('user.\xff\x01 =', 'latin1'), 'odd name');
  assert.equal((await app.getxattr('file', Buffer.from('user.\xff\x01 =', 'latin1'))).toString(), 'odd name');
});

fact('what is missing gives ENODATA', async ({ app }) => {
  await app.create('file');
  await expect(app.getxattr('file', 'user.missing'), 'ENODATA');
  await expect(app.removexattr('file', 'user.missing'), 'ENODATA');
  await expect(app.setxattr('file', 'user.missing', 'a', XATTR.REPLACE), 'ENODATA');
  assert.deepEqual(await app.listxattr('file'), []);
});

fact('XATTR_CREATE and XATTR_REPLACE mean what they say', async ({ app }) => {
  await app.create('file');
  await expect(app.setxattr('file', 'user.a', '1', XATTR.CREATE), 'ok');
  await expect(app.setxattr('file', 'user.a', '2', XATTR.CREATE), 'EEXIST');
  await expect(app.setxattr('file', 'user.a', '3', XATTR.REPLACE), 'ok');
  assert.equal((await app.getxattr('file', 'user.a')).toString(), '3');
  await expect(app.setxattr('file', 'user.a', '4', 4), 'EINVAL');
});

fact('a buffer of 0 asks for the size, one that is too small gives ERANGE', async ({ app }) => {
  await app.create('file');
  await app.setxattr('file', 'user.a', 'x'.repeat(100));
  assert.equal((await app.call('getxattr', 'file', 'user.a', 0)).value, 100);
  await expect(app.getxattr('file', 'user.a', 99), 'ERANGE');
  await expect(app.getxattr('file', 'user.a', 100), 'ok');
  assert.equal((await app.call('listxattr', 'file', 0)).value, 'user.a'.length + 1);
  await expect(app.listxattr('file', 6), 'ERANGE');
  await expect(app.listxattr('file', 7), 'ok');
});

fact('names and values have limits', async ({ app }) => {
  await app.create('file');
  await expect(app.setxattr('file', `user.${'n'.repeat(250)}`, '1'), 'ok');
  await expect(app.setxattr('file', `user.${'n'.repeat(251)}`, '1'), 'ERANGE');
  await expect(app.setxattr('file', '', '1'), 'ERANGE');
  await expect(app.setxattr('file', 'user.', '1'), 'EINVAL');
  await expect(app.setxattr('file', 'user.a', Buffer.alloc(65_537)), 'E2BIG');
  assert.deepEqual(await app.listxattr('file'), [`user.${'n'.repeat(250)}`]);
});

fact(
  'a value of 64 KiB is kept',
  async ({ app }) => {
    await app.create('file');
    const value = Buffer.alloc(65_536, 'abcdefg');
    await app.setxattr('file', 'user.a', value);
    assert((await app.getxattr('file', 'user.a', 65_536)).equals(value));
  },
  { needs: ['largeXattrs'] },
);

fact('many attributes fit or give ENOSPC, and those that were set stay', async ({ app }) => {
  await app.create('file');
  let count = 0;
  try {
    for (; count < 100; count++) await app.setxattr('file', `user.name${count}`, 'v'.repeat(50));
  } catch (error) {
    assert.equal((error as { code: string }).code, 'ENOSPC');
  }
  assert(count >= 30);
  assert.equal((await app.listxattr('file')).length, count);
  for (let index = 0; index < count; index++) {
    assert.equal((await app.getxattr('file', `user.name${index}`)).toString(), 'v'.repeat(50));
  }
});

fact('an unknown namespace gives EOPNOTSUPP', async ({ app }) => {
  await app.create('file');
  for (const name of ['nonsense.a', 'a', 'system.nonsense', 'USER.a']) {
    await expect(app.setxattr('file', name, '1'), 'EOPNOTSUPP', name);
    await expect(app.getxattr('file', name), 'EOPNOTSUPP', name);
    await expect(app.removexattr('file', name), 'EOPNOTSUPP', name);
  }
});

fact('user attributes are for files and directories', async ({ app }) => {
  await app.mkfifo('fifo');
  await app.mknod('socket', S.IFSOCK | 0o644);
  await app.symlink('missing', 'symlink');
  for (const path of ['fifo', 'socket', 'symlink']) {
    await expect(app.call('lsetxattr', path, 'user.a', '1', 0), 'EPERM', path);
    await expect(app.call('lgetxattr', path, 'user.a', 10), 'ENODATA', path);
  }
});

rootFact('trusted attributes are for the administrator, and invisible to others', async ({ app, start }) => {
  await app.create('file', 0o666);
  await app.chmod('file', 0o666);
  await app.symlink('missing', 'symlink');
  await app.setxattr('file', 'trusted.a', 'secret');
  await app.setxattr('file', 'user.b', 'open');
  await app.call('lsetxattr', 'symlink', 'trusted.a', 'on a link', 0);
  assert.equal((await app.getxattr('file', 'trusted.a')).toString(), 'secret');
  assert.deepEqual(await app.listxattr('file'), ['trusted.a', 'user.b']);
  const user = await start(alice);
  assert.deepEqual(await user.listxattr('file'), ['user.b']);
  await expect(user.getxattr('file', 'trusted.a'), 'ENODATA');
  await expect(user.setxattr('file', 'trusted.a', '1'), 'EPERM');
  await expect(user.removexattr('file', 'trusted.a'), 'EPERM');
  const plain = await start({ without: [CAP.SYS_ADMIN] });
  await expect(plain.setxattr('file', 'trusted.a', '1'), 'EPERM');
});

rootFact('security attributes are read by all and set by the administrator', async ({ app, start }) => {
  await app.create('file');
  await app.chmod('file', 0o666);
  await app.setxattr('file', 'security.test', 'value');
  const user = await start(alice);
  assert.equal((await user.getxattr('file', 'security.test')).toString(), 'value');
  assert.deepEqual(await user.listxattr('file'), ['security.test']);
  await expect(user.setxattr('file', 'security.test', 'other'), 'EPERM');
  await expect(user.removexattr('file', 'security.test'), 'EPERM');
  await expect(app.removexattr('file', 'security.test'), 'ok');
});

rootFact('in a sticky directory of another its user attributes are for its owner', async ({ app, start }) => {
  await app.mkdir('sticky');
  await app.chown('sticky', bob.uid, bob.gid);
  await app.chmod('sticky', 0o1777);
  await expect((await start(alice)).setxattr('sticky', 'user.a', '1'), 'EPERM');
  await expect((await start(bob)).setxattr('sticky', 'user.a', '1'), 'ok');
});

fact('descriptors carry the calls too, also read-only ones', async ({ app }) => {
  await app.create('file');
  const fd = await app.open('file', O.RDONLY);
  await app.call('fsetxattr', fd, 'user.a', 'value', 0);
  assert.equal((await app.call('fgetxattr', fd, 'user.a', 0)).value, 5);
  assert.equal((await app.call('flistxattr', fd, 0)).value, 7);
  await app.call('fremovexattr', fd, 'user.a');
  assert.deepEqual(await app.listxattr('file'), []);
});

fact('attributes belong to the inode: they follow rename and link, and end with it', async ({ app }) => {
  await app.create('file');
  await app.setxattr('file', 'user.a', 'value');
  await app.rename('file', 'moved');
  await app.link('moved', 'linked');
  assert.equal((await app.getxattr('linked', 'user.a')).toString(), 'value');
  await app.setxattr('linked', 'user.b', 'second');
  assert.deepEqual(await app.listxattr('moved'), ['user.a', 'user.b']);
  await app.create('file');
  assert.deepEqual(await app.listxattr('file'), []);
  await app.rename('file', 'moved');
  assert.deepEqual(await app.listxattr('moved'), []);
  assert.deepEqual(await app.listxattr('linked'), ['user.a', 'user.b']);
});

fact('a change of an attribute is seen by another process at once', async ({ app, start }) => {
  const other = await start();
  await app.create('file');
  for (let round = 0; round < 10; round++) {
    await expect(other.getxattr('file', 'user.a'), 'ENODATA');
    await app.setxattr('file', 'user.a', `round ${round}`);
    assert.equal((await other.getxattr('file', 'user.a')).toString(), `round ${round}`);
    await other.removexattr('file', 'user.a');
  }
});
