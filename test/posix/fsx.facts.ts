import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Actor, FALLOC, MAP, MS, O, PROT } from '../actor/index.ts';
import { fact } from './fact.ts';

/** How many random operations, the same in every run; another CFS_TEST_SEED tries others. */
const OPERATIONS = Number(process.env['CFS_TEST_FSX_OPERATIONS'] ?? 2000);
const SEED = Number(process.env['CFS_TEST_SEED'] ?? 1);
const LIMIT = 256 * 1024;
const LONGEST = 64 * 1024;
const PAGE = 4096;
const HISTORY = 12;

/** A small generator of the linear congruential kind: the run depends on the seed alone. */
class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * limit);
  }

  /** Small and page-aligned numbers come more often, for most errors live there. */
  range(end: number): { offset: number; length: number } {
    let offset = this.below(end);
    if (this.below(4) === 0) offset -= offset % PAGE;
    const longest = this.below(3) === 0 ? LONGEST : 2 * PAGE;
    let length = 1 + this.below(longest);
    if (this.below(4) === 0) length = Math.max(PAGE, length - (length % PAGE));
    return { offset, length: Math.min(length, LIMIT - offset) };
  }
}

/** The file as it should be. */
class Model {
  bytes: Buffer = Buffer.alloc(0);

  resize(size: number): void {
    const next = Buffer.alloc(size);
    this.bytes.copy(next, 0, 0, Math.min(size, this.bytes.length));
    this.bytes = next;
  }

  write(data: Buffer, offset: number): void {
    if (offset + data.length > this.bytes.length) this.resize(offset + data.length);
    data.copy(this.bytes, offset);
  }

  zero(offset: number, length: number): void {
    if (offset < this.bytes.length) this.bytes.fill(0, offset, Math.min(this.bytes.length, offset + length));
  }
}

interface Run {
  app: Actor;
  fd: number;
  direct: number | undefined;
  model: Model;
  chance: Chance;
  zeroRange: boolean;
}

type Step = (run: Run) => Promise<string>;

let fill = 0;

function newData(length: number): Buffer {
  fill = (fill % 250) + 1;
  const data = Buffer.alloc(length, fill);
  for (let at = 0; at < length; at += 256) data[at] = at >> 8;
  return data;
}

function check(model: Model, actual: Buffer, offset: number): void {
  const expected = model.bytes.subarray(offset, offset + actual.length);
  if (expected.equals(actual)) return;
  const at = expected.findIndex((byte, index) => byte !== actual[index]);
  assert.fail(`at ${offset + at}: ${actual[at]} instead of ${expected[at]}`);
}

