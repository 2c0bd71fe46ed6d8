import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { type Ino, rootIno } from '#base';
import {
  CAP_CHOWN,
  CAP_DAC_OVERRIDE,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  RENAME_EXCHANGE,
  S_IFDIR,
  S_IFREG,
  S_ISUID,
} from '#protocol';
import {
  ACL_GROUP_OBJ,
  ACL_MASK,
  ACL_OTHER,
  ACL_USER,
  ACL_USER_OBJ,
  accessAclName,
  encodeAcl,
  IdMap,
  parseAcl,
} from '#security';
import { ContentFixture, clientRoot, ExportedClient, user } from './exported-client.contract.ts';

/** `/outside/secret` and `/in/side/file`; the export is `/in/side`. */
async function makeTree() {
  const fixture = await ContentFixture.open();
  const server = await ExportedClient.of(fixture);
  const outside = await server.mkdir('outside');
  const secret = await server.make('secret', { parent: outside.ino, open: true });
  await server.write(secret.ino, 'secret');
  const upper = await server.mkdir('in');
  const root = await server.mkdir('side', { parent: upper.ino, mode: S_IFDIR | 0o777 });
  const file = await server.make('file', { parent: root.ino });
  const client = await ExportedClient.of(fixture, { path: ['in', 'side'] });
  return { fixture, server, client, outside, secret, upper, root, file };
}

test('the root of an export is inode 1, and .. ends there', async () => {
  const { client, server, root, upper } = await makeTree();
  const shown = await client.call('getattr', { ino: rootIno });
  assert.deepEqual(shown, { ...(await server.call('getattr', { ino: root.ino })), ino: rootIno });
  assert.equal((await client.lookup('.'))!.ino, rootIno);
  assert.equal((await client.lookup('..'))!.ino, rootIno);
  assert.deepEqual(await client.names(), ['file']);
  const below = await client.mkdir('d');
  assert.equal((await client.lookup('..', below.ino))!.ino, rootIno);
  await assert.rejects(client.lookup('..', upper.ino), { status: 'notFound' });
  await assert.rejects(client.call('getattr', { ino: root.ino }), { status: 'stale' });
});

test('what lies outside is gone for every call that names it by number, as what never was', async () => {
  const { client, secret, outside } = await makeTree();
  const never = 999_999 as Ino;
  for (const ino of [secret.ino, outside.ino, never]) {
    const asInode = { status: 'stale', message: `inode ${ino} is gone` };
    const asParent = { status: 'notFound', message: `directory ${ino} was removed` };
    await assert.rejects(client.call('getattr', { ino }), asInode);
    await assert.rejects(client.open(ino, O_RDONLY), asInode);
    await assert.rejects(client.names(ino), asInode);
    await assert.rejects(client.call('link', { caller: clientRoot, ino, parent: rootIno, name: 'x' }), asInode);
    await assert.rejects(client.lookup('secret', ino), asParent);
    await assert.rejects(client.make('x', { parent: ino }), asParent);
    const moved = { caller: clientRoot, parent: rootIno, name: 'file', newParent: ino, newName: 'x', flags: 0 };
    await assert.rejects(client.call('rename', moved), asParent);
    await assert.rejects(client.read(ino), { status: 'badHandle' });
  }
});

test('a directory that moves out takes along what is below it, and one that moves in brings it', async () => {
  const { client, server, root, outside } = await makeTree();
  const directory = await client.mkdir('d');
  const deep = await client.mkdir('deep', { parent: directory.ino });
  const file = await client.make('f', { parent: deep.ino });
  const move = (from: Ino, to: Ino) =>
    server.call('rename', { caller: clientRoot, parent: from, name: 'd', newParent: to, newName: 'd', flags: 0 });
  await move(root.ino, outside.ino);
  await assert.rejects(client.call('getattr', { ino: file.ino }), { status: 'stale' });
  await assert.rejects(client.names(deep.ino), { status: 'stale' });
  await move(outside.ino, root.ino);
  assert.equal((await client.call('getattr', { ino: file.ino })).ino, file.ino);
});

