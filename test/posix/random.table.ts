import fc from 'fast-check';
import { type Actor, AT, FALLOC, O, SEEK, UTIME } from '../actor/index.ts';
import { ACCESS_ACL, DEFAULT_ACL, encodeAcl } from './acl.ts';
import { alice, bob, STAFF } from './fact.ts';

/** The process that acts, with its open files: slots hold the same files on both sides. */
export interface Player {
  app: Actor;
  slots: (number | undefined)[];
}

/** One step of a random run: it can be said in one line and repeated on any file system. */
export interface Step {
  text: string;
  /** Which of the players acts: root, or a user in the group STAFF. */
  player: number;
  /** What it returns is compared, so it must not depend on the file system. */
  run: (player: Player) => Promise<unknown>;
}

export const SLOTS = 4;

const name = fc.constantFrom('a', 'a', 'b', 'b', 'c', 'd');
const directory = fc.constantFrom('b', 'b', 'b', 'a', 'c');
const path = fc.oneof(
  { weight: 6, arbitrary: name },
  { weight: 5, arbitrary: fc.tuple(directory, name).map((parts) => parts.join('/')) },
  { weight: 2, arbitrary: fc.tuple(directory, directory, name).map((parts) => parts.join('/')) },
  { weight: 1, arbitrary: fc.tuple(name, fc.constantFrom('/', '/.', '/..')).map((parts) => parts.join('')) },
);
const slot = fc.nat(SLOTS - 1);
const size = fc.oneof(fc.nat(20), fc.constantFrom(0, 4095, 4096, 4097, 10_000, 65_536));
const length = size.map((number) => number + 1);
const mode = fc.constantFrom(0o644, 0o600, 0o755, 0o777, 0o4755, 0o2775, 0o1777, 0o2640, 0o000, 0o066, 0o707);
const owner = fc.constantFrom(-1, 0, alice.uid, bob.uid);
const group = fc.constantFrom(-1, 0, alice.gid, STAFF);
const attribute = fc.constantFrom('user.a', 'user.b', 'trusted.a');
const acl = fc.constantFrom(
  `u::rwx,u:${alice.uid}:rwx,g::r-x,m::rwx,o::---`,
  `u::rw-,u:${bob.uid}:r--,g::---,g:${STAFF}:-wx,m::rwx,o::r--`,
  'u::rwx,g::rwx,o::r-x',
);
const rarely = (flag: number) => fc.constantFrom(0, 0, 0, 0, 0, flag);
const openFlags = fc
  .tuple(
    fc.constantFrom(O.RDONLY, O.WRONLY, O.RDWR, O.RDWR),
    fc.constantFrom(0, O.CREAT, O.CREAT),
    ...[O.EXCL, O.TRUNC, O.APPEND, O.NOFOLLOW, O.DIRECTORY].map(rarely),
  )
  .map((flags) => flags.reduce((all, flag) => all | flag, 0));

/** What both worlds hold at the start: without it most steps would only find that nothing is there. */
export async function prepare(players: Player[]): Promise<void> {
  const [root, user] = players as [Player, Player];
  await root.app.mkdir('b', 0o777);
  await root.app.chmod('b', 0o777);
  await root.app.mkdir('b/b', 0o755);
  await user.app.mkdir('b/c', 0o700);
  await user.app.writeFile('a', 'content of a');
  await root.app.writeFile('b/a', 'content of b/a');
  await root.app.chmod('b/a', 0o666);
  await root.app.link('b/a', 'b/b/a');
  await user.app.symlink('b/b', 'c');
  for (const player of players) {
    player.slots[0] = await player.app.open('a', O.RDWR);
    player.slots[1] = await player.app.open('b/a', O.RDWR | O.APPEND);
    player.slots[2] = await player.app.open('b', O.RDONLY);
  }
}

const fdOf = (player: Player, index: number) => player.slots[index] ?? 999;

async function keep(player: Player, index: number, opening: Promise<number>): Promise<string> {
  const fd = await opening;
  const old = player.slots[index];
  if (old !== undefined) await player.app.close(old);
  player.slots[index] = fd;
  return 'open';
}

type Act<T> = (player: Player, args: T) => Promise<unknown>;

function step<T extends unknown[]>(call: string, args: fc.Arbitrary<T>, act: Act<T>): fc.Arbitrary<Step> {
  const player = fc.constantFrom(0, 0, 1);
  return fc.tuple(player, args).map(([who, values]) => ({
    text: `${who === 0 ? 'root' : 'user'} ${call}(${values.map((value) => JSON.stringify(value)).join(', ')})`,
    player: who,
    run: (actor) => act(actor, values),
  }));
}

const t = fc.tuple;

