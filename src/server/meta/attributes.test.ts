import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { type Ino, rootIno } from '#base';
import {
  type AttributeChanges,
  CAP_CHOWN,
  CAP_DAC_OVERRIDE,
  CAP_FOWNER,
  type Caller,
  FMODE_EXEC,
  FS_APPEND_FL,
  FS_IMMUTABLE_FL,
  FS_NODUMP_FL,
  MAY_READ,
  MAY_WRITE,
  O_APPEND,
  O_NOATIME,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  S_IFLNK,
  S_IFREG,
  superuser,
} from '#protocol';
import { root, user, VolumeFixture } from './fixture.contract.ts';

const owner = user(5, { groups: [50] });
const stranger = user(6);
const privileged: [string, number] = ['security.capability', 20];

/** A file of user 5 with setuid and setgid. */
async function ownedFile(mode = 0o6755) {
  const fixture = await VolumeFixture.make();
  const { ino } = fixture.make('f');
  fixture.set(ino, { uid: 5, gid: 5 });
  fixture.set(ino, { mode });
  fixture.call('setxattr', { caller: root, ino, name: privileged[0], value: new Uint8Array(privileged[1]), flags: 0 });
  return { fixture, ino };
}

function hasCapabilities({ fixture, ino }: { fixture: VolumeFixture; ino: Ino }): boolean {
  return fixture.call('listxattr', { caller: root, ino }).includes(privileged[0]);
}

const rights: { fact: string; caller: Caller; changes: AttributeChanges; status?: string }[] = [
  { fact: 'the owner may chmod', caller: owner, changes: { mode: 0o600 } },
  { fact: 'a stranger may not chmod', caller: stranger, changes: { mode: 0o777 }, status: 'notPermitted' },
  { fact: 'CAP_FOWNER may chmod', caller: user(6, { capabilities: [CAP_FOWNER] }), changes: { mode: 0o600 } },
  { fact: 'the owner may not give away', caller: owner, changes: { uid: 6 }, status: 'notPermitted' },
  { fact: 'the owner may set its own user', caller: owner, changes: { uid: 5 } },
  { fact: 'CAP_CHOWN may give away', caller: user(6, { capabilities: [CAP_CHOWN] }), changes: { uid: 6, gid: 9 } },
  { fact: 'the owner may set a group of its own', caller: owner, changes: { gid: 50 } },
  { fact: 'the owner may not set another group', caller: owner, changes: { gid: 51 }, status: 'notPermitted' },
  {
    fact: 'a stranger may not set times',
    caller: stranger,
    changes: { mtime: { sec: 1, nsec: 2 } },
    status: 'notPermitted',
  },
  { fact: 'a reader may not touch', caller: stranger, changes: { atime: 'now', mtime: 'now' }, status: 'accessDenied' },
  {
    fact: 'a writer may touch',
    caller: user(6, { capabilities: [CAP_DAC_OVERRIDE] }),
    changes: { atime: 'now', mtime: 'now' },
  },
  {
    fact: 'a writer may not set one time to now',
    caller: user(6, { capabilities: [CAP_DAC_OVERRIDE] }),
    changes: { mtime: 'now' },
    status: 'notPermitted',
  },
  { fact: 'a stranger may chown neither user nor group', caller: stranger, changes: {} },
  { fact: 'a caller that was checked may do all', caller: { ...superuser, uid: 6 }, changes: { mode: 0, uid: 7 } },
];
for (const { fact, caller, changes, status } of rights) {
  test(`setattr: ${fact}`, async () => {
    const { fixture, ino } = await ownedFile(0o755);
    if (status === undefined) fixture.set(ino, changes, caller);
    else assert.throws(() => fixture.set(ino, changes, caller), { status });
  });
}

for (const { fact, changes, mode, left } of [
  { fact: 'chown drops setuid, setgid and capabilities', changes: { uid: 5 }, mode: 0o6755, left: 0o755 },
  { fact: 'so does chown of neither user nor group', changes: {}, mode: 0o6755, left: 0o755 },
  { fact: 'chown by a member keeps setgid without group execution', changes: { gid: 5 }, mode: 0o6745, left: 0o2745 },
  {
    fact: 'killPrivileges drops them',
    changes: { mtime: 'now' as const, killPrivileges: true },
    mode: 0o6755,
    left: 0o755,
  },
]) {
  test(fact, async () => {
    const file = await ownedFile(mode);
    assert.equal(file.fixture.set(file.ino, changes).mode, S_IFREG | left);
    assert.equal(hasCapabilities(file), false);
  });
}

