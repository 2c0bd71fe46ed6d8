import assert from 'node:assert/strict';
import { ACCESS, type Actor, CAP, FALLOC, FS, MAP, O, PROT, STATX, XATTR } from '../actor/index.ts';
import { ACCESS_ACL, encodeAcl } from './acl.ts';
import { alice, expect, fact, getInodeFlags, rootFact, setInodeFlags, withInodeFlags } from './fact.ts';

const { IMMUTABLE_FL, APPEND_FL } = FS;

rootFact('flags are kept, of files and of directories', async ({ app }) => {
  await app.create('file');
  await app.mkdir('directory');
  for (const path of ['file', 'directory']) {
    assert.equal(await getInodeFlags(app, path), 0);
    for (const flags of [IMMUTABLE_FL, APPEND_FL, FS.NODUMP_FL, FS.NOATIME_FL, IMMUTABLE_FL | FS.NODUMP_FL, 0]) {
      await setInodeFlags(app, path, flags);
      assert.equal(await getInodeFlags(app, path), flags);
    }
  }
});

rootFact(
  'statx shows the flags',
  async ({ app }) => {
    await app.create('file');
    await withInodeFlags(app, 'file', IMMUTABLE_FL, async () => {
      assert.equal(
        (await app.stat('file')).attributes & (STATX.ATTR_IMMUTABLE | STATX.ATTR_APPEND),
        STATX.ATTR_IMMUTABLE,
      );
    });
    await withInodeFlags(app, 'file', APPEND_FL, async () => {
      assert.equal((await app.stat('file')).attributes & (STATX.ATTR_IMMUTABLE | STATX.ATTR_APPEND), STATX.ATTR_APPEND);
    });
    assert.equal((await app.stat('file')).attributes & (STATX.ATTR_IMMUTABLE | STATX.ATTR_APPEND), 0);
  },
  { needs: ['kernelFlags'] },
);

rootFact('immutable and append-only need the capability, other flags the owner', async ({ app, start }) => {
  await app.create('file');
  await app.chown('file', alice.uid, alice.gid);
  await app.chmod('file', 0o666);
  const [owner, other] = [await start(alice), await start({ uid: 60_009, gid: 60_009 })];
  await expect(setInodeFlags(owner, 'file', IMMUTABLE_FL), 'EPERM');
  await expect(setInodeFlags(owner, 'file', APPEND_FL), 'EPERM');
  await expect(setInodeFlags(owner, 'file', FS.NODUMP_FL), 'ok');
  await expect(setInodeFlags(other, 'file', 0), 'EPERM');
  await expect(setInodeFlags(await start({ without: [CAP.LINUX_IMMUTABLE] }), 'file', IMMUTABLE_FL), 'EPERM');
  await withInodeFlags(app, 'file', IMMUTABLE_FL, () => expect(setInodeFlags(owner, 'file', 0), 'EPERM'));
});

/** What cannot be done to "file", which holds "content", or with "dir". */
interface Rule {
  name: string;
  act: (app: Actor) => Promise<unknown>;
  immutable: string;
  appendOnly: string;
}

const fileRules: Rule[] = [
  { name: 'open for reading', act: (app) => app.readFile('file'), immutable: 'ok', appendOnly: 'ok' },
  { name: 'open for writing', act: (app) => app.open('file', O.WRONLY), immutable: 'EPERM', appendOnly: 'EPERM' },
  {
    name: 'open for appending',
    act: (app) => app.open('file', O.WRONLY | O.APPEND),
    immutable: 'EPERM',
    appendOnly: 'ok',
  },
  {
    name: 'O_TRUNC with O_APPEND',
    act: (app) => app.open('file', O.WRONLY | O.APPEND | O.TRUNC),
    immutable: 'EPERM',
    appendOnly: 'EPERM',
  },
  { name: 'truncate', act: (app) => app.truncate('file', 0), immutable: 'EPERM', appendOnly: 'EPERM' },
  { name: 'chmod', act: (app) => app.chmod('file', 0o600), immutable: 'EPERM', appendOnly: 'EPERM' },
  { name: 'chown', act: (app) => app.chown('file', 1, 1), immutable: 'EPERM', appendOnly: 'EPERM' },
  { name: 'touch', act: (app) => app.touch('file'), immutable: 'EPERM', appendOnly: 'ok' },
  { name: 'utimensat', act: (app) => app.utimens('file', 1n, 2n), immutable: 'EPERM', appendOnly: 'EPERM' },
  {
    name: 'setxattr',
    act: (app) => app.setxattr('file', 'user.a', '1', XATTR.CREATE),
    immutable: 'EPERM',
    appendOnly: 'EPERM',
  },
  { name: 'getxattr', act: (app) => app.getxattr('file', 'user.old'), immutable: 'ok', appendOnly: 'ok' },
  { name: 'removexattr', act: (app) => app.removexattr('file', 'user.old'), immutable: 'EPERM', appendOnly: 'EPERM' },
  {
    name: 'setting an ACL',
    act: (app) => app.setxattr('file', ACCESS_ACL, encodeAcl('u::rw-,g::r--,o::r--')),
    immutable: 'EPERM',
    appendOnly: 'EPERM',
  },
  { name: 'unlink', act: (app) => app.unlink('file'), immutable: 'EPERM', appendOnly: 'EPERM' },
  { name: 'link', act: (app) => app.link('file', 'linked'), immutable: 'EPERM', appendOnly: 'EPERM' },
  { name: 'rename', act: (app) => app.rename('file', 'renamed'), immutable: 'EPERM', appendOnly: 'EPERM' },
];

