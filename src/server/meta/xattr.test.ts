import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { rootIno } from '#base';
import {
  CAP_SYS_ADMIN,
  type Caller,
  FS_IMMUTABLE_FL,
  S_IFDIR,
  S_IFIFO,
  S_IFREG,
  XATTR_CREATE,
  XATTR_REPLACE,
} from '#protocol';
import {
  ACL_GROUP_OBJ,
  ACL_MASK,
  ACL_OTHER,
  ACL_USER,
  ACL_USER_OBJ,
  accessAclName,
  defaultAclName,
  encodeAcl,
  parseAcl,
} from '#security';
import { check } from './check.ts';
import { root, user, VolumeFixture } from './fixture.contract.ts';

async function ownedFile(mode = 0o644) {
  const fixture = await VolumeFixture.make();
  const { ino } = fixture.make('f');
  fixture.set(ino, { uid: 5, gid: 5 });
  fixture.set(ino, { mode });
  const set = (name: string, value: Uint8Array, caller: Caller = root, flags = 0) =>
    fixture.call('setxattr', { caller, ino, name, value, flags });
  const get = (name: string, caller: Caller = root) => fixture.call('getxattr', { caller, ino, name });
  const list = (caller: Caller = root) => fixture.call('listxattr', { caller, ino });
  const remove = (name: string, caller: Caller = root) => fixture.call('removexattr', { caller, ino, name });
  return { fixture, ino, set, get, list, remove };
}

const bytes = (text: string): Uint8Array => Buffer.from(text);
const owner = user(5);
const stranger = user(6);
const entry = (tag: number, perm: number, id = 0xffffffff) => ({ tag, perm, id });
const extended = encodeAcl([
  entry(ACL_USER_OBJ, 7),
  entry(ACL_USER, 6, 6),
  entry(ACL_GROUP_OBJ, 0),
  entry(ACL_MASK, 6),
  entry(ACL_OTHER, 0),
]);
const minimal = encodeAcl([entry(ACL_USER_OBJ, 6), entry(ACL_GROUP_OBJ, 4), entry(ACL_OTHER, 0)]);

test('an attribute reads back, is listed, replaced and removed', async () => {
  const { fixture, set, get, list, remove } = await ownedFile();
  const value = bytes('one');
  set('user.a', value);
  value[0] = 0;
  assert.equal(Buffer.from(get('user.a')).toString(), 'one');
  assert.throws(() => set('user.a', bytes('two'), root, XATTR_CREATE), { status: 'exists' });
  set('user.a', bytes('two'), root, XATTR_REPLACE);
  assert.deepEqual(list(), ['user.a']);
  remove('user.a');
  assert.throws(() => get('user.a'), { status: 'noData' });
  assert.throws(() => remove('user.a'), { status: 'noData' });
  assert.throws(() => set('user.a', value, root, XATTR_REPLACE), { status: 'noData' });
  assert.deepEqual((await check(fixture.volume.store, fixture.volume.hashSeed)).found, []);
});

test('an empty value is a value', async () => {
  const { set, get } = await ownedFile();
  set('user.a', bytes(''));
  assert.equal(get('user.a').byteLength, 0);
});

for (const { fact, name, caller, status } of [
  { fact: 'the owner sets user attributes', name: 'user.a', caller: owner, status: undefined },
  { fact: 'a reader does not', name: 'user.a', caller: stranger, status: 'accessDenied' },
  { fact: 'trusted takes CAP_SYS_ADMIN', name: 'trusted.a', caller: owner, status: 'notPermitted' },
  { fact: 'security takes CAP_SYS_ADMIN', name: 'security.a', caller: owner, status: 'notPermitted' },
  { fact: 'ACLs are set by the owner', name: accessAclName, caller: owner, status: undefined },
  { fact: 'ACLs are not set by others', name: accessAclName, caller: stranger, status: 'notPermitted' },
  { fact: 'a file has no default ACL', name: defaultAclName, caller: owner, status: 'accessDenied' },
  { fact: 'other namespaces are refused', name: 'system.x', caller: root, status: 'notSupported' },
  { fact: 'a name needs more than a namespace', name: 'user.', caller: root, status: 'invalid' },
]) {
  test(`setxattr: ${fact}`, async () => {
    const { set } = await ownedFile();
    const value = name.startsWith('system.posix') ? extended : bytes('x');
    if (status === undefined) set(name, value, caller);
    else assert.throws(() => set(name, value, caller), { status });
  });
}

