import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { type Ino, rootIno } from '#base';
import {
  CAP_FSETID,
  FS_APPEND_FL,
  FS_IMMUTABLE_FL,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFREG,
  S_ISGID,
} from '#protocol';
import { check } from './check.ts';
import { root, user, VolumeFixture } from './fixture.contract.ts';
import { getInode, putInode } from './inode.ts';

async function assertSound({ volume }: VolumeFixture): Promise<void> {
  assert.deepEqual((await check(volume.store, volume.hashSeed)).found, []);
}

test('a new file has the owner, mode and times of its making', async () => {
  const fixture = await VolumeFixture.make();
  const made = fixture.make('f', { caller: root, mode: S_IFREG | 0o666, umask: 0o027 });
  assert.equal(made.mode, S_IFREG | 0o640);
  assert.deepEqual([made.uid, made.gid, made.nlink, made.size], [0, 0, 1, 0]);
  assert.deepEqual([made.btimeNsec, made.mtimeNsec, made.atimeNsec], [made.ctimeNsec, made.ctimeNsec, made.ctimeNsec]);
  assert.deepEqual(fixture.lookup('f'), made);
  const parent = fixture.stat(rootIno);
  assert.deepEqual([parent.mtimeNsec, parent.ctimeNsec], [made.ctimeNsec, made.ctimeNsec]);
});

test('an absent name is undefined, and one in a removed directory is notFound', async () => {
  const fixture = await VolumeFixture.make();
  assert.equal(fixture.lookup('f'), undefined);
  const directory = fixture.mkdir('d').ino;
  fixture.call('rmdir', { caller: root, parent: rootIno, name: 'd' });
  assert.throws(() => fixture.lookup('f', directory), { status: 'notFound' });
  assert.throws(() => fixture.make('f', { parent: directory }), { status: 'notFound' });
  assert.throws(() => fixture.stat(directory), { status: 'stale' });
});

test('. and .. are answered', async () => {
  const fixture = await VolumeFixture.make();
  const outer = fixture.mkdir('outer').ino;
  const inner = fixture.mkdir('inner', { parent: outer }).ino;
  assert.equal(fixture.lookup('.', inner)!.ino, inner);
  assert.equal(fixture.lookup('..', inner)!.ino, outer);
  assert.equal(fixture.lookup('..', rootIno)!.ino, rootIno);
});

test('a directory counts its subdirectories and a file its names', async () => {
  const fixture = await VolumeFixture.make();
  const directory = fixture.mkdir('d').ino;
  assert.equal(fixture.stat(rootIno).nlink, 3);
  const { ino } = fixture.make('f');
  assert.equal(fixture.call('link', { caller: root, ino, parent: directory, name: 'g' }).nlink, 2);
  fixture.call('unlink', { caller: root, parent: rootIno, name: 'f' });
  assert.equal(fixture.lookup('g', directory)!.nlink, 1);
  await assertSound(fixture);
  assert.throws(() => fixture.call('rmdir', { caller: root, parent: rootIno, name: 'd' }), { status: 'notEmpty' });
  fixture.call('unlink', { caller: root, parent: directory, name: 'g' });
  fixture.call('rmdir', { caller: root, parent: rootIno, name: 'd' });
  assert.equal(fixture.stat(rootIno).nlink, 2);
  assert.throws(() => fixture.stat(ino), { status: 'stale' });
  await assertSound(fixture);
});

test('a file with 65,000 names gets no more', async () => {
  const fixture = await VolumeFixture.make();
  const { ino } = fixture.make('f');
  const link = (name: string) => fixture.call('link', { caller: root, ino, parent: rootIno, name });
  await fixture.volume.store.transact((tx) => putInode(tx, { ...getInode(tx, ino)!, nlink: 64_999 }));
  assert.equal(link('last').nlink, 65_000);
  assert.throws(() => link('one too many'), { status: 'tooManyLinks' });
});

test('an unlinked file lives until its last open ends', async () => {
  const fixture = await VolumeFixture.make();
  const { ino } = fixture.make('f', { open: true });
  fixture.call('open', { caller: root, ino, flags: 0, killPrivileges: false });
  fixture.call('unlink', { caller: root, parent: rootIno, name: 'f' });
  assert.equal(fixture.stat(ino).nlink, 0);
  assert.throws(() => fixture.call('link', { caller: root, ino, parent: rootIno, name: 'g' }), { status: 'notFound' });
  fixture.call('release', { ino, count: 1 });
  assert.equal(fixture.stat(ino).nlink, 0);
  await assertSound(fixture);
  fixture.call('release', { ino, count: 1 });
  assert.throws(() => fixture.stat(ino), { status: 'stale' });
  await assertSound(fixture);
});

test('a file made without a name may get one, once', async () => {
  const fixture = await VolumeFixture.make();
  const { ino } = fixture.call('makeUnnamed', { caller: root, parent: rootIno, mode: 0o600, umask: 0 });
  assert.deepEqual(fixture.names(), []);
  await assertSound(fixture);
  assert.equal(fixture.call('link', { caller: root, ino, parent: rootIno, name: 'f' }).nlink, 1);
  await assertSound(fixture);
  fixture.call('unlink', { caller: root, parent: rootIno, name: 'f' });
  assert.throws(() => fixture.call('link', { caller: root, ino, parent: rootIno, name: 'f' }), { status: 'notFound' });
  fixture.call('release', { ino, count: 1 });
  assert.throws(() => fixture.stat(ino), { status: 'stale' });
});