for (const { name, act, immutable, appendOnly } of fileRules) {
  rootFact(`${name} of an immutable file: ${immutable}, of an append-only one: ${appendOnly}`, async ({ app }) => {
    await app.writeFile('file', 'content');
    await app.setxattr('file', 'user.old', 'value');
    for (const [flags, expected] of [
      [IMMUTABLE_FL, immutable],
      [APPEND_FL, appendOnly],
    ] as const) {
      await withInodeFlags(app, 'file', flags, () => expect(act(app), expected));
      assert.equal(await app.readText('file'), 'content');
    }
  });
}

const directoryRules: Rule[] = [
  { name: 'creating', act: (app) => app.create('dir/new'), immutable: 'EPERM', appendOnly: 'ok' },
  { name: 'mkdir', act: (app) => app.mkdir('dir/newdir'), immutable: 'EPERM', appendOnly: 'ok' },
  { name: 'symlink', act: (app) => app.symlink('a', 'dir/newlink'), immutable: 'EPERM', appendOnly: 'ok' },
  { name: 'mkfifo', act: (app) => app.mkfifo('dir/newfifo'), immutable: 'EPERM', appendOnly: 'ok' },
  { name: 'link', act: (app) => app.link('outside', 'dir/linked'), immutable: 'EPERM', appendOnly: 'ok' },
  { name: 'unlink', act: (app) => app.unlink('dir/file'), immutable: 'EPERM', appendOnly: 'EPERM' },
  { name: 'rmdir', act: (app) => app.rmdir('dir/sub'), immutable: 'EPERM', appendOnly: 'EPERM' },
  { name: 'rename', act: (app) => app.rename('dir/file', 'dir/renamed'), immutable: 'EPERM', appendOnly: 'EPERM' },
  { name: 'writing to a file', act: (app) => app.writeFile('dir/file', 'new'), immutable: 'ok', appendOnly: 'ok' },
  { name: 'listing', act: (app) => app.names('dir'), immutable: 'ok', appendOnly: 'ok' },
  { name: 'O_TMPFILE', act: (app) => app.open('dir', O.TMPFILE | O.RDWR), immutable: 'EPERM', appendOnly: 'ok' },
];

for (const { name, act, immutable, appendOnly } of directoryRules) {
  rootFact(`${name} in an immutable directory: ${immutable}, in an append-only one: ${appendOnly}`, async ({ app }) => {
    await app.mkdir('dir');
    await app.create('outside');
    await app.create('dir/file');
    await app.mkdir('dir/sub');
    await withInodeFlags(app, 'dir', IMMUTABLE_FL, () => expect(act(app), immutable));
    await withInodeFlags(app, 'dir', APPEND_FL, () => expect(act(app), appendOnly));
  });
}

rootFact(
  'a file made immutable stops those that had it open before',
  async ({ app }) => {
    const fd = await app.open('file', O.CREAT | O.RDWR);
    await withInodeFlags(app, 'file', IMMUTABLE_FL, async () => {
      await expect(app.pwrite(fd, 'a', 0), 'EPERM');
      await expect(app.ftruncate(fd, 1), 'EPERM');
      await expect(app.fallocate(fd, 0, 0, 100), 'EPERM');
    });
    await expect(app.pwrite(fd, 'a', 0), 'ok');
  },
  { needs: ['stopsWriters'] },
);

rootFact('an append-only file is appended to and nothing else', async ({ app }) => {
  await app.writeFile('file', 'content');
  const before = await app.open('file', O.RDWR);
  await withInodeFlags(app, 'file', APPEND_FL, async () => {
    const fd = await app.open('file', O.WRONLY | O.APPEND);
    await app.pwrite(fd, ' more', 0);
    await expect(app.ftruncate(fd, 3), 'EPERM');
    await expect(app.ftruncate(before, 3), 'EPERM');
    await expect(app.fallocate(before, FALLOC.PUNCH_HOLE | FALLOC.KEEP_SIZE, 0, 3), 'EPERM');
    await app.close(fd);
  });
  assert.equal(await app.readText('file'), 'content more');
});

rootFact(
  'access, fcntl and mmap know what an immutable and an append-only file refuse',
  async ({ app }) => {
    await app.create('file');
    await withInodeFlags(app, 'file', IMMUTABLE_FL, () => expect(app.access('file', ACCESS.W), 'EPERM'));
    const before = await app.open('file', O.RDWR);
    await withInodeFlags(app, 'file', APPEND_FL, async () => {
      await expect(app.access('file', ACCESS.W), 'ok');
      const fd = await app.open('file', O.WRONLY | O.APPEND);
      await expect(app.call('setStatusFlags', fd, 0), 'EPERM');
      await expect(app.mmap(before, 4096, PROT.READ | PROT.WRITE, MAP.SHARED), 'EACCES');
    });
  },
  { needs: ['kernelFlags'] },
);

fact('flags cannot be asked of what has none', async ({ app }) => {
  await app.mkfifo('fifo');
  await expect(app.getInodeFlags(await app.open('fifo', O.RDWR)), 'ENOTTY');
});

rootFact('flags follow a rename before and end with the file', async ({ app }) => {
  await app.create('file');
  await setInodeFlags(app, 'file', FS.NODUMP_FL);
  await app.rename('file', 'moved');
  assert.equal(await getInodeFlags(app, 'moved'), FS.NODUMP_FL);
  await app.unlink('moved');
  await app.create('moved');
  assert.equal(await getInodeFlags(app, 'moved'), 0);
});
