import { ACCESS, type Actor, AT, CAP, MAP, O, PROT } from '../actor/index.ts';
import { alice, bob, carol, expect, rootFact, STAFF } from './fact.ts';

/** How a user stands to a file of alice and the group STAFF; `shift` places the permission bits. */
const standings = [
  { name: 'the owner', shift: 6, who: alice },
  { name: 'a member of the group', shift: 3, who: { uid: bob.uid, gid: STAFF } },
  { name: 'one with the group among the supplementary ones', shift: 3, who: { ...bob, groups: [1, STAFF, 2] } },
  { name: 'anybody else', shift: 0, who: carol },
];

const R = 4;
const W = 2;
const X = 1;

interface Rule {
  name: string;
  /** Bits that must all be set on "dir/file", or on "dir" for what concerns names. */
  file?: number;
  dir?: number;
  /** The owner needs no bits on the file. */
  ownerMay?: boolean;
  act: (app: Actor) => Promise<unknown>;
}

/** What each operation needs; "dir" holds "file" (a script), "sub" (empty) and "link" to the file. */
const rules: Rule[] = [
  { name: 'open for reading', file: R, dir: X, act: (app) => app.open('dir/file', O.RDONLY) },
  { name: 'open for writing', file: W, dir: X, act: (app) => app.open('dir/file', O.WRONLY) },
  { name: 'open for both', file: R | W, dir: X, act: (app) => app.open('dir/file', O.RDWR) },
  { name: 'open through a link', file: R, dir: X, act: (app) => app.open('dir/link', O.RDONLY) },
  { name: 'O_TRUNC', file: R | W, dir: X, act: (app) => app.open('dir/file', O.RDONLY | O.TRUNC) },
  { name: 'truncate', file: W, dir: X, act: (app) => app.truncate('dir/file', 0) },
  { name: 'access for reading', file: R, dir: X, act: (app) => app.access('dir/file', ACCESS.R) },
  { name: 'access for writing', file: W, dir: X, act: (app) => app.access('dir/file', ACCESS.W) },
  { name: 'access for executing', file: X, dir: X, act: (app) => app.access('dir/file', ACCESS.X) },
  { name: 'access for existence', dir: X, act: (app) => app.access('dir/file', ACCESS.F) },
  { name: 'execve', file: X, dir: X, act: (app) => app.exec('dir/file') },
  { name: 'touch', file: W, ownerMay: true, dir: X, act: (app) => app.touch('dir/file') },
  { name: 'getxattr', file: R, dir: X, act: (app) => app.getxattr('dir/file', 'user.a') },
  { name: 'setxattr', file: W, dir: X, act: (app) => app.setxattr('dir/file', 'user.a', 'w') },
  { name: 'removexattr', file: W, dir: X, act: (app) => app.removexattr('dir/file', 'user.a') },
  { name: 'listxattr', dir: X, act: (app) => app.listxattr('dir/file') },
  { name: 'stat', dir: X, act: (app) => app.stat('dir/file') },
  { name: 'readlink', dir: X, act: (app) => app.readlink('dir/link') },
  { name: 'chdir', dir: X, act: (app) => app.chdir('dir') },
  { name: 'listing', dir: R, act: (app) => app.open('dir', O.DIRECTORY) },
  { name: 'creating a file', dir: W | X, act: (app) => app.open('dir/new', O.CREAT | O.WRONLY) },
  { name: 'mkdir', dir: W | X, act: (app) => app.mkdir('dir/new') },
  { name: 'mkfifo', dir: W | X, act: (app) => app.mkfifo('dir/new') },
  { name: 'symlink', dir: W | X, act: (app) => app.symlink('a', 'dir/new') },
  { name: 'link into it', dir: W | X, act: (app) => app.link('mine', 'dir/new') },
  { name: 'unlink', dir: W | X, act: (app) => app.unlink('dir/file') },
  { name: 'rmdir', dir: W | X, act: (app) => app.rmdir('dir/sub') },
  { name: 'rename within it', dir: W | X, act: (app) => app.rename('dir/file', 'dir/new') },
  { name: 'rename out of it', dir: W | X, act: (app) => app.rename('dir/file', 'new') },
  { name: 'rename into it', dir: W | X, act: (app) => app.rename('mine', 'dir/new') },
  { name: 'O_TMPFILE in it', dir: W | X, act: (app) => app.open('dir', O.TMPFILE | O.RDWR) },
];

async function build(app: Actor, user: Actor): Promise<void> {
  await app.mkdir('dir');
  await app.writeFile('dir/file', '#!/bin/true\n');
  await app.setxattr('dir/file', 'user.a', 'v');
  await app.mkdir('dir/sub');
  await app.symlink('file', 'dir/link');
  for (const path of ['dir', 'dir/file', 'dir/sub']) await app.chown(path, alice.uid, STAFF);
  await user.create('mine');
}

