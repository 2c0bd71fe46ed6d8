import assert from 'node:assert/strict';
import { type Actor, AT, CAP, FALLOC, O, S } from '../actor/index.ts';
import { alice, bob, carol, expect, fact, rootFact, STAFF } from './fact.ts';

const modeOf = async (app: Actor, path: string) => (await app.stat(path)).mode;

// ---- chmod ----

fact('chmod sets every combination of bits', async ({ app }) => {
  await app.create('file');
  await app.mkdir('directory');
  for (const path of ['file', 'directory']) {
    for (let mode = 0; mode <= 0o7777; mode += 0o137) {
      await app.chmod(path, mode);
      assert.equal(await modeOf(app, path), mode);
    }
  }
  await app.chmod('directory', 0o755);
});

fact('chmod ignores the umask and the kind of the file', async ({ app }) => {
  await app.umask(0o777);
  await app.create('file');
  await app.chmod('file', S.IFDIR | 0o666);
  const { kind, mode } = await app.stat('file');
  assert.deepEqual([kind, mode], [S.IFREG, 0o666]);
});

fact('chmod of a symbolic link changes its target', async ({ app }) => {
  await app.create('target');
  await app.symlink('target', 'link');
  await app.chmod('link', 0o612);
  assert.equal(await modeOf(app, 'target'), 0o612);
  assert.equal((await app.lstat('link')).mode, 0o777);
});

rootFact('chmod is for the owner', async ({ app, start }) => {
  await app.create('file', 0o777);
  await app.chown('file', alice.uid, STAFF);
  const [owner, member, other] = [await start(alice), await start({ ...bob, groups: [STAFF] }), await start(carol)];
  await app.chmod('file', 0o777);
  await expect(member.chmod('file', 0o700), 'EPERM');
  await expect(other.chmod('file', 0o700), 'EPERM');
  await expect(other.fchmod(await other.open('file', O.RDWR), 0o700), 'EPERM');
  await expect(owner.chmod('file', 0), 'ok');
  await expect(owner.chmod('file', 0o700), 'ok');
  const capable = await start({ without: [CAP.FOWNER] });
  await expect(capable.chmod('file', 0o600), 'EPERM');
});

rootFact('chmod by one who is not in the group drops setgid', async ({ app, start }) => {
  await app.create('file');
  await app.mkdir('directory');
  for (const path of ['file', 'directory']) {
    await app.chown(path, alice.uid, STAFF);
    const [outsider, member] = [await start(alice), await start({ ...alice, groups: [STAFF] })];
    await outsider.chmod(path, 0o6755);
    assert.equal(await modeOf(app, path), 0o4755, path);
    await member.chmod(path, 0o6755);
    assert.equal(await modeOf(app, path), 0o6755, path);
    await outsider.chmod(path, 0o2644);
    assert.equal(await modeOf(app, path), 0o644, path);
  }
});

rootFact('the sticky bit of a file may be set by its owner', async ({ start }) => {
  const owner = await start(alice);
  await owner.create('file');
  await owner.chmod('file', 0o1644);
  assert.equal(await modeOf(owner, 'file'), 0o1644);
});

// ---- chown ----

rootFact('chown sets owner and group of every kind, -1 leaves one', async ({ app }) => {
  await app.create('file');
  await app.mkdir('directory');
  await app.mkfifo('fifo');
  for (const path of ['file', 'directory', 'fifo']) {
    await app.chown(path, 1234, 5678);
    await app.chown(path, -1, 99);
    await app.chown(path, 88, -1);
    const { uid, gid } = await app.stat(path);
    assert.deepEqual([uid, gid], [88, 99]);
  }
  await app.chown('file', 4_294_967_294, 4_294_967_294);
  assert.equal((await app.stat('file')).uid, 4_294_967_294);
  await app.fchown(await app.open('file'), 7, 8);
  assert.equal((await app.stat('file')).gid, 8);
});

rootFact('the owner may give a file to his own groups and to nobody else', async ({ app, start }) => {
  await app.create('file');
  await app.chown('file', alice.uid, alice.gid);
  const owner = await start({ ...alice, groups: [STAFF] });
  const [other, member] = [await start(bob), await start({ ...bob, groups: [alice.gid, STAFF] })];
  await expect(owner.chown('file', bob.uid, -1), 'EPERM');
  await expect(owner.chown('file', -1, bob.gid), 'EPERM');
  await expect(other.chown('file', bob.uid, bob.gid), 'EPERM');
  await expect(member.chown('file', -1, STAFF), 'EPERM');
  await expect(owner.chown('file', -1, STAFF), 'ok');
  await expect(owner.chown('file', alice.uid, alice.gid), 'ok');
  await expect(owner.chown('file', -1, -1), 'ok');
  await expect((await start({ without: [CAP.CHOWN] })).chown('file', bob.uid, -1), 'EPERM');
});

rootFact('after chown the old owner is nobody special', async ({ app, start }) => {
  const owner = await start(alice);
  await owner.create('file', 0o600);
  await expect(owner.open('file'), 'ok');
  await app.chown('file', bob.uid, bob.gid);
  await expect(owner.open('file'), 'EACCES');
  await expect((await start(bob)).open('file'), 'ok');
});

// ---- setuid and setgid ----

type Change = { name: string; act: (app: Actor, fd: number) => Promise<unknown> };

