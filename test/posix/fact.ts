import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Actor, type ActorOptions, AT, type Bytes, FS, O, outcome, S } from '../actor/index.ts';
import { type Ability, openTarget, type Target, targetObstacle } from './target.ts';

export interface Scene {
  /** An application with the rights of the suite (root where the suite runs as root), in an empty directory. */
  app: Actor;
  target: Target;
  /** The absolute path of that directory. */
  dir: string;
  /** Starts another application in the same directory. */
  start(options?: Partial<ActorOptions>): Promise<Actor>;
}

/** Tries the fact; may return why that is not possible here. */
export type Tell = (scene: Scene) => Promise<string | void>;

export interface FactOptions {
  /** The fact is skipped, by name, where the target lacks one of these. */
  needs?: Ability[];
  timeoutMs?: number;
}

/** Users of the tests. They need not exist on the machine. */
export const alice = { uid: 60_001, gid: 60_001 };
export const bob = { uid: 60_002, gid: 60_002 };
export const carol = { uid: 60_003, gid: 60_003 };
/** A group that tests give to whom they like. */
export const STAFF = 60_100;

/** Only a hang takes so long, however busy the machine is. */
const LIMIT_MS = 240_000;

let opening: Promise<Target> | undefined;
/** Makes and removes the directories of the scenes. */
let stagehand: Actor | undefined;
let sceneCount = 0;

after(async () => {
  await stagehand?.[Symbol.asyncDispose]();
  await (await opening)?.release();
});

const skip = targetObstacle() ?? false;

/** One fact about the target, tried in a directory of its own that is removed afterwards. */
export function fact(name: string, tell: Tell, options: FactOptions = {}): void {
  test(name, { skip, timeout: options.timeoutMs ?? LIMIT_MS }, async (context) => {
    opening ??= openTarget();
    const target = await opening;
    const missing = (options.needs ?? []).filter((ability) => !target.abilities.has(ability));
    if (missing.length > 0) return context.skip(`${target.kind} lacks: ${missing.join(', ')}`);
    const obstacle = await withScene(target, tell);
    if (obstacle !== undefined) context.skip(obstacle);
  });
}

/** A fact that only root can try. */
export function rootFact(name: string, tell: Tell, options: FactOptions = {}): void {
  fact(name, tell, { ...options, needs: ['root', ...(options.needs ?? [])] });
}

async function withScene(target: Target, tell: Tell): Promise<string | void> {
  await using stack = new AsyncDisposableStack();
  stagehand ??= await Actor.start({ cwd: target.dir });
  sceneCount += 1;
  const name = `scene-${process.pid}-${sceneCount}`;
  await stagehand.mkdir(name, 0o777);
  await stagehand.chmod(name, 0o777);
  stack.defer(() => clear(name));
  const dir = `${target.dir}/${name}`;
  const start = async (options: Partial<ActorOptions> = {}) => stack.use(await Actor.start({ cwd: dir, ...options }));
  // Where there is a second mount, other processes are on another host.
  const elsewhere = target.secondDir === undefined ? dir : `${target.secondDir}/${name}`;
  const startElsewhere = (options: Partial<ActorOptions> = {}) => start({ cwd: elsewhere, ...options });
  return await tell({ app: await start(), target, dir, start: startElsewhere });
}

async function clear(name: string): Promise<void> {
  const current = stagehand!;
  // Should this fail, nobody knows where the stagehand stands.
  stagehand = undefined;
  await using stack = new AsyncDisposableStack();
  stack.use(current);
  await removeTree(current, name);
  stagehand = current;
  stack.move();
}

/** Removes everything below, also what was made immutable or very deep. */
export async function removeTree(app: Actor, path: string): Promise<void> {
  const here = await app.open('.', O.DIRECTORY);
  await app.chdir(path);
  await emptyDirectory(app);
  await app.fchdir(here);
  await app.close(here);
  await app.rmdir(path);
}

// Steps into each directory instead of growing a path, which has a limit.
async function emptyDirectory(app: Actor): Promise<void> {
  await outcome(setInodeFlags(app, '.', 0));
  const entries = await app.readdir('.');
  const others = entries.filter(({ name }) => name !== '.' && name !== '..');
  await Promise.all(others.map(({ bytes }) => app.unlink(bytes).catch(() => undefined)));
  for (const { bytes } of others) {
    const stat = await app.lstat(bytes).catch(() => undefined);
    if (!stat) continue;
    if (stat.kind === S.IFDIR) {
      if ((stat.mode & 0o700) !== 0o700) await outcome(app.chmod(bytes, 0o700));
      await app.chdir(bytes);
      await emptyDirectory(app);
      await app.chdir('..');
      await app.call('unlinkat', AT.FDCWD, bytes, AT.REMOVEDIR);
      continue;
    }
    await setInodeFlags(app, bytes, 0);
    await app.unlink(bytes);
  }
}

/** Asserts how a call ends: `ok` or the name of an errno. */
export async function expect(call: Promise<unknown>, expected: string, message?: string): Promise<void> {
  const actual = await outcome(call);
  assert.equal(actual, expected, message && `${message}: ${actual} instead of ${expected}`);
}

const chosenFlags = FS.IMMUTABLE_FL | FS.APPEND_FL | FS.NODUMP_FL | FS.NOATIME_FL;

/** Sets these inode flags and clears the others that a user can choose, as chattr does. */
export async function setInodeFlags(app: Actor, path: Bytes, flags: number): Promise<void> {
  const fd = await app.open(path, O.RDONLY | O.NONBLOCK);
  try {
    // The remaining flags describe the file's layout; ext4 would try to change that.
    const rest = (await app.getInodeFlags(fd)) & ~chosenFlags;
    await app.setInodeFlags(fd, rest | flags);
  } finally {
    await app.close(fd);
  }
}

export async function getInodeFlags(app: Actor, path: Bytes): Promise<number> {
  const fd = await app.open(path);
  try {
    return (await app.getInodeFlags(fd)) & chosenFlags;
  } finally {
    await app.close(fd);
  }
}

/** Sets inode flags while `use` runs. */
export async function withInodeFlags(app: Actor, path: Bytes, flags: number, use: () => Promise<void>): Promise<void> {
  await setInodeFlags(app, path, flags);
  try {
    await use();
  } finally {
    await setInodeFlags(app, path, 0);
  }
}