test('chown of a directory keeps setgid', async () => {
  const fixture = await VolumeFixture.make();
  const { ino } = fixture.mkdir('d');
  fixture.set(ino, { mode: 0o2755 });
  assert.equal(fixture.set(ino, { uid: 5 }).mode & 0o7777, 0o2755);
});

test('chmod by one outside the group leaves setgid off', async () => {
  const { fixture, ino } = await ownedFile(0o755);
  fixture.set(ino, { gid: 99 });
  assert.equal(fixture.set(ino, { mode: 0o2755 }, owner).mode, S_IFREG | 0o755);
  assert.equal(hasCapabilities({ fixture, ino }), false);
});

test('times keep nanoseconds before 1970 and after 2038', async () => {
  const { fixture, ino } = await ownedFile();
  const atime = { sec: -5_000_000_000, nsec: 999_999_999 };
  const mtime = { sec: 2 ** 33, nsec: 1 };
  const set = fixture.set(ino, { atime, mtime });
  assert.deepEqual(
    [set.atimeSec, set.atimeNsec, set.mtimeSec, set.mtimeNsec],
    [atime.sec, atime.nsec, mtime.sec, mtime.nsec],
  );
  assert.deepEqual(fixture.stat(ino), set);
});

test('a change of attributes moves ctime alone', async () => {
  const { fixture, ino } = await ownedFile();
  const before = fixture.stat(ino);
  const after = fixture.set(ino, { mode: 0o600 });
  assert.ok(after.ctimeNsec > before.ctimeNsec);
  assert.deepEqual([after.mtimeNsec, after.atimeNsec], [before.mtimeNsec, before.atimeNsec]);
});

for (const { fact, flags, changes, status } of [
  { fact: 'an immutable file refuses chmod', flags: FS_IMMUTABLE_FL, changes: { mode: 0 }, status: 'notPermitted' },
  {
    fact: 'an immutable file refuses touch',
    flags: FS_IMMUTABLE_FL,
    changes: { atime: 'now', mtime: 'now' },
    status: 'notPermitted',
  },
  { fact: 'an append-only file refuses chmod', flags: FS_APPEND_FL, changes: { mode: 0 }, status: 'notPermitted' },
  { fact: 'an append-only file refuses truncation', flags: FS_APPEND_FL, changes: { size: 0 }, status: 'notPermitted' },
  {
    fact: 'an append-only file accepts touch',
    flags: FS_APPEND_FL,
    changes: { atime: 'now', mtime: 'now' },
    status: undefined,
  },
] as { fact: string; flags: number; changes: AttributeChanges; status: string | undefined }[]) {
  test(`${fact}, even from a caller that was checked`, async () => {
    const { fixture, ino } = await ownedFile();
    fixture.call('setflags', { caller: root, ino, flags });
    if (status === undefined) fixture.set(ino, changes, superuser);
    else assert.throws(() => fixture.set(ino, changes, superuser), { status });
  });
}

for (const { fact, caller, flags, status } of [
  { fact: 'unknown flags', caller: root, flags: 0x4, status: 'notSupported' },
  { fact: 'a stranger', caller: stranger, flags: FS_NODUMP_FL, status: 'notPermitted' },
  {
    fact: 'immutable by the owner without CAP_LINUX_IMMUTABLE',
    caller: owner,
    flags: FS_IMMUTABLE_FL,
    status: 'notPermitted',
  },
]) {
  test(`setflags refuses ${fact}`, async () => {
    const { fixture, ino } = await ownedFile();
    assert.throws(() => fixture.call('setflags', { caller, ino, flags }), { status });
  });
}

for (const { fact, truncate } of [
  {
    fact: 'truncation',
    truncate: (fixture: VolumeFixture, ino: Ino, kill: boolean) =>
      void fixture.set(ino, { size: 0, mtime: 'now', killPrivileges: kill }),
  },
  {
    fact: 'O_TRUNC',
    truncate: (fixture: VolumeFixture, ino: Ino, kill: boolean) =>
      void fixture.call('open', { caller: root, ino, flags: O_WRONLY | O_TRUNC, killPrivileges: kill }),
  },
]) {
  test(`${fact} takes content and capabilities, and setuid when it kills privileges`, async () => {
    for (const { kill, mode } of [
      { kill: false, mode: 0o6755 },
      { kill: true, mode: 0o755 },
    ]) {
      const file = await ownedFile();
      const { fixture, ino } = file;
      assert.equal(fixture.set(ino, { size: 100 }).size, 100);
      fixture.call('setxattr', { caller: root, ino, name: privileged[0], value: new Uint8Array(20), flags: 0 });
      const before = fixture.stat(ino);
      truncate(fixture, ino, kill);
      const after = fixture.stat(ino);
      assert.deepEqual([after.size, after.mode], [0, S_IFREG | mode]);
      assert.ok(after.mtimeNsec > before.mtimeNsec && after.ctimeNsec > before.ctimeNsec);
      assert.equal(hasCapabilities(file), false);
    }
  });
}

