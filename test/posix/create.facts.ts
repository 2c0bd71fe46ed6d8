import assert from 'node:assert/strict';
import { type Actor, O, S } from '../actor/index.ts';
import { alice, bob, expect, fact, rootFact, STAFF } from './fact.ts';

type Maker = (app: Actor, path: string, mode: number) => Promise<unknown>;

const makers: { name: string; kind: number; make: Maker }[] = [
  { name: 'open', kind: S.IFREG, make: (app, path, mode) => app.open(path, O.CREAT | O.EXCL | O.WRONLY, mode) },
  { name: 'mknod of a file', kind: S.IFREG, make: (app, path, mode) => app.mknod(path, S.IFREG | mode) },
  { name: 'mknod of a fifo', kind: S.IFIFO, make: (app, path, mode) => app.mknod(path, S.IFIFO | mode) },
  { name: 'mknod of a socket', kind: S.IFSOCK, make: (app, path, mode) => app.mknod(path, S.IFSOCK | mode) },
  { name: 'mkdir', kind: S.IFDIR, make: (app, path, mode) => app.mkdir(path, mode) },
];

/** Which of the special bits a caller may ask for: mkdir takes the sticky bit only. */
const specialBits = (kind: number) => (kind === S.IFDIR ? 0o1000 : 0o7000);

for (const { name, kind, make } of makers) {
  fact(`${name} applies the umask to the mode`, async ({ app }) => {
    const rows = [0, 0o022, 0o077, 0o027, 0o777, 0o123].flatMap((umask) =>
      [0o777, 0o666, 0o640, 0].map((mode) => [umask, mode]),
    );
    for (const [index, [umask, mode]] of (rows as [number, number][]).entries()) {
      await app.umask(umask);
      await make(app, `new${index}`, mode);
      const stat = await app.stat(`new${index}`);
      assert.equal(stat.kind, kind);
      assert.equal(stat.mode, mode & ~umask, `mode ${mode.toString(8)} umask ${umask.toString(8)}`);
    }
  });

  fact(`${name} takes the special bits that it may`, async ({ app }) => {
    await app.umask(0);
    for (const special of [0o4000, 0o2000, 0o1000]) {
      await make(app, `new${special}`, special | 0o755);
      assert.equal((await app.stat(`new${special}`)).mode, 0o755 | (special & specialBits(kind)));
    }
  });

  rootFact(`${name} gives the file to the caller`, async ({ start }) => {
    const user = await start({ uid: alice.uid, gid: STAFF });
    await make(user, 'new', 0o755);
    const { uid, gid } = await user.stat('new');
    assert.deepEqual([uid, gid], [alice.uid, STAFF]);
  });

  rootFact(`${name} in a setgid directory takes the group of the directory`, async ({ app, start }) => {
    await app.mkdir('shared');
    await app.chown('shared', bob.uid, STAFF);
    await app.chmod('shared', 0o2777);
    const user = await start(alice);
    await make(user, 'shared/new', 0o755);
    const stat = await user.stat('shared/new');
    assert.deepEqual([stat.uid, stat.gid], [alice.uid, STAFF]);
    // Directories pass the bit on.
    assert.equal(stat.mode, kind === S.IFDIR ? 0o2755 : 0o755);
  });

  rootFact(`${name} needs the right to write to the directory`, async ({ app, start }) => {
    await app.mkdir('closed', 0o755);
    await app.mkdir('write-only', 0o755);
    await app.chmod('write-only', 0o766);
    const user = await start(alice);
    await expect(make(user, 'closed/new', 0o644), 'EACCES');
    await expect(make(user, 'write-only/new', 0o644), 'EACCES');
    assert.deepEqual(await app.names('closed'), []);
  });

  fact(`${name} makes something with one name, owned times and no content`, async ({ app }) => {
    const { values } = await app.call('now');
    await make(app, 'new', 0o755);
    const stat = await app.stat('new');
    assert.equal(stat.nlink, kind === S.IFDIR ? 2 : 1);
    if (kind !== S.IFDIR) assert.deepEqual([stat.size, stat.blocks], [0, 0]);
    const second = 1_000_000_000n;
    const before = BigInt(values[0]!) * second + BigInt(values[1]!) - second / 10n;
    for (const time of [stat.atime, stat.mtime, stat.ctime]) assert(time >= before && time < before + 10n * second);
  });
}

rootFact('a setgid program of a foreign group cannot be made in a setgid directory', async ({ app, start }) => {
  await app.mkdir('shared');
  await app.chown('shared', bob.uid, STAFF);
  await app.chmod('shared', 0o2777);
  const outsider = await start({ ...alice, umask: 0 });
  const member = await start({ ...alice, groups: [STAFF], umask: 0 });
  for (const { name, make, kind } of makers.filter((maker) => maker.kind !== S.IFDIR)) {
    await make(outsider, `shared/outsider ${name}`, 0o2755);
    await make(member, `shared/member ${name}`, 0o2755);
    const modes = [await app.stat(`shared/outsider ${name}`), await app.stat(`shared/member ${name}`)].map(
      ({ mode }) => mode,
    );
    assert.deepEqual(modes, [0o755, 0o2755], `${name} ${kind}`);
  }
  // Without the right to execute for the group the bit means something else, and stays.
  await outsider.open('shared/locking', O.CREAT | O.WRONLY, 0o2745);
  assert.equal((await app.stat('shared/locking')).mode, 0o2745);
});

