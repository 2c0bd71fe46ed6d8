import assert from 'node:assert/strict';
import { type Actor, FALLOC, MAP, O, PROT } from '../actor/index.ts';
import { alice, bob, expect, fact, rootFact, type Scene } from './fact.ts';

async function install(app: Actor, source: string, name: string, mode = 0o755): Promise<void> {
  await app.writeFile(name, await app.readFile(source));
  await app.chmod(name, mode);
}

fact('a binary runs', async ({ app }) => {
  await install(app, '/usr/bin/echo', 'echo');
  assert.deepEqual(await app.exec('./echo', 'hello'), { status: 0, output: 'hello\n' });
});

fact('a script runs with its interpreter', async ({ app, dir }) => {
  await install(app, '/usr/bin/echo', 'echo');
  await app.writeFile('script', `#!${dir}/echo from\n`);
  await app.chmod('script', 0o755);
  assert.equal((await app.exec('./script', 'x')).output, 'from ./script x\n');
  await app.writeFile('shell', '#!/bin/sh\nexit 7\n');
  await app.chmod('shell', 0o755);
  assert.equal((await app.exec('shell')).status, 7);
});

fact('what is no program gives ENOEXEC, a directory EACCES', async ({ app }) => {
  await app.writeFile('garbage', 'no program at all');
  await app.chmod('garbage', 0o755);
  await app.create('empty', 0o755);
  await app.mkdir('directory');
  await expect(app.exec('garbage'), 'ENOEXEC');
  await expect(app.exec('empty'), 'ENOEXEC');
  await expect(app.exec('directory'), 'EACCES');
  await app.chmod('garbage', 0o644);
  await expect(app.exec('garbage'), 'EACCES');
});

rootFact('a program that may be executed but not read runs', async ({ app, start }) => {
  await install(app, '/usr/bin/echo', 'echo', 0o711);
  const user = await start(alice);
  await expect(user.open('echo'), 'EACCES');
  assert.equal((await user.exec('echo', 'hi')).output, 'hi\n');
});

fact('a program that is open for writing gives ETXTBSY', async ({ app }) => {
  await install(app, '/usr/bin/echo', 'echo');
  const fd = await app.open('echo', O.WRONLY);
  await expect(app.exec('echo'), 'ETXTBSY');
  await app.close(fd);
  await expect(app.exec('echo'), 'ok');
});

/** Starts a copy of cat that reads a fifo; `finish` lets it end. */
async function startCat({ app, start }: Scene): Promise<{ finish: () => Promise<{ status: number; output: string }> }> {
  const other = await start();
  await install(app, '/usr/bin/cat', 'cat');
  await app.mkfifo('fifo');
  const running = other.exec('cat', 'fifo');
  // This waits until the program has opened the other end, and so runs.
  const fd = await app.open('fifo', O.WRONLY);
  return {
    finish: async () => {
      await app.write(fd, 'done');
      await app.close(fd);
      return running;
    },
  };
}

fact('a program that runs is not opened for writing, but may be replaced', async (scene) => {
  const { app } = scene;
  const { finish } = await startCat(scene);
  await expect(app.open('cat', O.WRONLY), 'ETXTBSY');
  await expect(app.truncate('cat', 0), 'ETXTBSY');
  await install(app, '/usr/bin/echo', 'new');
  await expect(app.rename('new', 'cat'), 'ok');
  assert.equal((await app.exec('cat', 'replaced')).output, 'replaced\n');
  assert.deepEqual(await finish(), { status: 0, output: 'done' });
});

fact('a program runs on after its name is gone', async (scene) => {
  const { finish } = await startCat(scene);
  await scene.app.unlink('cat');
  assert.deepEqual(await finish(), { status: 0, output: 'done' });
});

fact('a program that was just written, moved or changed runs as it is now', async ({ app }) => {
  for (let round = 0; round < 10; round++) {
    await app.writeFile('script', `#!/bin/sh\necho round ${round}\n`);
    await app.chmod('script', 0o755);
    assert.equal((await app.exec('script')).output, `round ${round}\n`);
    await app.rename('script', 'moved');
    assert.equal((await app.exec('moved')).output, `round ${round}\n`);
  }
});

fact('inherited descriptors work in the program', async ({ app }) => {
  await app.writeFile('input', 'content of the input\n');
  await install(app, '/usr/bin/cat', 'cat');
  const fd = await app.openInherited('input', O.RDONLY);
  assert.equal((await app.exec('cat', `/proc/self/fd/${fd}`)).output, 'content of the input\n');
});

// ---- file capabilities ----

