import assert from 'node:assert/strict';
import { ACCESS, type Actor, O, outcome } from '../actor/index.ts';
import { ACCESS_ACL, DEFAULT_ACL, decodeAcl, encodeAcl } from './acl.ts';
import { alice, bob, carol, expect, fact, rootFact, STAFF } from './fact.ts';

const setAcl = (app: Actor, path: string, text: string, name = ACCESS_ACL) => app.setxattr(path, name, encodeAcl(text));
const getAcl = async (app: Actor, path: string, name = ACCESS_ACL) => decodeAcl(await app.getxattr(path, name));
const modeOf = async (app: Actor, path: string) => (await app.stat(path)).mode;

const A = alice.uid;
const B = bob.uid;

fact('a file without an ACL has no such attribute', async ({ app }) => {
  await app.create('file');
  await app.mkdir('directory');
  await expect(app.getxattr('file', ACCESS_ACL), 'ENODATA');
  await expect(app.getxattr('directory', DEFAULT_ACL), 'ENODATA');
  await expect(app.removexattr('file', ACCESS_ACL), 'ok');
  assert.deepEqual(await app.listxattr('file'), []);
});

fact('an ACL is kept, is listed, and shows its mask as the group bits of the mode', async ({ app }) => {
  await app.create('file');
  const acl = `u::rw-,u:${A}:rwx,g::r-x,g:${STAFF}:-w-,m::rw-,o::--x`;
  await setAcl(app, 'file', acl);
  assert.equal(await getAcl(app, 'file'), acl);
  assert.equal(await modeOf(app, 'file'), 0o661);
  assert.deepEqual(await app.listxattr('file'), [ACCESS_ACL]);
  assert.equal((await app.call('getxattr', 'file', ACCESS_ACL, 0)).value, 4 + 6 * 8);
  await expect(app.getxattr('file', ACCESS_ACL, 10), 'ERANGE');
});

fact('an ACL that says no more than a mode becomes the mode', async ({ app }) => {
  await app.create('file');
  await setAcl(app, 'file', 'u::rwx,g::r-x,o::--x');
  assert.equal(await modeOf(app, 'file'), 0o751);
  await expect(app.getxattr('file', ACCESS_ACL), 'ENODATA');
});

fact('removing the ACL leaves the mode as it is', async ({ app }) => {
  await app.create('file');
  await setAcl(app, 'file', `u::rw-,u:${A}:rwx,g::r--,m::rwx,o::r--`);
  await app.removexattr('file', ACCESS_ACL);
  await expect(app.getxattr('file', ACCESS_ACL), 'ENODATA');
  assert.equal(await modeOf(app, 'file'), 0o674);
});

fact('chmod changes owner, mask and others of the ACL', async ({ app }) => {
  await app.create('file');
  await setAcl(app, 'file', `u::rw-,u:${A}:rwx,g::r-x,m::rwx,o::---`);
  await app.chmod('file', 0o741);
  assert.equal(await getAcl(app, 'file'), `u::rwx,u:${A}:rwx,g::r-x,m::r--,o::--x`);
  await app.chmod('file', 0);
  assert.equal(await getAcl(app, 'file'), `u::---,u:${A}:rwx,g::r-x,m::---,o::---`);
  await app.chmod('file', 0o666);
  assert.equal(await modeOf(app, 'file'), 0o666);
});

for (const [name, acl] of [
  ['without an entry for the owner', 'g::r--,o::r--'],
  ['without an entry for others', 'u::rw-,g::r--'],
  ['with a named user but without a mask', `u::rw-,u:${A}:rw-,g::r--,o::r--`],
  ['out of order', 'o::r--,g::r--,u::rw-'],
  ['with two masks', `u::rw-,u:${A}:r--,g::r--,m::rw-,m::r--,o::r--`],
] as const) {
  fact(`an ACL ${name} gives EINVAL`, async ({ app }) => {
    await app.create('file');
    await expect(setAcl(app, 'file', acl), 'EINVAL');
    assert.equal(await modeOf(app, 'file'), 0o644);
  });
}

