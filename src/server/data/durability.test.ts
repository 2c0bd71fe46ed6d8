import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { below, FsError, type Ino, rootIno, SeededRandom } from '#base';
import { superuser } from '#protocol';
import { key } from '../meta/keys.ts';
import { ContentFixture } from './fixture.contract.ts';

const large = 20_000;
const seeds = Array.from({ length: 40 }, (_, i) => i + 1);

/** Runs `body` on a new volume for each seed, then cuts the power, and hands over what the next start finds. */
async function afterPowerCut(
  body: (world: ContentFixture) => Promise<Ino>,
  judge: (world: ContentFixture, ino: Ino) => Promise<void>,
): Promise<void> {
  for (const seed of seeds) {
    const world = await ContentFixture.open();
    const ino = await body(world);
    await judge(await world.powerCut(seed), ino);
  }
}

async function readIfThere(world: ContentFixture, ino: Ino): Promise<string | undefined> {
  try {
    return await world.read(ino);
  } catch (cause) {
    if ((cause as { status?: string }).status === 'stale') return undefined;
    throw cause;
  }
}

test('what fsync acknowledged survives a power cut, inline and in a blob', async () => {
  for (const size of [100, large]) {
    await afterPowerCut(
      async (world) => {
        const ino = await world.make();
        await world.write(ino, 0, 'a'.repeat(size));
        await world.fsync(ino);
        return ino;
      },
      async (world, ino) => assert.equal(await world.read(ino), 'a'.repeat(size)),
    );
  }
});

test('inline content that fsync acknowledged survives its move to a blob, though that was not synced', async () => {
  await afterPowerCut(
    async (world) => {
      const ino = await world.make();
      await world.write(ino, 0, 'a'.repeat(1000));
      await world.fsync(ino);
      await world.write(ino, 1000, 'b'.repeat(large));
      await world.volume.store.flush();
      return ino;
    },
    async (world, ino) => {
      const content = await world.read(ino);
      assert.equal(content.slice(0, 1000), 'a'.repeat(1000));
      assert.match(content.slice(1000), /^[b\0]*$/);
    },
  );
});

test('zeros at the end that fsync acknowledged survive the move to a blob', async () => {
  for (const text of ['', 'aaa']) {
    await afterPowerCut(
      async (world) => {
        const ino = await world.make();
        await world.write(ino, 0, text);
        await world.truncate(ino, 12);
        await world.fsync(ino);
        await world.write(ino, large, 'b');
        await world.volume.store.flush();
        return ino;
      },
      async (world, ino) => assert.equal((await world.read(ino)).slice(0, 12), text.padEnd(12, '\0')),
    );
  }
});

test('zeros that fsync acknowledged survive a small write and then a large one', async () => {
  await afterPowerCut(
    async (world) => {
      const ino = await world.make();
      await world.truncate(ino, 12);
      await world.fsync(ino);
      await world.write(ino, 2, 'a');
      await world.write(ino, large, 'b');
      await world.volume.store.flush();
      return ino;
    },
    async (world, ino) => assert.match((await world.read(ino)).slice(0, 12), /^\0\0[a\0]\0{9}$/),
  );
});

test('an fsync while content moves to a blob is kept', async () => {
  for (const seed of seeds) {
    const random = new SeededRandom(seed);
    let later = false;
    const schedule = (run: () => void) => (later && below(random, 2) === 0 ? setImmediate(run) : run());
    const world = await ContentFixture.open({ blobs: { schedule } });
    const ino = await world.make();
    await world.write(ino, 0, 'a'.repeat(1000));
    later = true;
    const spilling = world.write(ino, 1000, 'b'.repeat(large));
    for (let i = below(random, 6); i > 0; i--) await new Promise((resolve) => setImmediate(resolve));
    await world.fsync(ino);
    const first = await world.powerCut(seed);
    assert.equal((await first.read(ino)).slice(0, 1000), 'a'.repeat(1000));
    await spilling;
  }
});

test('a file that was never synced is whole, short, empty or not there after a power cut, never longer than its bytes', async () => {
  const lengths = new Set<number>();
  await afterPowerCut(
    async (world) => {
      const ino = await world.make();
      await world.write(ino, 0, 'a'.repeat(large));
      await world.write(ino, large, 'b'.repeat(large));
      await world.volume.store.flush();
      return ino;
    },
    async (world, ino) => {
      const content = await readIfThere(world, ino);
      lengths.add(content?.length ?? -1);
      assert.match(content ?? '', /^[a\0]{0,20000}[b\0]*$/);
      const ids = await world.blobIds();
      const stored = ids.includes(ino) ? ((await world.blobs.stat(ino)) as { size: number }) : { size: 0 };
      assert.ok((content?.length ?? 0) <= stored.size);
    },
  );
  assert.ok(lengths.size > 2, `lengths seen: ${[...lengths]}`);
});