const steps: Record<string, { weight: number; step: Step }> = {
  read: {
    weight: 6,
    async step({ app, fd, model, chance }) {
      const { offset, length } = chance.range(LIMIT);
      const actual = await app.pread(fd, length, offset);
      assert.equal(actual.length, Math.max(0, Math.min(length, model.bytes.length - offset)));
      check(model, actual, offset);
      return `${offset} + ${length}`;
    },
  },
  write: {
    weight: 6,
    async step({ app, fd, model, chance }) {
      const { offset, length } = chance.range(LIMIT - 1);
      const data = newData(length);
      assert.equal(await app.pwrite(fd, data, offset), length);
      model.write(data, offset);
      return `${offset} + ${length}`;
    },
  },
  mapRead: {
    weight: 3,
    async step({ app, fd, model, chance }) {
      if (model.bytes.length === 0) return 'nothing';
      const offset = chance.below(model.bytes.length);
      const length = Math.min(1 + chance.below(LONGEST), model.bytes.length - offset);
      const start = offset - (offset % PAGE);
      const mapping = await app.mmap(fd, offset + length - start, PROT.READ, MAP.SHARED, start);
      check(model, await app.load(mapping, offset - start, length), offset);
      await app.munmap(mapping);
      return `${offset} + ${length}`;
    },
  },
  mapWrite: {
    weight: 3,
    async step({ app, fd, model, chance }) {
      const { offset, length } = chance.range(LIMIT - 1);
      if (offset + length > model.bytes.length) {
        await app.ftruncate(fd, offset + length);
        model.resize(offset + length);
      }
      const start = offset - (offset % PAGE);
      const data = newData(length);
      const mapping = await app.mmap(fd, offset + length - start, PROT.READ | PROT.WRITE, MAP.SHARED, start);
      await app.store(mapping, offset - start, data);
      if (chance.below(2) === 0) await app.msync(mapping, MS.SYNC);
      await app.munmap(mapping);
      model.write(data, offset);
      return `${offset} + ${length}`;
    },
  },
  truncate: {
    weight: 2,
    async step({ app, fd, model, chance }) {
      const size = chance.below(LIMIT);
      await app.ftruncate(fd, size);
      model.resize(size);
      return `${size}`;
    },
  },
  allocate: {
    weight: 1,
    async step({ app, fd, model, chance }) {
      const { offset, length } = chance.range(LIMIT - 1);
      const keep = chance.below(2) === 0;
      await app.fallocate(fd, keep ? FALLOC.KEEP_SIZE : 0, offset, length);
      if (!keep && offset + length > model.bytes.length) model.resize(offset + length);
      return `${offset} + ${length}${keep ? ' keeping the size' : ''}`;
    },
  },
  punch: {
    weight: 2,
    async step({ app, fd, model, chance }) {
      const { offset, length } = chance.range(LIMIT - 1);
      await app.fallocate(fd, FALLOC.PUNCH_HOLE | FALLOC.KEEP_SIZE, offset, length);
      model.zero(offset, length);
      return `${offset} + ${length}`;
    },
  },
  zero: {
    weight: 2,
    async step({ app, fd, model, chance, zeroRange }) {
      const { offset, length } = chance.range(LIMIT - 1);
      const keep = chance.below(2) === 0;
      if (!zeroRange) return 'not possible';
      await app.fallocate(fd, FALLOC.ZERO_RANGE | (keep ? FALLOC.KEEP_SIZE : 0), offset, length);
      if (!keep && offset + length > model.bytes.length) model.resize(offset + length);
      model.zero(offset, length);
      return `${offset} + ${length}${keep ? ' keeping the size' : ''}`;
    },
  },
  copy: {
    weight: 2,
    async step({ app, fd, model, chance }) {
      const { offset, length } = chance.range(LIMIT - 1);
      const to = chance.below(LIMIT - length);
      if (Math.abs(to - offset) < length) return 'overlapping';
      const size = await app.copyFileRange(fd, offset, fd, to, length);
      assert(size === 0 ? offset >= model.bytes.length : size <= length);
      if (size > 0) model.write(Buffer.from(model.bytes.subarray(offset, offset + size)), to);
      return `${offset} + ${size} to ${to}`;
    },
  },
  directRead: {
    weight: 1,
    async step({ app, direct, model, chance }) {
      const offset = PAGE * chance.below(LIMIT / PAGE);
      if (direct === undefined) return 'not possible';
      check(model, await app.pread(direct, PAGE * (1 + chance.below(8)), offset), offset);
      return `${offset}`;
    },
  },
  directWrite: {
    weight: 1,
    async step({ app, direct, model, chance }) {
      const offset = PAGE * chance.below(LIMIT / PAGE - 8);
      const data = newData(PAGE * (1 + chance.below(8)));
      if (direct === undefined) return 'not possible';
      assert.equal(await app.pwrite(direct, data, offset), data.length);
      model.write(data, offset);
      return `${offset} + ${data.length}`;
    },
  },
  reopen: {
    weight: 1,
    async step(run) {
      await run.app.close(run.fd);
      run.fd = await run.app.open('file', O.RDWR);
      return '';
    },
  },
  sync: {
    weight: 1,
    async step({ app, fd, chance }) {
      await (chance.below(2) === 0 ? app.fsync(fd) : app.fdatasync(fd));
      return '';
    },
  },
};

const wheel = Object.entries(steps).flatMap(([name, { weight }]) => Array<string>(weight).fill(name));

fact(
  `${OPERATIONS} random operations leave a file as they leave a model (CFS_TEST_SEED=${SEED})`,
  async ({ app, target }) => {
    const fd = await app.open('file', O.CREAT | O.RDWR);
    const direct = target.abilities.has('direct') ? await app.open('file', O.RDWR | O.DIRECT) : undefined;
    const zeroRange = target.abilities.has('zeroRange');
    const run: Run = { app, fd, direct, model: new Model(), chance: new Chance(SEED), zeroRange };
    const history: string[] = [];
    for (let count = 0; count < OPERATIONS; count++) {
      const name = wheel[run.chance.below(wheel.length)]!;
      try {
        history.push(`${count} ${name} ${await steps[name]!.step(run)}`);
        if (history.length > HISTORY) history.shift();
        assert.equal((await app.fstat(run.fd)).size, run.model.bytes.length, 'size');
        if (count % 50 === 0) check(run.model, await app.readFile('file'), 0);
      } catch (error) {
        throw new Error(`operation ${count}, ${name}, after:\n${history.join('\n')}`, { cause: error });
      }
    }
  },
  { timeoutMs: 120_000 + OPERATIONS * 10 },
);

test('the same seed makes the same choices', () => {
  const [one, two] = [new Chance(7), new Chance(7)];
  for (let count = 0; count < 100; count++) assert.deepEqual(one.range(LIMIT), two.range(LIMIT));
});