const contentChanges: Change[] = [
  { name: 'write', act: (app, fd) => app.write(fd, 'a') },
  { name: 'pwrite', act: (app, fd) => app.pwrite(fd, 'a', 10) },
  { name: 'ftruncate', act: (app, fd) => app.ftruncate(fd, 3) },
  { name: 'truncate', act: (app) => app.truncate('file', 100) },
  { name: 'open with O_TRUNC', act: (app) => app.open('file', O.WRONLY | O.TRUNC) },
  { name: 'fallocate', act: (app, fd) => app.fallocate(fd, 0, 0, 10_000) },
  { name: 'punching a hole', act: (app, fd) => app.fallocate(fd, FALLOC.PUNCH_HOLE | FALLOC.KEEP_SIZE, 0, 5) },
  { name: 'copy_file_range', act: async (app, fd) => app.copyFileRange(await app.open('source'), 0, fd, 0, 5) },
  { name: 'a store to a mapping', act: async (app, fd) => app.store(await app.mmap(fd, 4096, 3, 1), 0, 'abc') },
];

async function privileged(app: Actor, mode: number): Promise<void> {
  await app.writeFile('source', 'content of the source');
  await app.writeFile('file', 'content');
  await app.chown('file', alice.uid, STAFF);
  await app.chmod('file', mode);
}

for (const { name, act } of contentChanges) {
  // A store to a mapping reaches the file without a call that could drop anything: ext4 keeps the bits.
  const keeps = name.includes('mapping');
  rootFact(`${name} by a user ${keeps ? 'keeps' : 'drops'} setuid and setgid`, async ({ app, start }) => {
    await privileged(app, 0o6777);
    const user = await start(bob);
    await act(user, await user.open('file', O.RDWR));
    assert.equal(await modeOf(app, 'file'), keeps ? 0o6777 : 0o777);
  });

  rootFact(`${name} by root keeps setuid and setgid`, async ({ app }) => {
    await privileged(app, 0o6777);
    await act(app, await app.open('file', O.RDWR));
    assert.equal(await modeOf(app, 'file'), 0o6777);
  });
}

rootFact(
  'a write keeps setgid of a file that its group cannot execute, unless by an outsider',
  async ({ app, start }) => {
    await privileged(app, 0o2766);
    const member = await start({ ...bob, groups: [STAFF] });
    await member.write(await member.open('file', O.WRONLY), 'a');
    assert.equal(await modeOf(app, 'file'), 0o2766);
    await app.chmod('file', 0o2766);
    const outsider = await start(bob);
    await outsider.write(await outsider.open('file', O.WRONLY), 'a');
    assert.equal(await modeOf(app, 'file'), 0o766);
  },
);

for (const { name, act } of contentChanges) {
  if (name.includes('mapping')) continue;
  // Also past the daemon: the kernel asks it to take the bits away before such a write.
  rootFact(`${name} through a handle older than setuid and setgid drops them`, async ({ app, start }) => {
    await app.writeFile('source', 'content of the source');
    await app.writeFile('file', Buffer.alloc(100_000));
    await app.chmod('file', 0o777);
    const user = await start(bob);
    const fd = await user.open('file', O.RDWR);
    for (let times = 0; times < 2; times++) {
      await user.write(fd, 'a');
      await app.chmod('file', 0o6777);
      await act(user, fd);
      assert.equal(await modeOf(app, 'file'), 0o777);
    }
  });
}

rootFact('writing no bytes keeps setuid', async ({ app, start }) => {
  await privileged(app, 0o4777);
  const user = await start(bob);
  await user.write(await user.open('file', O.WRONLY), '');
  assert.equal(await modeOf(app, 'file'), 0o4777);
});

for (const [who, from, to] of [
  ['the owner', 0o6755, 0o755],
  ['root', 0o6755, 0o755],
] as const) {
  rootFact(`chown of a program by ${who} drops setuid and setgid`, async ({ app, start }) => {
    await app.create('file');
    await app.chown('file', alice.uid, alice.gid);
    await app.chmod('file', from);
    const actor = who === 'root' ? app : await start({ ...alice, groups: [STAFF] });
    await actor.chown('file', -1, STAFF);
    assert.equal(await modeOf(app, 'file'), to);
    await app.chmod('file', from);
    await actor.chown('file', -1, -1);
    assert.equal(await modeOf(app, 'file'), to, 'nobody changed');
  });
}

rootFact('chown keeps setgid of a file that its group cannot execute, and all bits of a directory', async ({ app }) => {
  await app.create('file');
  await app.mkdir('directory');
  await app.chmod('file', 0o6644);
  await app.chmod('directory', 0o6755);
  await app.chown('file', alice.uid, STAFF);
  await app.chown('directory', alice.uid, STAFF);
  assert.equal(await modeOf(app, 'file'), 0o2644);
  assert.equal(await modeOf(app, 'directory'), 0o6755);
});

rootFact('a setuid program runs as its owner, a setgid program with its group', async ({ app, start }) => {
  await app.writeFile('id', await app.readFile('/usr/bin/id'));
  const user = await start(carol);
  await app.chmod('id', 0o755);
  const id = async (option: string) => (await user.exec('id', option)).output.trim();
  assert.equal(await id('-u'), String(carol.uid));
  await app.chown('id', alice.uid, STAFF);
  await app.chmod('id', 0o4755);
  assert.equal(await id('-u'), String(alice.uid));
  assert.equal(await id('-g'), String(carol.gid));
  await app.chmod('id', 0o2755);
  assert.equal(await id('-u'), String(carol.uid));
  assert.equal(await id('-g'), String(STAFF));
  await app.chmod('id', 0o755);
  assert.equal(await id('-g'), String(carol.gid));
});

rootFact('fchownat with AT_EMPTY_PATH changes what the descriptor leads to', async ({ app }) => {
  await app.create('file');
  const fd = await app.open('file', O.PATH);
  await app.call('fchownat', fd, '', alice.uid, bob.gid, AT.EMPTY_PATH);
  const { uid, gid } = await app.stat('file');
  assert.deepEqual([uid, gid], [alice.uid, bob.gid]);
});