test('a file is there as long as one of its names is', async () => {
  const { client, server, root, outside, secret } = await makeTree();
  await server.call('link', { caller: clientRoot, ino: secret.ino, parent: root.ino, name: 'shared' });
  await client.open(secret.ino, O_RDONLY);
  assert.equal(await client.read(secret.ino), 'secret');
  await server.call('unlink', { caller: clientRoot, parent: root.ino, name: 'shared' });
  await assert.rejects(client.call('getattr', { ino: secret.ino }), { status: 'stale' });
  await assert.rejects(client.read(secret.ino), { status: 'stale' });
  assert.deepEqual(await server.names(outside.ino), ['secret']);
});

test('a file without names is there for the session that has it open, and for no other', async () => {
  const { fixture, client, server, secret, outside } = await makeTree();
  const file = await client.make('f', { open: true });
  await client.write(file.ino, 'mine');
  await client.call('unlink', { caller: clientRoot, parent: rootIno, name: 'f' });
  assert.equal(await client.read(file.ino), 'mine');
  const other = await ExportedClient.of(fixture, { path: ['in', 'side'] });
  await assert.rejects(other.call('getattr', { ino: file.ino }), { status: 'stale' });
  await assert.rejects(other.open(file.ino, O_RDONLY), { status: 'stale' });
  await server.call('unlink', { caller: clientRoot, parent: outside.ino, name: 'secret' });
  await assert.rejects(client.call('getattr', { ino: secret.ino }), { status: 'stale' });
  const unnamed = await client.call('makeUnnamed', { caller: clientRoot, parent: rootIno, mode: 0o600, umask: 0 });
  await client.call('link', { caller: clientRoot, ino: unnamed.ino, parent: rootIno, name: 'named' });
  assert.deepEqual(await client.names(), ['file', 'named']);
});

test('a read-only export reads and changes nothing', async () => {
  const { fixture, file } = await makeTree();
  const client = await ExportedClient.of(fixture, { path: ['in', 'side'], readOnly: true });
  assert.deepEqual(await client.names(), ['file']);
  await client.open(file.ino, O_RDONLY);
  const before = await client.call('getattr', { ino: file.ino });
  assert.equal(await client.read(file.ino), '');
  assert.deepEqual(await client.call('getattr', { ino: file.ino }), before);
  const refused = { status: 'readOnly' };
  await assert.rejects(client.open(file.ino, O_RDWR), refused);
  await assert.rejects(client.make('x'), refused);
  await assert.rejects(client.write(file.ino, 'x'), refused);
  await assert.rejects(client.call('setattr', { caller: clientRoot, ino: file.ino, changes: { mode: 0 } }), refused);
  await assert.rejects(client.call('unlink', { caller: clientRoot, parent: rootIno, name: 'file' }), refused);
  const names = { parent: rootIno, name: 'file', newParent: rootIno, newName: 'file', flags: RENAME_EXCHANGE };
  await assert.rejects(client.call('rename', { caller: clientRoot, ...names }), refused);
});

test('a squashed root is nobody, and no capability helps it or anybody', async () => {
  const { fixture, server, file } = await makeTree();
  await server.call('setattr', { caller: clientRoot, ino: file.ino, changes: { mode: 0o600 } });
  const client = await ExportedClient.of(fixture, { path: ['in', 'side'], squash: 'root' });
  assert.deepEqual([(await client.make('r')).uid, (await client.make('s')).gid], [65534, 65534]);
  const mighty = user(1000, { groups: [0], capabilities: [CAP_DAC_OVERRIDE, CAP_CHOWN] });
  for (const caller of [clientRoot, mighty]) {
    await assert.rejects(client.open(file.ino, O_RDONLY, caller), { status: 'accessDenied' });
    const changes = { uid: 5 };
    await assert.rejects(client.call('setattr', { caller, ino: file.ino, changes }), { status: 'notPermitted' });
  }
  assert.equal((await client.make('own', { caller: user(1000) })).uid, 1000);
});

test('under all_squash everybody is the same user', async () => {
  const { fixture } = await makeTree();
  const client = await ExportedClient.of(fixture, { path: ['in', 'side'], squash: 'all', anonUid: 7, anonGid: 8 });
  const made = await client.make('f', { caller: user(1000), mode: S_IFREG | 0o600 });
  assert.deepEqual([made.uid, made.gid], [7, 8]);
  await client.open(made.ino, O_RDWR, user(2000));
});

