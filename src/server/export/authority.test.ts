import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { FsError, type Ino, rootIno, type Status } from '#base';
import {
  type AttributeChanges,
  CAP_DAC_OVERRIDE,
  type Caller,
  FS_IMMUTABLE_FL,
  MAY_READ,
  MAY_WRITE,
  O_NOATIME,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  S_IFDIR,
  S_IFREG,
  S_ISGID,
  S_ISUID,
} from '#protocol';
import {
  ACL_GROUP_OBJ,
  ACL_MASK,
  ACL_OTHER,
  ACL_USER,
  ACL_USER_OBJ,
  accessAclName,
  type Export,
  encodeAcl,
} from '#security';
import { ContentFixture, clientRoot, ExportedClient, user } from './exported-client.contract.ts';

/** What each call is allowed to whom, on the server, of a client whose root is nobody and whose kernel says nothing. */

const owner = user(1000, { gid: 100 });
const member = user(1001, { gid: 1001, groups: [100] });
const other = user(1002);
const named = user(1003);
const squashed: Partial<Export> = { squash: 'root' };

interface World {
  readonly client: ExportedClient;
  readonly trusted: ExportedClient;
  /** 0750, of the owner and its group, with an entry for the named user where the test asks for an ACL. */
  readonly directory: Ino;
  /** Likewise, 0640. */
  readonly file: Ino;
}

async function makeWorld(): Promise<World> {
  const fixture = await ContentFixture.open();
  const trusted = await ExportedClient.of(fixture);
  const directory = await trusted.mkdir('d', { mode: S_IFDIR | 0o750 });
  const file = await trusted.make('f', { parent: directory.ino, mode: S_IFREG | 0o640 });
  for (const { ino } of [directory, file]) {
    await trusted.call('setattr', { caller: clientRoot, ino, changes: { uid: 1000, gid: 100 } });
  }
  for (const [ino, perm] of [
    [directory.ino, 7],
    [file.ino, 6],
  ] as const) {
    const value = encodeAcl([
      { tag: ACL_USER_OBJ, perm, id: 0xffffffff },
      { tag: ACL_USER, perm, id: 1003 },
      { tag: ACL_GROUP_OBJ, perm: perm & 5, id: 0xffffffff },
      { tag: ACL_MASK, perm, id: 0xffffffff },
      { tag: ACL_OTHER, perm: 0, id: 0xffffffff },
    ]);
    await trusted.call('setxattr', { caller: clientRoot, ino, name: accessAclName, value, flags: 0 });
  }
  const client = await ExportedClient.of(fixture, squashed);
  return { client, trusted, directory: directory.ino, file: file.ino };
}

type Attempt = (world: World, caller: Caller) => Promise<unknown>;

const set =
  (changes: AttributeChanges): Attempt =>
  ({ client, file }, caller) =>
    client.call('setattr', { caller, ino: file, changes });
const openFile =
  (flags: number): Attempt =>
  ({ client, file }, caller) =>
    client.open(file, flags, caller);