/** All kinds of steps; common ones are there more than once. */
export const anyStep: fc.Arbitrary<Step> = fc.oneof(
  ...[0, 1, 2, 3].map(() =>
    // O_NONBLOCK, because a fifo would wait for its other end.
    step('open', t(slot, path, openFlags, mode), (p, [s, at, flags, m]) =>
      keep(p, s, p.app.open(at, flags | O.NONBLOCK, m)),
    ),
  ),
  ...[0, 1].map(() => step('mkdir', t(path, mode), (p, [at, m]) => p.app.mkdir(at, m))),
  ...[0, 1].map(() =>
    step('rename', t(path, path, fc.constantFrom(0, 0, 1, 2)), (p, [from, to, f]) => p.app.rename(from, to, f)),
  ),
  ...[0, 1].map(() => step('write', t(slot, length), (p, [s, n]) => p.app.write(fdOf(p, s), 'w'.repeat(n)))),
  ...[0, 1].map(() =>
    step('read', t(slot, length), async (p, [s, n]) => (await p.app.read(fdOf(p, s), n)).toString('latin1')),
  ),
  step('rmdir', t(path), (p, [at]) => p.app.rmdir(at)),
  step('unlink', t(path), (p, [at]) => p.app.unlink(at)),
  step('link', t(path, path, fc.constantFrom(0, AT.SYMLINK_FOLLOW)), (p, [from, to, f]) => p.app.link(from, to, f)),
  step('symlink', t(path, path), (p, [text, at]) => p.app.symlink(text, at)),
  step('mkfifo', t(path, mode), (p, [at, m]) => p.app.mkfifo(at, m)),
  step('O_TMPFILE', t(slot, path, mode), (p, [s, at, m]) => keep(p, s, p.app.open(at, O.TMPFILE | O.RDWR, m))),
  step('linkDescriptor', t(slot, path), (p, [s, at]) => p.app.linkDescriptor(fdOf(p, s), at)),
  step('close', t(slot), async (p, [s]) => {
    const fd = fdOf(p, s);
    p.slots[s] = undefined;
    await p.app.close(fd);
  }),
  step('pread', t(slot, length, size), async (p, [s, n, at]) =>
    (await p.app.pread(fdOf(p, s), n, at)).toString('latin1'),
  ),
  step('pwrite', t(slot, length, size), (p, [s, n, at]) => p.app.pwrite(fdOf(p, s), 'p'.repeat(n), at)),
  step('lseek', t(slot, size, fc.constantFrom(SEEK.SET, SEEK.CUR, SEEK.END)), async (p, [s, at, whence]) => {
    // Where a directory ends is for the file system to say.
    const { kind } = await p.app.fstat(fdOf(p, s));
    return kind === 0o040000 ? 'a directory' : p.app.lseek(fdOf(p, s), at, whence);
  }),
  step('truncate', t(path, size), (p, [at, n]) => p.app.truncate(at, n)),
  step('ftruncate', t(slot, size), (p, [s, n]) => p.app.ftruncate(fdOf(p, s), n)),
  step(
    'fallocate',
    t(slot, fc.constantFrom(0, FALLOC.KEEP_SIZE, FALLOC.KEEP_SIZE | FALLOC.PUNCH_HOLE), size, length),
    (p, [s, m, at, n]) => p.app.fallocate(fdOf(p, s), m, at, n),
  ),
  step('copyFileRange', t(slot, size, slot, size, length), (p, [from, at, to, there, n]) =>
    p.app.copyFileRange(fdOf(p, from), at, fdOf(p, to), there, n),
  ),
  step('fsync', t(slot), (p, [s]) => p.app.fsync(fdOf(p, s))),
  step('chmod', t(path, mode), (p, [at, m]) => p.app.chmod(at, m)),
  step('fchmod', t(slot, mode), (p, [s, m]) => p.app.fchmod(fdOf(p, s), m)),
  step('chown', t(path, owner, group), (p, [at, uid, gid]) => p.app.chown(at, uid, gid)),
  step('lchown', t(path, owner, group), (p, [at, uid, gid]) => p.app.lchown(at, uid, gid)),
  step('fchown', t(slot, owner, group), (p, [s, uid, gid]) => p.app.fchown(fdOf(p, s), uid, gid)),
  step(
    'utimens',
    t(path, fc.constantFrom(UTIME.NOW, UTIME.OMIT, 5), fc.constantFrom(UTIME.NOW, UTIME.OMIT, 7)),
    (p, [at, a, m]) => p.app.call('utimensat', AT.FDCWD, at, 0, 1, a, 1, m),
  ),
  step('access', t(path, fc.nat(7)), (p, [at, m]) => p.app.access(at, m)),
  step('umask', t(fc.constantFrom(0, 0o022, 0o077)), (p, [mask]) => p.app.umask(mask)),
  step('setxattr', t(path, attribute, fc.nat(200), fc.nat(2)), (p, [at, key, n, f]) =>
    p.app.setxattr(at, key, 'v'.repeat(n), f),
  ),
  step('getxattr', t(path, attribute), async (p, [at, key]) => (await p.app.getxattr(at, key)).length),
  step('removexattr', t(path, attribute), (p, [at, key]) => p.app.removexattr(at, key)),
  step('setAcl', t(path, fc.constantFrom(ACCESS_ACL, DEFAULT_ACL), acl), (p, [at, key, text]) =>
    p.app.setxattr(at, key, encodeAcl(text)),
  ),
  step('removeAcl', t(path, fc.constantFrom(ACCESS_ACL, DEFAULT_ACL)), (p, [at, key]) => p.app.removexattr(at, key)),
  step('readlink', t(path), async (p, [at]) => (await p.app.readlink(at)).toString()),
);
