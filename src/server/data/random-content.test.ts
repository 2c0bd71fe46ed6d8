import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { below, type Ino, SeededRandom } from '#base';
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_ZERO_RANGE, superuser } from '#protocol';
import { ContentFixture } from './fixture.contract.ts';

const stepsPerSeed = 60;
/** Around the limit of inline content, so that every operation meets both kinds and the way between. */
const offsetMax = 24_000;

/** What a file must read as: an array of bytes. */
class Model {
  bytes = Buffer.alloc(0);

  grow(size: number): void {
    if (size > this.bytes.length) this.bytes = Buffer.concat([this.bytes, Buffer.alloc(size - this.bytes.length)]);
  }

  write(offset: number, data: Uint8Array): void {
    this.grow(offset + data.length);
    this.bytes.set(data, offset);
  }

  truncate(size: number): void {
    this.grow(size);
    this.bytes = Buffer.from(this.bytes.subarray(0, size));
  }

  clear(offset: number, end: number): void {
    this.bytes.fill(0, Math.min(offset, this.bytes.length), Math.min(end, this.bytes.length));
  }
}

/** Two files, so that ranges can be copied between them. */
class Walk {
  readonly #random: SeededRandom;
  readonly #world: ContentFixture;
  readonly #inos: Ino[];
  readonly #models = [new Model(), new Model()];
  readonly #lent: number[] = [];

  constructor(random: SeededRandom, world: ContentFixture, inos: Ino[]) {
    this.#random = random;
    this.#world = world;
    this.#inos = inos;
  }

  async step(): Promise<string> {
    const file = below(this.#random, 2);
    const ino = this.#inos[file]!;
    const model = this.#models[file]!;
    const offset = below(this.#random, offsetMax);
    const length = 1 + below(this.#random, below(this.#random, 4) === 0 ? offsetMax : 600);
    const kind = kinds[below(this.#random, kinds.length)]!;
    const told = `${kind} file ${file} at ${offset}, ${length} bytes`;
    await this.#run(kind, { ino, model, file, offset, length });
    for (const [i, each] of this.#inos.entries()) await this.#compare(each, this.#models[i]!, told);
    return told;
  }

  async #run(kind: (typeof kinds)[number], at: Target): Promise<void> {
    const { ino, model, file, offset, length } = at;
    const data = Buffer.alloc(length, 1 + below(this.#random, 255));
    switch (kind) {
      case 'write':
        await this.#world.write(ino, offset, data);
        return model.write(offset, data);
      case 'append':
        await this.#world.write(ino, 0, data, { append: true });
        return model.write(model.bytes.length, data);
      case 'truncate':
        await this.#world.truncate(ino, offset);
        return model.truncate(offset);
      case 'punch':
        await this.#world.fallocate(ino, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
        return model.clear(offset, offset + length);
      case 'zero':
        await this.#world.fallocate(ino, FALLOC_FL_ZERO_RANGE, offset, length);
        model.grow(offset + length);
        return model.clear(offset, offset + length);
      case 'allocate':
        await this.#world.fallocate(ino, 0, offset, length);
        return model.grow(offset + length);
      case 'copy':
        return this.#copy(at);
      case 'lend':
        this.#lent.push(file);
        await this.#world.lend(ino, true);
        return;
      case 'giveBack':
        await this.#giveBack();
        return;
    }
  }

  async #copy({ file, offset, length }: Target): Promise<void> {
    const [from, to] = [this.#inos[file]!, this.#inos[1 - file]!];
    const fromOffset = below(this.#random, offsetMax);
    const copied = await this.#world.call('copyRange', {
      caller: superuser,
      from,
      fromOffset,
      to,
      toOffset: offset,
      length,
    });
    const source = this.#models[file]!.bytes.subarray(fromOffset, fromOffset + length);
    assert.equal(copied, source.length);
    if (copied > 0) this.#models[1 - file]!.write(offset, Buffer.from(source));
  }

  async #giveBack(): Promise<void> {
    const file = this.#lent.pop();
    if (file !== undefined) await this.#world.giveBack(this.#inos[file]!, true);
  }

  async #compare(ino: Ino, model: Model, told: string): Promise<void> {
    assert.equal((await this.#world.stat(ino)).size, model.bytes.length, told);
    const read = Buffer.from(await this.#world.read(ino), 'latin1');
    assert.equal(Buffer.compare(read, model.bytes), 0, told);
    assert.ok((await this.#world.read(ino, model.bytes.length, 10)) === '', told);
  }
}

interface Target {
  ino: Ino;
  model: Model;
  file: number;
  offset: number;
  length: number;
}

const kinds = [
  'write',
  'write',
  'append',
  'truncate',
  'punch',
  'zero',
  'allocate',
  'copy',
  'lend',
  'giveBack',
] as const;

test('whatever is done to files, they read as an array of bytes would', async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = new SeededRandom(seed);
    const later = (run: () => void) => (below(random, 2) === 0 ? run() : void setImmediate(run));
    const world = await ContentFixture.open({ blobs: { schedule: later } });
    const walk = new Walk(random, world, [await world.make(), await world.make()]);
    const told: string[] = [];
    try {
      for (let i = 0; i < stepsPerSeed; i++) told.push(await walk.step());
    } catch (cause) {
      throw new Error(`seed ${seed}, after ${told.slice(-5).join('; ')}`, { cause });
    }
    await world.volume.close();
  }
});
