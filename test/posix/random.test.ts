import assert from 'node:assert/strict';
import { after } from 'node:test';
import fc from 'fast-check';
import { Actor, CallError, S } from '../actor/index.ts';
import { alice, removeTree, rootFact, STAFF } from './fact.ts';
import { anyStep, type Player, SLOTS, type Step } from './random.table.ts';
import { openReference, type Reference } from './reference.ts';

/** CFS_TEST_SEED repeats a run. */
const RUNS = Number(process.env['CFS_TEST_RANDOM_RUNS'] ?? 30);
const STEPS = Number(process.env['CFS_TEST_RANDOM_STEPS'] ?? 40);
const SEED = Number(process.env['CFS_TEST_SEED'] ?? Date.now() % 1_000_000_007);
/** A failure is made shorter for so long and then told as it is. */
const SHRINK_LIMIT_MS = 60_000;

let opening: Promise<Reference> | undefined;
after(async () => (await opening)?.release());

/** One of the two worlds that go through the same steps. */
class World {
  readonly #keeper: Actor;
  readonly #dir: string;
  readonly #path: string;
  readonly #players: Player[];

  private constructor(keeper: Actor, players: Actor[], place: { dir: string; path: string }) {
    this.#keeper = keeper;
    this.#dir = place.dir;
    this.#path = place.path;
    this.#players = players.map((app) => ({ app, slots: Array<undefined>(SLOTS).fill(undefined) }));
  }

  static async create(dir: string, label: string): Promise<World> {
    const keeper = await Actor.start({ cwd: dir });
    const path = `world-${process.pid}-${label}`;
    await keeper.mkdir(path);
    await keeper.chmod(path, 0o777);
    const cwd = `${dir}/${path}`;
    const players = await Promise.all([Actor.start({ cwd }), Actor.start({ cwd, ...alice, groups: [STAFF] })]);
    return new World(keeper, players, { dir, path });
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
    const lines = await describeTree(this.#keeper, this.#path);
    for (const { app, slots } of this.#players) {
      for (const [index, fd] of slots.entries()) {
        if (fd === undefined) continue;
        const { kind, mode, uid, gid, nlink, size } = await app.fstat(fd);
        const length = kind === S.IFDIR ? 'any' : size;
        lines.push(
          `slot ${index}: ${kind.toString(8)} ${mode.toString(8)} ${uid}:${gid} links ${nlink} size ${length}`,
        );
      }
    }
    return lines;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { app } of this.#players) await app[Symbol.asyncDispose]();
    await removeTree(this.#keeper, this.#path);
    await this.#keeper[Symbol.asyncDispose]();
  }

  get dir(): string {
    return this.#dir;
  }
}

async function describeTree(app: Actor, path: string): Promise<string[]> {
  const { kind, mode, uid, gid, nlink, size } = await app.lstat(path);
  const facts = [path.replace(/^[^/]*/, '.'), kind.toString(8), mode.toString(8), `${uid}:${gid}`, `links ${nlink}`];
  if (kind === S.IFLNK) return [[...facts, `to ${await app.readlink(path)}`].join(' ')];
  for (const name of await app.listxattr(path))
    facts.push(`${name}=${(await app.getxattr(path, name)).toString('hex')}`);
  if (kind === S.IFREG) return [[...facts, `size ${size}`, summarize(await app.readFile(path))].join(' ')];
  const lines = [facts.join(' ')];
  if (kind === S.IFDIR)
    for (const name of await app.names(path)) lines.push(...(await describeTree(app, `${path}/${name}`)));
  return lines;
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
    let label = 0;
    const same = fc.asyncProperty(fc.array(anyStep, { minLength: 1, maxLength: STEPS, size: 'max' }), async (steps) => {
      label += 1;
      await using ours = await World.create(dir, String(label));
      await using theirs = await World.create(reference.dir, String(label));
      for (const [index, step] of steps.entries()) {
        const [actual, expected] = [await ours.run(step), await theirs.run(step)];
        const where = `step ${index}: ${step.text}, on ${target.kind} and ${reference.kind}`;
        assert.equal(actual, expected, `${where} answered ${actual} and ${expected}`);
        assert.deepEqual(await ours.describe(), await theirs.describe(), where);
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