fact('bytes that are no ACL give EINVAL, another version EOPNOTSUPP', async ({ app }) => {
  await app.create('file');
  const good = encodeAcl('u::rw-,g::r--,o::r--');
  await expect(app.setxattr('file', ACCESS_ACL, good.subarray(0, 10)), 'EINVAL');
  const other = Buffer.from(good);
  other.writeUInt32LE(3);
  await expect(app.setxattr('file', ACCESS_ACL, other), 'EOPNOTSUPP');
});

fact('symbolic links have no ACL, and only directories a default one', async ({ app }) => {
  await app.create('file');
  await app.symlink('file', 'link');
  await expect(app.call('lsetxattr', 'link', ACCESS_ACL, encodeAcl('u::rw-,g::r--,o::r--'), 0), 'EOPNOTSUPP');
  await expect(setAcl(app, 'file', 'u::rw-,g::r--,o::r--', DEFAULT_ACL), 'EACCES');
});

fact('a large ACL is kept', async ({ app }) => {
  await app.create('file');
  const users = Array.from({ length: 100 }, (_, index) => `u:${70_000 + index}:r--`);
  const acl = ['u::rw-', ...users, 'g::r--', 'm::rw-', 'o::---'].join(',');
  await setAcl(app, 'file', acl);
  assert.equal(await getAcl(app, 'file'), acl);
});

// ---- evaluation ----

interface Evaluation {
  name: string;
  acl: string;
  who: { uid: number; gid: number; groups?: number[] };
  /** What the user may do, of "rwx". */
  may: string;
}

/** The file belongs to alice and the group 5. */
const evaluations: Evaluation[] = [
  { name: 'the owner has the bits of the owner', acl: `u::r--,u:${A}:rwx,g::rwx,m::rwx,o::rwx`, who: alice, may: 'r' },
  { name: 'the mask does not touch the owner', acl: `u::rwx,u:${B}:rwx,g::---,m::---,o::---`, who: alice, may: 'rwx' },
  {
    name: 'a named user has the bits of the entry',
    acl: `u::---,u:${B}:rw-,g::---,m::rwx,o::---`,
    who: bob,
    may: 'rw',
  },
  { name: 'the mask cuts a named user', acl: `u::rwx,u:${B}:rwx,g::rwx,m::r--,o::rwx`, who: bob, may: 'r' },
  { name: 'a named user with nothing gets nothing', acl: `u::rwx,u:${B}:---,g::rwx,m::rwx,o::rwx`, who: bob, may: '' },
  {
    name: 'a named user is not helped by a group',
    acl: `u::rwx,u:${B}:r--,g::rwx,g:${STAFF}:rwx,m::rwx,o::rwx`,
    who: { ...bob, groups: [STAFF, 5] },
    may: 'r',
  },
  {
    name: 'the owning group has the bits of the group under the mask',
    acl: `u::---,u:${B}:---,g::rwx,m::r-x,o::---`,
    who: { ...carol, groups: [5] },
    may: 'rx',
  },
  {
    name: 'a named group has the bits of the entry under the mask',
    acl: `u::---,g::---,g:${STAFF}:rwx,m::-w-,o::---`,
    who: { ...carol, groups: [STAFF] },
    may: 'w',
  },
  {
    name: 'the primary group counts as a named group',
    acl: `u::---,g::---,g:${STAFF}:r--,m::rwx,o::---`,
    who: { uid: 9, gid: STAFF },
    may: 'r',
  },
  {
    name: 'a member of a group with too little is not helped by others',
    acl: `u::---,g::---,g:${STAFF}:r--,m::rwx,o::rwx`,
    who: { ...carol, groups: [STAFF] },
    may: 'r',
  },
  {
    name: 'of several groups each right may come from another, when asked apart',
    acl: `u::---,g::r--,g:${STAFF}:-w-,m::rwx,o::---`,
    who: { ...carol, groups: [5, STAFF] },
    may: 'rw',
  },
  {
    name: 'who is nowhere named has the bits of others, which no mask cuts',
    acl: `u::---,u:${B}:---,g::---,m::---,o::r-x`,
    who: carol,
    may: 'rx',
  },
];