/** `ok`, or the status that the call fails with, for owner, member, other and the user whom the ACL names. */
const rows: readonly (readonly [string, Attempt, readonly (Status | 'ok')[]])[] = [
  [
    'lookup',
    ({ client, directory }, caller) => client.lookup('f', directory, caller),
    ['ok', 'ok', 'accessDenied', 'ok'],
  ],
  [
    'opendir',
    ({ client, directory: ino }, caller) => client.call('opendir', { caller, ino }),
    ['ok', 'ok', 'accessDenied', 'ok'],
  ],
  ['readdir', ({ client, directory }, caller) => client.names(directory, caller), ['ok', 'ok', 'accessDenied', 'ok']],
  ['open for reading', openFile(O_RDONLY), ['ok', 'ok', 'accessDenied', 'ok']],
  ['open for writing', openFile(O_WRONLY), ['ok', 'accessDenied', 'accessDenied', 'ok']],
  ['open for both', openFile(O_RDWR), ['ok', 'accessDenied', 'accessDenied', 'ok']],
  ['open and truncate', openFile(O_RDONLY | O_TRUNC), ['ok', 'accessDenied', 'accessDenied', 'ok']],
  ['open without atime', openFile(O_RDONLY | O_NOATIME), ['ok', 'notPermitted', 'accessDenied', 'notPermitted']],
  [
    'access to read',
    ({ client, file: ino }, caller) => client.call('access', { caller, ino, mask: MAY_READ }),
    ['ok', 'ok', 'accessDenied', 'ok'],
  ],
  [
    'access to write',
    ({ client, file: ino }, caller) => client.call('access', { caller, ino, mask: MAY_WRITE }),
    ['ok', 'accessDenied', 'accessDenied', 'ok'],
  ],
  [
    'make',
    ({ client, directory: parent }, caller) => client.make('x', { caller, parent }),
    ['ok', 'accessDenied', 'accessDenied', 'ok'],
  ],
  [
    'mkdir',
    ({ client, directory: parent }, caller) => client.mkdir('x', { caller, parent }),
    ['ok', 'accessDenied', 'accessDenied', 'ok'],
  ],
  [
    'make without a name',
    ({ client, directory: parent }, caller) => client.call('makeUnnamed', { caller, parent, mode: 0o600, umask: 0 }),
    ['ok', 'accessDenied', 'accessDenied', 'ok'],
  ],
  [
    'link',
    ({ client, file: ino, directory: parent }, caller) => client.call('link', { caller, ino, parent, name: 'x' }),
    ['ok', 'accessDenied', 'accessDenied', 'ok'],
  ],
  [
    'unlink',
    ({ client, directory: parent }, caller) => client.call('unlink', { caller, parent, name: 'f' }),
    ['ok', 'accessDenied', 'accessDenied', 'ok'],
  ],
  [
    'rename',
    ({ client, directory }, caller) =>
      client.call('rename', { caller, parent: directory, name: 'f', newParent: directory, newName: 'g', flags: 0 }),
    ['ok', 'accessDenied', 'accessDenied', 'ok'],
  ],
  ['chmod', set({ mode: 0o600 }), ['ok', 'notPermitted', 'notPermitted', 'notPermitted']],
  ['chown', set({ uid: 5 }), ['notPermitted', 'notPermitted', 'notPermitted', 'notPermitted']],
  ['chgrp to a group of the caller', set({ gid: 100 }), ['ok', 'notPermitted', 'notPermitted', 'notPermitted']],
  ['chgrp to a strange group', set({ gid: 7 }), ['notPermitted', 'notPermitted', 'notPermitted', 'notPermitted']],
  ['truncate', set({ size: 3 }), ['ok', 'accessDenied', 'accessDenied', 'ok']],
  ['times of now', set({ atime: 'now', mtime: 'now' }), ['ok', 'accessDenied', 'accessDenied', 'ok']],
  [
    'times of one’s choice',
    set({ mtime: { sec: 1, nsec: 0 } }),
    ['ok', 'notPermitted', 'notPermitted', 'notPermitted'],
  ],
  ['the change time', set({ ctime: { sec: 1, nsec: 0 } }), ['ok', 'notPermitted', 'notPermitted', 'notPermitted']],
  ['taking privileges away', set({ killPrivileges: true }), ['ok', 'notPermitted', 'notPermitted', 'notPermitted']],
  [
    'setting a user attribute',
    ({ client, file: ino }, caller) =>
      client.call('setxattr', { caller, ino, name: 'user.a', value: new Uint8Array(1), flags: 0 }),
    ['ok', 'accessDenied', 'accessDenied', 'ok'],
  ],
  [
    'reading a user attribute that is not there',
    ({ client, file: ino }, caller) => client.call('getxattr', { caller, ino, name: 'user.a' }),
    ['noData', 'noData', 'accessDenied', 'noData'],
  ],
  [
    'setting a trusted attribute',
    ({ client, file: ino }, caller) =>
      client.call('setxattr', { caller, ino, name: 'trusted.a', value: new Uint8Array(1), flags: 0 }),
    ['notPermitted', 'notPermitted', 'notPermitted', 'notPermitted'],
  ],
  [
    'removing the ACL',
    ({ client, file: ino }, caller) => client.call('removexattr', { caller, ino, name: accessAclName }),
    ['ok', 'notPermitted', 'notPermitted', 'notPermitted'],
  ],
  [
    'flags',
    ({ client, file: ino }, caller) => client.call('setflags', { caller, ino, flags: 0 }),
    ['ok', 'notPermitted', 'notPermitted', 'notPermitted'],
  ],
  [
    'immutable',
    ({ client, file: ino }, caller) => client.call('setflags', { caller, ino, flags: FS_IMMUTABLE_FL }),
    ['notPermitted', 'notPermitted', 'notPermitted', 'notPermitted'],
  ],
];