test('the background sync makes old content safe without an fsync', async () => {
  await afterPowerCut(
    async (world) => {
      const ino = await world.make();
      await world.write(ino, 0, 'a'.repeat(large));
      world.clock.runTimers();
      for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
      await world.volume.store.flush();
      return ino;
    },
    async (world, ino) => assert.equal(await world.read(ino), 'a'.repeat(large)),
  );
});

test('after a kill no byte of a write whose record is durable is missing', async () => {
  for (const seed of seeds) {
    const world = await ContentFixture.open();
    const ino = await world.make();
    await world.write(ino, 0, 'a'.repeat(large));
    await world.volume.store.flush();
    await world.write(ino, large, 'b'.repeat(10));
    const after = await world.kill(seed);
    assert.match(await after.read(ino), /^a{20000}(b{10})?$/);
  }
});

test('what a start after a kill has recovered, a power cut does not take away again', async () => {
  for (const seed of seeds) {
    const world = await ContentFixture.open();
    const ino = await world.make();
    await world.write(ino, 0, 'a'.repeat(large));
    await world.volume.store.flush();
    const started = await world.kill(seed);
    const after = await started.powerCut(seed);
    assert.equal(await after.read(ino), 'a'.repeat(large));
  }
});

test('bytes of a write that no record tells of are never shown, when the file grows over them', async () => {
  const world = await ContentFixture.open();
  const ino = await world.make();
  await world.write(ino, 0, 'a'.repeat(large));
  await world.fsync(ino);
  await world.blobs.write(ino, large, Buffer.from('ghost'));
  await world.truncate(ino, large + 3);
  assert.equal(await world.read(ino, large), '\0\0\0');
  await world.blobs.write(ino, large + 3, Buffer.from('ghost'));
  await world.write(ino, large + 6, 'x');
  assert.equal(await world.read(ino, large), '\0\0\0\0\0\0x');
});

test('blobs of inodes that did not become durable are gone after the next start', async () => {
  const world = await ContentFixture.open();
  const kept = await world.make();
  await world.write(kept, 0, 'a'.repeat(large));
  await world.fsync(kept);
  await world.blobs.create(kept + 1);
  await world.blobs.create(kept + 70_000);
  const after = await world.kill(1);
  assert.deepEqual(await after.blobIds(), [kept]);
});

test('a blob that is removed twice in a row of crashes is removed once, and no other', async () => {
  const world = await ContentFixture.open();
  const [gone, stays] = [await world.make(), await world.make()];
  for (const ino of [gone, stays]) {
    await world.write(ino, 0, 'a'.repeat(large));
    await world.fsync(ino);
  }
  await world.remove(gone);
  await world.volume.store.flush();
  const after = await world.kill(1);
  after.clock.runTimers();
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(await after.blobIds(), [stays]);
});

test('a power cut never brings back an inode without its blob', async () => {
  await afterPowerCut(
    async (world) => {
      const ino = await world.make();
      await world.write(ino, 0, 'a'.repeat(large));
      await world.fsync(ino);
      await world.remove(ino);
      world.clock.runTimers();
      for (let i = 0; i < 3; i++) await Promise.resolve();
      return ino;
    },
    async (world, ino) => assert.ok(['a'.repeat(large), undefined].includes(await readIfThere(world, ino))),
  );
});

test('a volume that was closed needs no recovery and has lost nothing, even by a power cut', async () => {
  for (const seed of seeds.slice(0, 10)) {
    const world = await ContentFixture.open();
    const ino = await world.make();
    await world.write(ino, 0, 'a'.repeat(large));
    await world.lend(ino, true);
    await world.volume.close();
    const random = new SeededRandom(seed);
    const engine = world.engine.crash(random);
    const after = await ContentFixture.over(engine, world.blobs.afterPowerCut(random));
    assert.equal(await after.read(ino), 'a'.repeat(large));
  }
});