fact('mknod without a kind makes a file', async ({ app }) => {
  await app.mknod('new', 0o640);
  assert.equal((await app.stat('new')).kind, S.IFREG);
});

fact('mknod makes no directory, no symbolic link and no unknown kind', async ({ app }) => {
  await expect(app.mknod('new', S.IFDIR | 0o755), 'EPERM');
  await expect(app.mknod('new', S.IFLNK | 0o755), 'EINVAL');
  await expect(app.mknod('new', 0o150000), 'EINVAL');
  assert.deepEqual(await app.names(), []);
});

rootFact('device nodes keep their numbers', async ({ app }) => {
  const devices = [
    { major: 1, minor: 3 },
    { major: 0, minor: 0 },
    { major: 255, minor: 255 },
    { major: 256, minor: 256 },
    { major: 4095, minor: 1_048_575 },
  ];
  for (const [index, device] of devices.entries()) {
    for (const kind of [S.IFCHR, S.IFBLK]) {
      const name = `device${index}-${kind}`;
      // Character device 0:0 is the whiteout; root makes it like any other.
      await app.mknod(name, kind | 0o600, device);
      const stat = await app.stat(name);
      assert.deepEqual([stat.kind, stat.rdev], [kind, `${device.major}:${device.minor}`]);
    }
  }
});

rootFact('device nodes are for those with the capability', async ({ start }) => {
  const user = await start(alice);
  await expect(user.mknod('character', S.IFCHR | 0o600, { major: 1, minor: 3 }), 'EPERM');
  await expect(user.mknod('block', S.IFBLK | 0o600, { major: 7, minor: 0 }), 'EPERM');
  // A whiteout is no device that could be opened.
  await expect(user.mknod('whiteout', S.IFCHR, { major: 0, minor: 0 }), 'ok');
  await expect(user.mkfifo('fifo'), 'ok');
});

rootFact('a device node works', async ({ app }) => {
  await app.mknod('null', S.IFCHR | 0o666, { major: 1, minor: 3 });
  await app.mknod('zero', S.IFCHR | 0o666, { major: 1, minor: 5 });
  const zero = await app.open('zero', O.RDWR);
  assert.deepEqual(await app.read(zero, 4), Buffer.alloc(4));
  const sink = await app.open('null', O.RDWR);
  assert.equal(await app.write(sink, 'abc'), 3);
  assert.equal((await app.read(sink, 10)).length, 0);
  await app.mknod('nothing', S.IFCHR | 0o666, { major: 4000, minor: 1 });
  await expect(app.open('nothing', O.RDWR), 'ENXIO');
});

fact('one process writes to a fifo what another reads', async ({ app, start }) => {
  await app.mkfifo('fifo');
  await expect(app.open('fifo', O.WRONLY | O.NONBLOCK), 'ENXIO');
  const other = await start();
  const opening = other.open('fifo', O.WRONLY);
  const reader = await app.open('fifo', O.RDONLY);
  const writer = await opening;
  await other.write(writer, 'through');
  assert.equal((await app.read(reader, 100)).toString(), 'through');
  await expect(app.lseek(reader, 0), 'ESPIPE');
  await expect(app.pread(reader, 1, 0), 'ESPIPE');
  await expect(app.ftruncate(reader, 0), 'EINVAL');
  await other.close(writer);
  assert.equal((await app.read(reader, 100)).length, 0);
  assert.equal((await app.stat('fifo')).size, 0);
});

fact('an open of a fifo that waits can be interrupted', async ({ app }) => {
  await app.mkfifo('fifo');
  await expect(app.callWithAlarm(50, 'openat', -100, 'fifo', O.WRONLY, 0), 'EINTR');
});

fact('bind makes a socket through which processes connect', async ({ app, start }) => {
  const other = await start();
  const listener = (await app.call('socket', 1)).value;
  await app.call('bind', listener, 'socket');
  const stat = await app.stat('socket');
  assert.deepEqual([stat.kind, stat.mode], [S.IFSOCK, 0o755]);
  await expect(app.call('bind', (await app.call('socket', 1)).value, 'socket'), 'EADDRINUSE');
  await app.call('listen', listener);
  const client = (await other.call('socket', 1)).value;
  await other.call('connect', client, 'socket');
  const server = (await app.call('accept', listener)).value;
  await other.write(client, 'hello');
  assert.equal((await app.read(server, 100)).toString(), 'hello');
  await app.rename('socket', 'moved');
  await other.call('connect', (await other.call('socket', 1)).value, 'moved');
  await app.unlink('moved');
  await expect(other.call('connect', (await other.call('socket', 1)).value, 'moved'), 'ENOENT');
});

rootFact('connecting to a socket needs the right to write to it', async ({ app, start }) => {
  const listener = (await app.call('socket', 1)).value;
  await app.call('bind', listener, 'socket');
  await app.call('listen', listener);
  const user = await start(alice);
  await expect(user.call('connect', (await user.call('socket', 1)).value, 'socket'), 'EACCES');
  await app.chmod('socket', 0o702);
  await expect(user.call('connect', (await user.call('socket', 1)).value, 'socket'), 'ok');
});