test('ids are mapped in attributes, changes, callers and ACLs, and unmapped ones are refused', async () => {
  const { fixture, server, file } = await makeTree();
  const uids = new IdMap([{ local: 51_000, remote: 1000, count: 10 }]);
  const gids = new IdMap([{ local: 61_000, remote: 1000, count: 10 }]);
  const client = await ExportedClient.of(fixture, { path: ['in', 'side'], squash: 'none', uids, gids });
  const made = await client.make('f', { caller: user(1001, { gid: 1002 }) });
  assert.deepEqual([made.uid, made.gid], [1001, 1002]);
  const stored = await server.call('getattr', { ino: made.ino });
  assert.deepEqual([stored.uid, stored.gid], [51_001, 61_002]);
  const shown = await client.call('getattr', { ino: file.ino });
  assert.deepEqual([shown.uid, shown.gid], [65534, 65534]);
  const listing = await client.call('readdir', {
    caller: clientRoot,
    ino: rootIno,
    cookie: 0,
    limit: 9,
    withAttributes: true,
  });
  assert.deepEqual(listing.map((entry) => entry.attributes!.uid).sort(), [1001, 65534]);
  assert.equal((await client.make('g', { caller: user(5) })).uid, 65534);
  const give = (changes: { uid?: number; gid?: number }) =>
    client.call('setattr', { caller: clientRoot, ino: made.ino, changes });
  assert.equal((await give({ uid: 1009 })).uid, 1009);
  await assert.rejects(give({ uid: 0 }), {
    status: 'invalid',
    message: /user 0 of this client has no id on the volume/,
  });
  await assert.rejects(give({ gid: 5 }), { status: 'invalid', message: /group 5/ });
  const acl = (id: number) =>
    encodeAcl([
      { tag: ACL_USER_OBJ, perm: 6, id: 0xffffffff },
      { tag: ACL_USER, perm: 6, id },
      { tag: ACL_GROUP_OBJ, perm: 4, id: 0xffffffff },
      { tag: ACL_MASK, perm: 6, id: 0xffffffff },
      { tag: ACL_OTHER, perm: 4, id: 0xffffffff },
    ]);
  const set = (id: number) =>
    client.call('setxattr', { caller: clientRoot, ino: made.ino, name: accessAclName, value: acl(id), flags: 0 });
  await assert.rejects(set(7), { status: 'invalid' });
  await set(1003);
  const idsIn = (value: Uint8Array) => {
    const entries = parseAcl(value);
    assert(Array.isArray(entries));
    return entries.flatMap(({ tag, id }) => (tag === ACL_USER ? [id] : []));
  };
  const named = { caller: clientRoot, ino: made.ino, name: accessAclName };
  assert.deepEqual(idsIn(await client.call('getxattr', named)), [1003]);
  assert.deepEqual(idsIn(await server.call('getxattr', named)), [51_003]);
  await client.open(made.ino, O_WRONLY, user(1003));
});

test('a supplementary group counts by its mapped number, and group 0 of a squashed client does not', async () => {
  const { fixture, server, file } = await makeTree();
  const gids = new IdMap([{ local: 300, remote: 30, count: 1 }]);
  const client = await ExportedClient.of(fixture, { path: ['in', 'side'], squash: 'root', gids });
  await server.call('setattr', { caller: clientRoot, ino: file.ino, changes: { gid: 300, mode: 0o640 } });
  await client.open(file.ino, O_RDONLY, user(9, { groups: [30] }));
  await assert.rejects(client.open(file.ino, O_RDONLY, user(9, { groups: [300] })), { status: 'accessDenied' });
  await server.call('setattr', { caller: clientRoot, ino: file.ino, changes: { gid: 0 } });
  const plain = await ExportedClient.of(fixture, { path: ['in', 'side'], squash: 'root' });
  await assert.rejects(plain.open(file.ino, O_RDONLY, user(9, { gid: 0, groups: [0] })), { status: 'accessDenied' });
});

test('content is read and written only by who opened it so', async () => {
  const { client, file } = await makeTree();
  const refused = { status: 'badHandle' };
  await assert.rejects(client.read(file.ino), refused);
  await client.open(file.ino, O_WRONLY);
  await client.write(file.ino, 'x');
  await assert.rejects(client.read(file.ino), refused);
  await client.call('release', { ino: file.ino, count: 5 });
  await assert.rejects(client.write(file.ino, 'x'), refused);
  await client.open(file.ino, O_RDONLY);
  assert.equal(await client.read(file.ino), 'x');
  await assert.rejects(client.write(file.ino, 'y'), refused);
  const fallocate = { caller: clientRoot, ino: file.ino, mode: 0, offset: 0, length: 9 };
  await assert.rejects(client.call('fallocate', fallocate), refused);
  const copied = { caller: clientRoot, from: file.ino, fromOffset: 0, to: file.ino, toOffset: 5, length: 1 };
  await assert.rejects(client.call('copyRange', copied), refused);
});