test('a blob that was shortened without a sync is as before or as short as it was made, for a lent one too', async () => {
  for (const lent of [false, true]) {
    const seen = new Set<number>();
    await afterPowerCut(
      async (world) => {
        const ino = await world.make();
        await world.write(ino, 0, 'a'.repeat(large));
        await world.fsync(ino);
        if (lent) await world.lend(ino, true);
        await world.truncate(ino, 100);
        return ino;
      },
      async (world, ino) => {
        const content = await world.read(ino);
        seen.add(content.length);
        assert.equal(content.replaceAll('\0', '').length, content.length);
      },
    );
    assert.deepEqual([...seen].sort(), [100, large]);
  }
});

test('an fsync beside a truncation leaves no old size without its bytes', async () => {
  for (const seed of seeds) {
    const random = new SeededRandom(seed);
    let later = false;
    const schedule = (run: () => void) => (later && below(random, 2) === 0 ? setImmediate(run) : run());
    const world = await ContentFixture.open({ blobs: { schedule } });
    const ino = await world.make();
    await world.write(ino, 0, 'a'.repeat(large));
    await world.fsync(ino);
    later = true;
    // Nothing answers them after the cut.
    void world.truncate(ino, 100);
    void world.fsync(ino);
    for (let i = below(random, 12); i > 0; i--) await new Promise((resolve) => setImmediate(resolve));
    const after = await world.powerCut(seed);
    const content = await after.read(ino);
    assert.equal(content.replaceAll('\0', '').length, content.length);
  }
});

test('the blob of a removed file does not come back by a power cut, however many starts later', async () => {
  for (const seed of seeds) {
    const world = await ContentFixture.open();
    const ino = await world.make();
    await world.write(ino, 0, 'a'.repeat(large));
    await world.fsync(ino);
    await world.remove(ino);
    world.clock.runTimers();
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    await world.volume.store.flush();
    // The next start would still know a number that was given out so lately.
    const random = new SeededRandom(seed);
    world.engine.crash(random);
    assert.ok(!(await idsOf(world.blobs.afterPowerCut(random))).includes(ino));
  }
});

test('a blob that was made right after an orderly start is found by the next one', async () => {
  for (const seed of seeds) {
    const first = await ContentFixture.open();
    await first.volume.close();
    const random = new SeededRandom(seed);
    const world = await ContentFixture.over(first.engine.crash(random), first.blobs);
    await world.write(await world.make(), 0, 'a'.repeat(large));
    const after = await ContentFixture.over(world.engine.crash(), world.blobs.afterPowerCut(random));
    assert.deepEqual(await after.blobIds(), []);
  }
});

test('a blob that a power cut left before its record is removed, of a file that is old too', async () => {
  for (const seed of seeds) {
    let world = await ContentFixture.open();
    const ino = await world.make();
    await world.write(ino, 0, 'a'.repeat(100));
    world = await whenOld(world, ino);
    await world.write(ino, 100, 'b'.repeat(large));
    const after = await world.powerCut(seed);
    const content = await after.read(ino);
    assert.match(content.slice(0, 100), /^a{100}$/);
    assert.deepEqual(await after.blobIds(), (await after.storage(ino)) === 'blob' ? [ino] : []);
  }
});

test('an old file whose move to a blob fails stays as it was, and leaves no mark', async () => {
  let world = await ContentFixture.open();
  const ino = await world.make();
  await world.write(ino, 0, 'a'.repeat(100));
  world = await whenOld(world, ino);
  world.blobs.write = () => {
    throw new FsError('io', 'a bad disk');
  };
  await assert.rejects(world.write(ino, 100, 'b'.repeat(large)), { status: 'io' });
  assert.equal(await world.read(ino), 'a'.repeat(100));
  assert.deepEqual(await world.blobIds(), []);
  const mark = await world.volume.store.read((tx) => tx.get(key.lent(ino)));
  assert.equal(mark, undefined);
});

/** After runs that each reserved numbers of their own, so that `ino` is not among those given out lately. */
async function whenOld(world: ContentFixture, ino: Ino): Promise<ContentFixture> {
  let last = world;
  await last.fsync(ino);
  for (let runs = 0; runs < 3; runs++) {
    const request = { caller: superuser, parent: rootIno, name: `run-${runs}`, mode: 0o100644, umask: 0, rdev: 0 };
    const { ino: other } = await last.call('make', { ...request, target: '', open: false });
    await last.fsync(other);
    last = await last.kill(1);
  }
  return last;
}

async function idsOf(blobs: ContentFixture['blobs']): Promise<number[]> {
  const ids: number[] = [];
  for await (const id of blobs.list()) ids.push(id);
  return ids;
}