for (const { name: who, shift, who: credentials } of standings) {
  for (const rule of rules) {
    rootFact(`${rule.name} by ${who} needs exactly the bits that it needs`, async ({ app, start }) => {
      const user = await start(credentials);
      await build(app, user);
      const set = async (file: number, dir: number) => {
        await app.chmod('dir/file', file);
        await app.chmod('dir', dir);
      };
      const file = rule.ownerMay && credentials === alice ? 0 : (rule.file ?? 0);
      const { dir = 0 } = rule;
      for (const bit of [R, W, X]) {
        // Everybody else has the bit, which is of no help.
        if (file & bit) {
          await set(0o777 & ~(bit << shift), 0o777);
          await expect(rule.act(user), 'EACCES', `without ${bit} on the file`);
        }
        if (dir & bit) {
          await set(0o777, 0o777 & ~(bit << shift));
          await expect(rule.act(user), 'EACCES', `without ${bit} on the directory`);
        }
      }
      await set(file << shift, dir << shift);
      await expect(rule.act(user), 'ok', 'with the bits alone');
    });
  }
}

rootFact('root passes without bits, but executes only what somebody may execute', async ({ app }) => {
  await app.mkdir('dir', 0);
  await app.writeFile('dir/file', '#!/bin/true\n');
  await app.chmod('dir/file', 0);
  await app.close(await app.open('dir/file', O.RDWR));
  await expect(app.access('dir/file', ACCESS.R | ACCESS.W), 'ok');
  await expect(app.access('dir/file', ACCESS.X), 'EACCES');
  await expect(app.exec('dir/file'), 'EACCES');
  await app.chmod('dir/file', 0o001);
  await expect(app.access('dir/file', ACCESS.X), 'ok');
  await expect(app.exec('dir/file'), 'ok');
});

rootFact('root without the capabilities is an ordinary owner', async ({ app, start }) => {
  await app.create('theirs', 0o600);
  await app.chown('theirs', alice.uid, alice.gid);
  await app.create('mine', 0o400);
  const plain = await start({ without: [CAP.DAC_OVERRIDE, CAP.DAC_READ_SEARCH] });
  await expect(plain.open('theirs'), 'EACCES');
  await expect(plain.open('mine', O.RDWR), 'EACCES');
  await expect(plain.open('mine', O.RDONLY), 'ok');
  const reader = await start({ without: [CAP.DAC_OVERRIDE] });
  await expect(reader.open('theirs', O.RDONLY), 'ok');
  await expect(reader.open('theirs', O.WRONLY), 'EACCES');
});

rootFact('every directory on the way must be searchable', async ({ app, start }) => {
  const user = await start(alice);
  await user.mkdir('a');
  await user.mkdir('a/b');
  await user.mkdir('a/b/c');
  await user.create('a/b/c/file');
  await expect(user.stat('a/b/c/file'), 'ok');
  for (const path of ['a', 'a/b', 'a/b/c']) {
    await app.chmod(path, 0o600);
    await expect(user.stat('a/b/c/file'), 'EACCES');
    await expect(user.stat('a/b/c/missing'), 'EACCES');
    await app.chmod(path, 0o700);
  }
  await expect(user.stat('a/b/c/file'), 'ok');
});

rootFact('a change of mode, owner or group counts for everybody at once', async ({ app, start }) => {
  const user = await start({ ...alice, groups: [STAFF] });
  await app.create('file', 0);
  for (let round = 0; round < 5; round++) {
    await app.chmod('file', 0o004);
    await expect(user.open('file'), 'ok');
    await app.chmod('file', 0o040);
    await expect(user.open('file'), 'EACCES');
    await app.chown('file', -1, STAFF);
    await expect(user.open('file'), 'ok');
    await app.chmod('file', 0o400);
    await expect(user.open('file'), 'EACCES');
    await app.chown('file', alice.uid, 0);
    await expect(user.open('file'), 'ok');
    await app.chown('file', 0, 0);
  }
});

rootFact('thirty supplementary groups all count', async ({ app, start }) => {
  const groups = Array.from({ length: 30 }, (_, index) => 70_000 + index);
  const user = await start({ ...alice, groups });
  await app.create('file', 0o040);
  for (const gid of groups) {
    await app.chown('file', -1, gid);
    await expect(user.open('file'), 'ok');
  }
  await app.chown('file', -1, 70_030);
  await expect(user.open('file'), 'EACCES');
});

rootFact('access asks for the real user, AT_EACCESS for the effective one', async ({ app, start }) => {
  await app.create('file', 0o600);
  const user = await start();
  await user.call('setgroups');
  await user.call('seteuid', alice.uid);
  await expect(user.access('file', ACCESS.R), 'ok');
  await expect(user.access('file', ACCESS.R, AT.EACCESS), 'EACCES');
  await expect(user.open('file'), 'EACCES');
});

rootFact('access of root to a directory without bits says yes', async ({ app }) => {
  await app.mkdir('directory', 0);
  await expect(app.access('directory', ACCESS.R | ACCESS.W | ACCESS.X), 'ok');
});

rootFact('a shared mapping for writing needs a descriptor for both', async ({ app }) => {
  await app.writeFile('file', 'content');
  await expect(app.mmap(await app.open('file', O.RDONLY), 4096, PROT.READ | PROT.WRITE, MAP.SHARED), 'EACCES');
  await expect(app.mmap(await app.open('file', O.WRONLY), 4096, PROT.WRITE, MAP.SHARED), 'EACCES');
  await expect(app.mmap(await app.open('file', O.WRONLY), 4096, PROT.READ, MAP.PRIVATE), 'EACCES');
  await expect(app.mmap(await app.open('file', O.RDONLY), 4096, PROT.READ | PROT.WRITE, MAP.PRIVATE), 'ok');
});