for (const { fact, size, caller, hasHandle, status } of [
  { fact: 'takes the write bit', size: 1, caller: stranger, hasHandle: false, status: 'accessDenied' },
  { fact: 'needs no right with a handle', size: 1, caller: stranger, hasHandle: true, status: undefined },
  { fact: 'has a limit', size: 2 ** 53 - 1, caller: owner, hasHandle: false, status: 'fileTooLarge' },
]) {
  test(`truncation ${fact}`, async () => {
    const { fixture, ino } = await ownedFile(0o755);
    if (status === undefined) assert.equal(fixture.set(ino, { size, hasHandle }, caller).size, size);
    else assert.throws(() => fixture.set(ino, { size, hasHandle }, caller), { status });
  });
}

test('access counts capabilities of root only', async () => {
  const { fixture, ino } = await ownedFile(0o600);
  const capable = user(6, { capabilities: [CAP_DAC_OVERRIDE] });
  assert.throws(() => fixture.call('access', { caller: capable, ino, mask: MAY_READ }), { status: 'accessDenied' });
  fixture.call('access', { caller: root, ino, mask: MAY_READ | MAY_WRITE });
  fixture.call('access', { caller: owner, ino, mask: MAY_WRITE });
});

const opens: { fact: string; mode?: number; flags: number; inodeFlags?: number; caller?: Caller; status?: string }[] = [
  { fact: 'a stranger reads by the mode', flags: 0, caller: stranger },
  { fact: 'a stranger does not write', flags: O_WRONLY, caller: stranger, status: 'accessDenied' },
  { fact: 'executing takes the execute bit', mode: 0o644, flags: FMODE_EXEC, caller: stranger, status: 'accessDenied' },
  { fact: 'executing takes no read bit', mode: 0o711, flags: FMODE_EXEC, caller: stranger },
  { fact: 'O_TRUNC takes the write bit', flags: O_TRUNC, caller: stranger, status: 'accessDenied' },
  { fact: 'O_NOATIME is for owners', flags: O_NOATIME, caller: stranger, status: 'notPermitted' },
  {
    fact: 'an immutable file is not written',
    flags: O_RDWR,
    inodeFlags: FS_IMMUTABLE_FL,
    caller: superuser,
    status: 'notPermitted',
  },
  { fact: 'an append-only file takes O_APPEND', flags: O_WRONLY, inodeFlags: FS_APPEND_FL, status: 'notPermitted' },
  { fact: 'an append-only file is appended to', flags: O_WRONLY | O_APPEND, inodeFlags: FS_APPEND_FL },
  { fact: 'an append-only file is not truncated', flags: O_TRUNC, inodeFlags: FS_APPEND_FL, status: 'notPermitted' },
];
for (const { fact, mode = 0o755, flags, inodeFlags = 0, caller = root, status } of opens) {
  test(`open: ${fact}`, async () => {
    const { fixture, ino } = await ownedFile(mode);
    fixture.call('setflags', { caller: root, ino, flags: inodeFlags });
    const open = () => fixture.call('open', { caller, ino, flags, killPrivileges: false });
    if (status === undefined) assert.equal(open().storage, 'inline');
    else assert.throws(open, { status });
    assert.equal(fixture.volume.opens.has(ino), status === undefined);
  });
}

test('symlinks and directories are not opened as files', async () => {
  const fixture = await VolumeFixture.make();
  const symlink = fixture.make('l', { mode: S_IFLNK, target: 'x' }).ino;
  const open = (ino: Ino) => fixture.call('open', { caller: root, ino, flags: 0, killPrivileges: false });
  assert.throws(() => open(symlink), { status: 'tooManySymlinks' });
  assert.throws(() => open(rootIno), { status: 'isDirectory' });
  assert.throws(() => fixture.call('opendir', { caller: root, ino: symlink }), { status: 'notDirectory' });
  fixture.call('opendir', { caller: root, ino: rootIno });
});