test('trusted attributes are hidden from those who may not read them', async () => {
  const { set, get, list } = await ownedFile();
  set('trusted.a', bytes('x'));
  set('user.a', bytes('x'));
  assert.deepEqual(list(stranger), ['user.a']);
  assert.throws(() => get('trusted.a', stranger), { status: 'noData' });
  assert.deepEqual(list(user(6, { capabilities: [CAP_SYS_ADMIN] })), ['trusted.a', 'user.a']);
});

test('only files and directories have user attributes', async () => {
  const fixture = await VolumeFixture.make();
  const { ino } = fixture.make('p', { mode: S_IFIFO | 0o666 });
  const request = { caller: root, ino, name: 'user.a' };
  assert.throws(() => fixture.call('setxattr', { ...request, value: bytes('x'), flags: 0 }), {
    status: 'notPermitted',
  });
  assert.throws(() => fixture.call('getxattr', request), { status: 'noData' });
});

test('in a sticky directory only the owner sets user attributes', async () => {
  const fixture = await VolumeFixture.make();
  const { ino } = fixture.mkdir('d');
  fixture.set(ino, { mode: 0o1777 });
  const request = { caller: stranger, ino, name: 'user.a', value: bytes('x'), flags: 0 };
  assert.throws(() => fixture.call('setxattr', request), { status: 'notPermitted' });
});

test('an immutable inode keeps its attributes', async () => {
  const { fixture, ino, set } = await ownedFile();
  fixture.call('setflags', { caller: root, ino, flags: FS_IMMUTABLE_FL });
  assert.throws(() => set('user.a', bytes('x')), { status: 'notPermitted' });
});

test('names of attributes never take more than a listing can return', async () => {
  const { set } = await ownedFile();
  const name = (i: number) => `user.${String(i).padStart(250, 'x')}`;
  for (let i = 0; i < 256; i++) set(name(i), bytes('x'));
  assert.throws(() => set(name(256), bytes('x')), { status: 'noSpace' });
  set(name(3), bytes('y'));
});

test('an access ACL sets the mode, chmod sets the ACL, and a minimal one is not kept', async () => {
  const { fixture, ino, set, get, list, remove } = await ownedFile();
  set(accessAclName, extended);
  assert.equal(fixture.stat(ino).mode, S_IFREG | 0o760);
  assert.equal(fixture.stat(ino).hasAcl, true);
  fixture.set(ino, { mode: 0o640 });
  const entries = parseAcl(get(accessAclName));
  assert.ok(Array.isArray(entries));
  assert.deepEqual(
    entries.map(({ perm }) => perm),
    [6, 6, 0, 4, 0],
  );
  assert.throws(() => fixture.call('open', { caller: user(7), ino, flags: 0, killPrivileges: false }), {
    status: 'accessDenied',
  });
  fixture.call('open', { caller: user(6), ino, flags: 0, killPrivileges: false });
  set(accessAclName, minimal);
  assert.equal(fixture.stat(ino).mode, S_IFREG | 0o640);
  assert.deepEqual(list(), []);
  assert.equal(fixture.stat(ino).hasAcl, false);
  remove(accessAclName);
});

test('an ACL that is not valid is refused', async () => {
  const { set } = await ownedFile();
  assert.throws(() => set(accessAclName, extended.subarray(0, 20)), { status: 'invalid' });
});

test('a default ACL takes the place of the umask and is handed down', async () => {
  const fixture = await VolumeFixture.make();
  const parent = fixture.mkdir('d').ino;
  fixture.call('setxattr', { caller: root, ino: parent, name: defaultAclName, value: extended, flags: 0 });
  const file = fixture.make('f', { parent, mode: S_IFREG | 0o666, umask: 0o077 });
  assert.equal(file.mode, S_IFREG | 0o660);
  const entries = parseAcl(fixture.call('getxattr', { caller: root, ino: file.ino, name: accessAclName }));
  assert.ok(Array.isArray(entries));
  assert.deepEqual(
    entries.map(({ perm }) => perm),
    [6, 6, 0, 6, 0],
  );
  const directory = fixture.mkdir('sub', { parent, mode: S_IFDIR | 0o777 });
  assert.equal(directory.mode, S_IFDIR | 0o760);
  assert.deepEqual(fixture.call('listxattr', { caller: root, ino: directory.ino }), [accessAclName, defaultAclName]);
  assert.deepEqual((await check(fixture.volume.store, fixture.volume.hashSeed)).found, []);
  fixture.call('removexattr', { caller: root, ino: parent, name: defaultAclName });
  assert.equal(fixture.stat(parent).hasAcl, false);
  assert.equal(fixture.make('g', { parent, mode: S_IFREG | 0o666, umask: 0o077 }).mode, S_IFREG | 0o600);
  assert.equal(fixture.stat(rootIno).hasAcl, false);
});