for (const { name, acl, who, may } of evaluations) {
  rootFact(`ACL: ${name}`, async ({ app, start }) => {
    await app.writeFile('file', '#!/bin/true\n');
    await app.mkdir('directory');
    await app.create('directory/inside');
    const user = await start(who);
    for (const path of ['file', 'directory']) {
      await app.chown(path, alice.uid, 5);
      await setAcl(app, path, acl);
      const rights = [];
      for (const [letter, bit] of Object.entries({ r: ACCESS.R, w: ACCESS.W, x: ACCESS.X })) {
        if ((await outcome(user.access(path, bit))) === 'ok') rights.push(letter);
      }
      assert.equal(rights.join(''), may, path);
    }
    await expect(user.open('file', O.RDONLY), may.includes('r') ? 'ok' : 'EACCES');
    const writer = user.open('file', O.WRONLY);
    await expect(writer, may.includes('w') ? 'ok' : 'EACCES');
    if (may.includes('w')) await user.close(await writer);
    await expect(user.exec('file'), may.includes('x') ? 'ok' : 'EACCES');
    await expect(user.open('directory', O.DIRECTORY), may.includes('r') ? 'ok' : 'EACCES');
    await expect(user.stat('directory/inside'), may.includes('x') ? 'ok' : 'EACCES');
    await expect(user.create('directory/new'), may.includes('w') && may.includes('x') ? 'ok' : 'EACCES');
  });
}

rootFact('both rights at once must come from one group entry', async ({ app, start }) => {
  await app.create('file');
  await app.chown('file', alice.uid, 5);
  await setAcl(app, 'file', `u::---,g::r--,g:${STAFF}:-w-,m::rwx,o::---`);
  const user = await start({ ...carol, groups: [5, STAFF] });
  await expect(user.open('file', O.RDONLY), 'ok');
  await expect(user.open('file', O.WRONLY), 'ok');
  await expect(user.open('file', O.RDWR), 'EACCES');
});

rootFact('a change of an ACL counts at once', async ({ app, start }) => {
  const user = await start(bob);
  await app.create('file', 0o600);
  for (let round = 0; round < 5; round++) {
    await expect(user.open('file'), 'EACCES');
    await setAcl(app, 'file', `u::rw-,u:${B}:r--,g::---,m::r--,o::---`);
    await expect(user.open('file'), 'ok');
    await app.chmod('file', 0o600);
    await expect(user.open('file'), 'EACCES');
    await app.removexattr('file', ACCESS_ACL);
  }
});

rootFact('ACLs are for the owner to change and for all to read', async ({ app, start }) => {
  await app.create('file');
  await app.chown('file', alice.uid, alice.gid);
  await app.chmod('file', 0o666);
  const [owner, other] = [await start(alice), await start(bob)];
  const acl = `u::rw-,u:${B}:rw-,g::r--,m::rw-,o::---`;
  await expect(setAcl(other, 'file', acl), 'EPERM');
  await expect(setAcl(owner, 'file', acl), 'ok');
  assert.equal(await getAcl(other, 'file'), acl);
  await expect(other.removexattr('file', ACCESS_ACL), 'EPERM');
  await expect(owner.removexattr('file', ACCESS_ACL), 'ok');
});

rootFact('setting an ACL by one who is not in the group drops setgid', async ({ app, start }) => {
  await app.create('file');
  await app.chown('file', alice.uid, STAFF);
  const acl = `u::rwx,u:${B}:r--,g::r-x,m::r-x,o::---`;
  await app.chmod('file', 0o2755);
  await setAcl(await start(alice), 'file', acl);
  assert.equal(await modeOf(app, 'file'), 0o750);
  await app.chmod('file', 0o2755);
  await setAcl(await start({ ...alice, groups: [STAFF] }), 'file', acl);
  assert.equal(await modeOf(app, 'file'), 0o2750);
});

// ---- inheritance ----

const inherited = `u::rwx,u:${A}:rwx,g::r-x,g:${STAFF}:rwx,m::rwx,o::r--`;

fact('a default ACL says nothing about the directory itself', async ({ app }) => {
  await app.mkdir('directory');
  await setAcl(app, 'directory', inherited, DEFAULT_ACL);
  assert.equal(await modeOf(app, 'directory'), 0o755);
  await expect(app.getxattr('directory', ACCESS_ACL), 'ENODATA');
  assert.equal(await getAcl(app, 'directory', DEFAULT_ACL), inherited);
  assert.deepEqual(await app.listxattr('directory'), [DEFAULT_ACL]);
});