test('a directory is listed by who may read it, and by nobody who does not say who it is', async () => {
  const { client } = await makeTree();
  const { ino } = await client.mkdir('private', { mode: S_IFDIR | 0o711, caller: user(5) });
  await client.make('x', { parent: ino, caller: user(5) });
  assert.deepEqual(await client.names(ino, user(5)), ['x']);
  await assert.rejects(client.names(ino, user(6)), { status: 'accessDenied' });
  const unsaid = { ino, cookie: 0, limit: 9, withAttributes: true };
  await assert.rejects(client.call('readdir', unsaid), { status: 'accessDenied' });
});

test('a claim to have the file open for writing is checked', async () => {
  const { client, server, file } = await makeTree();
  await server.call('setattr', { caller: clientRoot, ino: file.ino, changes: { mode: 0o600 } });
  const truncation = { caller: user(9), ino: file.ino, changes: { size: 0, hasHandle: true } };
  await assert.rejects(client.call('setattr', truncation), { status: 'accessDenied' });
  await client.open(file.ino, O_RDWR);
  await client.call('setattr', truncation);
});

test('one session cannot end the opens of another', async () => {
  const { fixture, client, file } = await makeTree();
  const other = await ExportedClient.of(fixture, { path: ['in', 'side'] });
  await other.open(file.ino, O_RDWR);
  await client.call('release', { ino: file.ino, count: 1 });
  await client.call('unlink', { caller: clientRoot, parent: rootIno, name: 'file' });
  assert.equal(await other.read(file.ino), '');
});

test('a write through a squashed export takes setuid away, whatever the client says', async () => {
  const { fixture, client } = await makeTree();
  const file = await client.make('su', { mode: S_IFREG | S_ISUID | 0o777 });
  const squashed = await ExportedClient.of(fixture, { path: ['in', 'side'], squash: 'root' });
  await client.open(file.ino, O_RDWR);
  await client.write(file.ino, 'a');
  assert.notEqual((await client.call('getattr', { ino: file.ino })).mode & S_ISUID, 0);
  await squashed.open(file.ino, O_RDWR, user(9));
  await squashed.write(file.ino, 'b');
  assert.equal((await client.call('getattr', { ino: file.ino })).mode & S_ISUID, 0);
});

test('an exported directory that does not exist is told', async () => {
  const { fixture } = await makeTree();
  await assert.rejects(ExportedClient.of(fixture, { path: ['in', 'none'] }), {
    status: 'notFound',
    message: 'the exported directory /in/none does not exist on the server',
  });
});

test('numbers are exchanged with the root, in grants and in what was shown beside', async () => {
  const { client, root, upper } = await makeTree();
  const { view } = client;
  assert.deepEqual(
    [view.inward(rootIno), view.outward(root.ino), view.inward(upper.ino)],
    [root.ino, rootIno, upper.ino],
  );
  const answer = { reply: undefined, serial: 5, grants: [{ ino: root.ino, kinds: 1, number: 2 }], also: [root] };
  assert.deepEqual(view.show('unlink', { caller: clientRoot, parent: rootIno, name: 'x' }, answer), {
    ...answer,
    grants: [{ ino: rootIno, kinds: 1, number: 2 }],
    also: [{ ...root, ino: rootIno }],
  });
});

test('after a restart a session takes back what was below its root when it lost its last name, and nothing else', async () => {
  const { client, server, secret, outside } = await makeTree();
  const mine = await client.make('f', { open: true });
  const unnamed = await client.call('makeUnnamed', { caller: clientRoot, parent: rootIno, mode: 0o600, umask: 0 });
  await client.call('unlink', { caller: clientRoot, parent: rootIno, name: 'f' });
  await server.call('unlink', { caller: clientRoot, parent: outside.ino, name: 'secret' });
  const { view } = client;
  assert.deepEqual(
    await Promise.all([mine.ino, unnamed.ino, secret.ino, outside.ino, rootIno].map((ino) => view.mayReclaim(ino))),
    [true, true, false, false, false],
  );
});