/** security.capability, version 2: cap_setgid or others as permitted and effective. */
function capability(...numbers: number[]): Buffer {
  const bytes = Buffer.alloc(20);
  bytes.writeUInt32LE(0x02000001);
  const mask = numbers.reduce((bits, number) => bits | (1n << BigInt(number)), 0n);
  bytes.writeUInt32LE(Number(mask & 0xffffffffn), 4);
  bytes.writeUInt32LE(Number(mask >> 32n), 12);
  return bytes;
}

const NET_RAW = 13;
const NAME = 'security.capability';

rootFact('capabilities of a file are given to who executes it', async ({ app, start }) => {
  await install(app, '/usr/bin/cat', 'cat');
  const user = await start(alice);
  const effective = async () => {
    const { output } = await user.exec('cat', '/proc/self/status');
    return BigInt(`0x${/CapEff:\s*(\w+)/.exec(output)![1]}`);
  };
  assert.equal(await effective(), 0n);
  await app.setxattr('cat', NAME, capability(NET_RAW));
  assert.equal(await effective(), 1n << BigInt(NET_RAW));
  await app.removexattr('cat', NAME);
  assert.equal(await effective(), 0n);
});

rootFact('capabilities are set with the capability for it, and are read as they were set', async ({ app, start }) => {
  await app.create('file', 0o777);
  await app.chown('file', alice.uid, alice.gid);
  const owner = await start(alice);
  await expect(owner.setxattr('file', NAME, capability(NET_RAW)), 'EPERM');
  await app.setxattr('file', NAME, capability(NET_RAW));
  assert((await app.getxattr('file', NAME)).equals(capability(NET_RAW)));
  assert.deepEqual(await owner.listxattr('file'), [NAME]);
  await expect(owner.removexattr('file', NAME), 'EPERM');
  await expect(app.setxattr('file', NAME, 'nonsense'), 'EINVAL');
});

const changes: Record<string, (app: Actor, fd: number) => Promise<unknown>> = {
  write: (app, fd) => app.write(fd, 'x'),
  pwritev: (app, fd) => app.pwritev2(fd, 3, 0, 'a', 'b'),
  ftruncate: (app, fd) => app.ftruncate(fd, 3),
  truncate: (app) => app.truncate('file', 3),
  'open with O_TRUNC': (app) => app.open('file', O.WRONLY | O.TRUNC),
  fallocate: (app, fd) => app.fallocate(fd, 0, 0, 10_000),
  'punching a hole': (app, fd) => app.fallocate(fd, FALLOC.PUNCH_HOLE | FALLOC.KEEP_SIZE, 0, 3),
  copy_file_range: async (app, fd) => app.copyFileRange(await app.open('source'), 0, fd, 0, 3),
};

for (const [name, act] of Object.entries(changes)) {
  for (const who of ['root', 'another user'] as const) {
    rootFact(`${name} by ${who} drops the capabilities of a file`, async ({ app, start }) => {
      await app.writeFile('source', 'content of the source');
      await app.writeFile('file', 'content');
      await app.chmod('file', 0o777);
      await app.setxattr('file', NAME, capability(NET_RAW));
      const actor = who === 'root' ? app : await start(bob);
      await act(actor, await actor.open('file', O.RDWR));
      await expect(app.getxattr('file', NAME), 'ENODATA');
    });
  }
}

rootFact('a write through a handle older than the capabilities of a file drops them', async ({ app, start }) => {
  await app.writeFile('file', Buffer.alloc(100_000));
  await app.chmod('file', 0o777);
  for (const writer of [app, await start(bob)]) {
    const fd = await writer.open('file', O.RDWR);
    await writer.write(fd, 'x');
    await app.setxattr('file', NAME, capability(NET_RAW));
    await writer.write(fd, 'x');
    await expect(app.getxattr('file', NAME), 'ENODATA');
  }
});

rootFact('chown drops capabilities, chmod, utimensat, link and rename keep them', async ({ app }) => {
  await app.writeFile('file', 'content');
  await app.setxattr('file', NAME, capability(NET_RAW));
  await app.chmod('file', 0o700);
  await app.utimens('file', 1n, 2n);
  await app.link('file', 'linked');
  await app.rename('linked', 'moved');
  await app.setxattr('file', 'user.a', '1');
  await app.readFile('file');
  assert((await app.getxattr('moved', NAME)).equals(capability(NET_RAW)));
  await app.chown('file', bob.uid, -1);
  await expect(app.getxattr('file', NAME), 'ENODATA');
});

rootFact('a store to a mapping keeps capabilities, as no call is made that could drop them', async ({ app }) => {
  await app.writeFile('file', 'content');
  await app.setxattr('file', NAME, capability(NET_RAW));
  const fd = await app.open('file', O.RDWR);
  const mapping = await app.mmap(fd, 4096, PROT.READ | PROT.WRITE, MAP.SHARED);
  await app.store(mapping, 0, 'CON');
  await app.fsync(fd);
  await expect(app.getxattr('file', NAME), 'ok');
});