async function outcome(attempt: Promise<unknown>): Promise<Status | 'ok'> {
  try {
    await attempt;
    return 'ok';
  } catch (error) {
    if (error instanceof FsError) return error.status;
    throw error;
  }
}

for (const [call, attempt, expected] of rows) {
  test(`${call}: owner, member, other, named by the ACL`, async () => {
    const found: (Status | 'ok')[] = [];
    for (const caller of [owner, member, other, named]) found.push(await outcome(attempt(await makeWorld(), caller)));
    assert.deepEqual(found, expected);
  });
}

test('a root that is nobody and a caller who asserts capabilities are strangers to every call', async () => {
  const mighty = user(1002, { capabilities: [CAP_DAC_OVERRIDE] });
  for (const [call, attempt, expected] of rows) {
    assert.equal(await outcome(attempt(await makeWorld(), clientRoot)), expected[2], `${call} by root`);
    assert.equal(await outcome(attempt(await makeWorld(), mighty)), expected[2], `${call} by the mighty`);
  }
});

test('in a sticky directory names are removed by their owners alone', async () => {
  const { client, trusted } = await makeWorld();
  const { ino: parent } = await trusted.mkdir('tmp', { mode: S_IFDIR | 0o1777 });
  await client.make('mine', { parent, caller: owner });
  const removal = { parent, name: 'mine' };
  assert.equal(await outcome(client.call('unlink', { caller: member, ...removal })), 'notPermitted');
  const moved = { parent, name: 'mine', newParent: parent, newName: 'x', flags: 0 };
  assert.equal(await outcome(client.call('rename', { caller: other, ...moved })), 'notPermitted');
  assert.equal(await outcome(client.call('unlink', { caller: owner, ...removal })), 'ok');
});

test('setgid is for members: taken away at chmod by others, and setuid and setgid at chown', async () => {
  const { client, trusted, file } = await makeWorld();
  const chmod = async (caller: Caller) =>
    (await client.call('setattr', { caller, ino: file, changes: { mode: 0o6750 } })).mode & (S_ISUID | S_ISGID);
  assert.equal(await chmod(owner), S_ISUID | S_ISGID);
  assert.equal(await chmod(user(1000, { gid: 7 })), S_ISUID);
  await chmod(owner);
  await trusted.call('setattr', { caller: clientRoot, ino: file, changes: { uid: 5 } });
  assert.equal((await client.call('getattr', { ino: file })).mode & (S_ISUID | S_ISGID), 0);
});

test('names are checked on the server', async () => {
  const { client } = await makeWorld();
  const make = (name: string) => outcome(client.make(name, { caller: clientRoot, parent: rootIno }));
  const trusted = await makeWorld();
  const makeTrusted = (name: string) => outcome(trusted.trusted.make(name));
  assert.deepEqual(await Promise.all(['a/b', 'a\0b', '', 'x'.repeat(256), '.', '..'].map(makeTrusted)), [
    'invalid',
    'invalid',
    'notFound',
    'nameTooLong',
    'exists',
    'exists',
  ]);
  assert.equal(await make('a/b'), 'invalid');
});