const makers: [string, (app: Actor, path: string, mode: number) => Promise<unknown>][] = [
  ['open', (app, path, mode) => app.open(path, O.CREAT | O.WRONLY, mode)],
  ['mknod', (app, path, mode) => app.mknod(path, 0o100000 | mode)],
  ['mkfifo', (app, path, mode) => app.mkfifo(path, mode)],
  ['mkdir', (app, path, mode) => app.mkdir(path, mode)],
];

for (const [name, make] of makers) {
  fact(
    `${name} in a directory with a default ACL inherits it, cut by the mode and not by the umask`,
    async ({ app }) => {
      await app.umask(0o077);
      await app.mkdir('directory');
      await setAcl(app, 'directory', inherited, DEFAULT_ACL);
      await make(app, 'directory/new', 0o640);
      assert.equal(await getAcl(app, 'directory/new'), `u::rw-,u:${A}:rwx,g::r-x,g:${STAFF}:rwx,m::r--,o::---`);
      assert.equal(await modeOf(app, 'directory/new'), 0o640);
      await make(app, 'directory/open', 0o777);
      assert.equal(await getAcl(app, 'directory/open'), inherited);
      assert.equal(await modeOf(app, 'directory/open'), 0o774);
      if (name === 'mkdir') assert.equal(await getAcl(app, 'directory/new', DEFAULT_ACL), inherited);
      else await expect(app.getxattr('directory/new', DEFAULT_ACL), name === 'mkdir' ? 'ok' : 'ENODATA');
    },
  );

  fact(`${name} in a directory with a default ACL of three entries gets a mode and no ACL`, async ({ app }) => {
    await app.umask(0o077);
    await app.mkdir('directory');
    await setAcl(app, 'directory', 'u::rwx,g::rw-,o::r--', DEFAULT_ACL);
    await make(app, 'directory/new', 0o666);
    assert.equal(await modeOf(app, 'directory/new'), 0o664);
    await expect(app.getxattr('directory/new', ACCESS_ACL), 'ENODATA');
  });
}

fact('without a default ACL the umask cuts the mode', async ({ app }) => {
  await app.umask(0o027);
  await app.mkdir('directory');
  await setAcl(app, 'directory', `u::rwx,u:${A}:rwx,g::rwx,m::rwx,o::rwx`);
  await app.open('directory/new', O.CREAT | O.WRONLY, 0o666);
  assert.equal(await modeOf(app, 'directory/new'), 0o640);
  await expect(app.getxattr('directory/new', ACCESS_ACL), 'ENODATA');
});

fact('O_TMPFILE inherits a default ACL, a symbolic link does not', async ({ app }) => {
  await app.umask(0o077);
  await app.mkdir('directory');
  await setAcl(app, 'directory', inherited, DEFAULT_ACL);
  const fd = await app.open('directory', O.TMPFILE | O.WRONLY, 0o660);
  await app.linkDescriptor(fd, 'directory/named');
  assert.equal(await getAcl(app, 'directory/named'), `u::rw-,u:${A}:rwx,g::r-x,g:${STAFF}:rwx,m::rw-,o::---`);
  await app.symlink('target', 'directory/link');
  assert.equal((await app.lstat('directory/link')).mode, 0o777);
});

fact('a removed default ACL is inherited no more', async ({ app }) => {
  await app.umask(0o022);
  await app.mkdir('directory');
  await setAcl(app, 'directory', inherited, DEFAULT_ACL);
  await app.mkdir('directory/a');
  await app.removexattr('directory', DEFAULT_ACL);
  await app.mkdir('directory/b');
  assert.equal(await modeOf(app, 'directory/b'), 0o755);
  await expect(app.getxattr('directory/b', DEFAULT_ACL), 'ENODATA');
  assert.equal(await getAcl(app, 'directory/a', DEFAULT_ACL), inherited);
});

fact('rename and link keep the ACL of the file and take none of the directory', async ({ app }) => {
  await app.create('file');
  await app.mkdir('directory');
  await setAcl(app, 'directory', inherited, DEFAULT_ACL);
  await app.link('file', 'directory/linked');
  await app.rename('file', 'directory/moved');
  await expect(app.getxattr('directory/moved', ACCESS_ACL), 'ENODATA');
  assert.equal(await modeOf(app, 'directory/linked'), 0o644);
});
