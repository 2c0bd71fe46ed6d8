import assert from 'node:assert/strict';
import { after } from 'node:test';
import fc from 'fast-check';
import { Actor, CallError, S } from '../actor/index.ts';
import { alice, removeTree, rootFact, STAFF } from './fact.ts';
import { anyStep, type Player, prepare, SLOTS, type Step } from './random.table.ts';
import { openReference, type Reference } from './reference.ts';

/** The same in every run, so that none fails by chance; another CFS_TEST_SEED tries others. */
const RUNS = Number(process.env['CFS_TEST_RANDOM_RUNS'] ?? 8);
const STEPS = Number(process.env['CFS_TEST_RANDOM_STEPS'] ?? 50);
const SEED = Number(process.env['CFS_TEST_SEED'] ?? 1);
/** A failure is made shorter for so long and then told as it is. */
const SHRINK_LIMIT_MS = 60_000;

let opening: Promise<Reference | undefined> | undefined;
after(async () => (await opening)?.release());

/** One of the two worlds that go through the same steps. */
class World {
  readonly #keeper: Actor;
  readonly #path: string;
  readonly #players: Player[];

  private constructor(keeper: Actor, players: Actor[], path: string) {
    this.#keeper = keeper;
    this.#path = path;
    this.#players = players.map((app) => ({ app, slots: Array<undefined>(SLOTS).fill(undefined) }));
  }

  static async create(dir: string, label: string): Promise<World> {
    const keeper = await Actor.start({ cwd: dir });
    const path = `world-${process.pid}-${label}`;
    await keeper.mkdir(path);
    await keeper.chmod(path, 0o777);
    const cwd = `${dir}/${path}`;
    const players = await Promise.all([Actor.start({ cwd }), Actor.start({ cwd, ...alice, groups: [STAFF] })]);
    const world = new World(keeper, players, path);
    await prepare(world.#players);
    return world;
  }

  /** What the step answered: its value or its errno. */
  async run(step: Step): Promise<string> {
    try {
      return JSON.stringify(await step.run(this.#players[step.player]!)) ?? 'nothing';
    } catch (error) {
      if (error instanceof CallError) return error.code;
      throw error;
    }
  }

  /** Everything below, one line for each object, and the files that are only open. */
  async describe(): Promise<string[]> {
    const tree = describeTree(this.#keeper, this.#path);
    const open = this.#players.flatMap(({ app, slots }) =>
      slots.map((fd, index) => (fd === undefined ? '' : describeOpen(app, fd, index))),
    );
    return [...(await tree), ...(await Promise.all(open))];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { app } of this.#players) await app[Symbol.asyncDispose]();
    await removeTree(this.#keeper, this.#path);
    await this.#keeper[Symbol.asyncDispose]();
  }
}

async function describeOpen(app: Actor, fd: number, slot: number): Promise<string> {
  const { kind, mode, uid, gid, nlink, size } = await app.fstat(fd);
  const facts = [`slot ${slot}`, kind.toString(8), mode.toString(8), `${uid}:${gid}`, `links ${nlink}`];
  // How large a directory is differs between file systems.
  return [...facts, `size ${kind === S.IFDIR ? 'any' : size}`].join(' ');
}

// All that can be asked is asked at once, so that the long way to each actor is gone once for each level of the tree.
async function describeTree(app: Actor, path: string): Promise<string[]> {
  const { kind, mode, uid, gid, nlink, size } = await app.lstat(path);
  const facts = [path.replace(/^[^/]*/, '.'), kind.toString(8), mode.toString(8), `${uid}:${gid}`, `links ${nlink}`];
  if (kind === S.IFLNK) return [[...facts, `to ${await app.readlink(path)}`].join(' ')];
  const attributes = describeAttributes(app, path);
  if (kind === S.IFREG) {
    const content = summarize(await app.readFile(path));
    return [[...facts, ...(await attributes), `size ${size}`, content].join(' ')];
  }
  const names = kind === S.IFDIR ? await app.names(path) : [];
  const below = await Promise.all(names.map((name) => describeTree(app, `${path}/${name}`)));
  return [[...facts, ...(await attributes)].join(' '), ...below.flat()];
}

async function describeAttributes(app: Actor, path: string): Promise<string[]> {
  const names = await app.listxattr(path);
  return Promise.all(names.map(async (name) => `${name}=${(await app.getxattr(path, name)).toString('hex')}`));
}

/** Runs of equal bytes, as "w20 p3". */
function summarize(content: Buffer): string {
  const runs: string[] = [];
  for (let at = 0; at < content.length; ) {
    const byte = content[at]!;
    let end = at + 1;
    while (end < content.length && content[end] === byte) end++;
    runs.push(`${byte === 0 ? '0x' : String.fromCharCode(byte)}${end - at}`);
    at = end;
  }
  return runs.join(' ');
}

rootFact(
  `${RUNS} random sequences of operations do what they do on a file system of the kernel (CFS_TEST_SEED=${SEED})`,
  async ({ target, dir }) => {
    opening ??= openReference();
    const reference = await opening;
    if (reference === undefined) return 'ext4 cannot be mounted here, to compare with';
    let label = 0;
    const same = fc.asyncProperty(fc.array(anyStep, { minLength: 1, maxLength: STEPS, size: 'max' }), async (steps) => {
      label += 1;
      await using ours = await World.create(dir, String(label));
      await using theirs = await World.create(reference.dir, String(label));
      for (const [index, step] of steps.entries()) {
        const [actual, expected] = await Promise.all([ours.run(step), theirs.run(step)]);
        const where = `step ${index}: ${step.text}, on ${target.kind} and ext4`;
        assert.equal(actual, expected, `${where} answered ${actual} and ${expected}`);
        const [mine, model] = await Promise.all([ours.describe(), theirs.describe()]);
        assert.deepEqual(mine, model, where);
      }
    });
    await fc.assert(same, {
      seed: SEED,
      numRuns: RUNS,
      interruptAfterTimeLimit: SHRINK_LIMIT_MS + RUNS * STEPS * 20,
      reporter: (details) => report(details),
    });
  },
  { timeoutMs: SHRINK_LIMIT_MS * 2 + RUNS * STEPS * 40 },
);

function report(details: fc.RunDetails<[Step[]]>): void {
  if (!details.failed) return;
  const steps = details.counterexample?.[0].map(({ text }) => text).join('\n');
  throw new Error(`CFS_TEST_SEED=${details.seed}, after ${details.numShrinks} reductions:\n${steps}`, {
    cause: details.errorInstance,
  });
}