test('what a symlink points at reads back byte by byte', async () => {
  const fixture = await VolumeFixture.make();
  const target = '../\xff\x01 x';
  const { ino, mode, size } = fixture.make('l', { mode: S_IFLNK | 0o777, target, umask: 0o077 });
  assert.deepEqual([mode, size], [S_IFLNK | 0o777, target.length]);
  assert.equal(fixture.call('readlink', { ino }), target);
  assert.throws(() => fixture.call('readlink', { ino: rootIno }), { status: 'invalid' });
});

for (const { fact, options, status } of [
  { fact: 'a name that exists', options: { name: 'f' }, status: 'exists' },
  { fact: 'a name in a file', options: { name: 'x', parent: 2 as Ino }, status: 'notDirectory' },
  { fact: 'a name of 256 bytes', options: { name: 'x'.repeat(256) }, status: 'nameTooLong' },
  { fact: 'a symlink to 4,096 bytes', options: { mode: S_IFLNK, target: 'x'.repeat(4096) }, status: 'nameTooLong' },
  { fact: 'a device by a plain user', options: { mode: S_IFCHR, rdev: 259, caller: user(5) }, status: 'notPermitted' },
  { fact: 'a file by a stranger', options: { caller: user(5) }, status: 'accessDenied' },
  { fact: 'a mode without type', options: { mode: 0o644 }, status: 'invalid' },
]) {
  test(`make refuses ${fact}`, async () => {
    const fixture = await VolumeFixture.make();
    assert.equal(fixture.make('f').ino, 2);
    assert.throws(() => fixture.make('new', options), { status });
    await assertSound(fixture);
  });
}

test('in a setgid directory new inodes get its group, directories setgid too', async () => {
  const fixture = await VolumeFixture.make();
  const parent = fixture.mkdir('d').ino;
  fixture.set(parent, { gid: 77, mode: 0o2777 });
  const caller = user(5);
  const directory = fixture.mkdir('sub', { parent, caller });
  assert.deepEqual([directory.gid, directory.mode], [77, S_IFDIR | 0o2755]);
  const plain = fixture.make('f', { parent, caller, mode: S_IFREG | 0o2755 });
  assert.deepEqual([plain.gid, plain.mode], [77, S_IFREG | 0o755]);
  const member = user(5, { groups: [77] });
  assert.equal(fixture.make('g', { parent, caller: member, mode: S_IFREG | 0o2755 }).mode, S_IFREG | 0o2755);
  const capable = user(5, { capabilities: [CAP_FSETID] });
  assert.equal(fixture.make('h', { parent, caller: capable, mode: S_IFIFO | 0o2710 }).mode & S_ISGID, S_ISGID);
});

test('a listing goes on after any cookie while names come and go', async () => {
  const fixture = await VolumeFixture.make();
  const all = Array.from({ length: 200 }, (_, i) => `name-${i}`);
  for (const name of all) fixture.make(name);
  const seen: string[] = [];
  let cookie = 0;
  for (;;) {
    const page = fixture.call('readdir', { ino: rootIno, cookie, limit: 7, withAttributes: true });
    for (const entry of page) {
      seen.push(entry.name);
      assert.equal(entry.attributes!.ino, entry.ino);
      fixture.call('unlink', { caller: root, parent: rootIno, name: entry.name });
    }
    if (page.length < 7) break;
    cookie = page.at(-1)!.cookie;
  }
  assert.deepEqual(seen.sort(), all.sort());
});

test('immutable and append-only inodes keep their names', async () => {
  const fixture = await VolumeFixture.make();
  const { ino } = fixture.make('f');
  for (const flags of [FS_IMMUTABLE_FL, FS_APPEND_FL]) {
    fixture.call('setflags', { caller: root, ino, flags });
    const refused = { status: 'notPermitted' };
    assert.throws(() => fixture.call('unlink', { caller: root, parent: rootIno, name: 'f' }), refused);
    assert.throws(() => fixture.rename([rootIno, 'f'], [rootIno, 'g']), refused);
    assert.throws(() => fixture.call('link', { caller: root, ino, parent: rootIno, name: 'g' }), refused);
  }
  const directory = fixture.mkdir('d').ino;
  fixture.make('x', { parent: directory });
  fixture.call('setflags', { caller: root, ino: directory, flags: FS_APPEND_FL });
  fixture.make('y', { parent: directory });
  assert.throws(() => fixture.call('unlink', { caller: root, parent: directory, name: 'x' }), {
    status: 'notPermitted',
  });
  fixture.call('setflags', { caller: root, ino: directory, flags: FS_IMMUTABLE_FL });
  assert.throws(() => fixture.make('z', { parent: directory }), { status: 'notPermitted' });
});

test('after a restart no inode number comes again and orphans are gone', async () => {
  const first = await VolumeFixture.make();
  const { ino } = first.make('f', { open: true });
  first.call('unlink', { caller: root, parent: rootIno, name: 'f' });
  await first.volume.store.flush();
  const second = await VolumeFixture.over(first.volume.store);
  assert.equal(await second.removeOrphans(), 1);
  assert.throws(() => second.stat(ino), { status: 'stale' });
  assert.ok(second.make('g').ino > ino);
  await assertSound(second);
});
