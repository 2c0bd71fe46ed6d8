import { strict as assert } from 'node:assert';
import { after, describe, test } from 'node:test';
import { FsError, type Status } from '#base';
import type { KvEngine, KvPair } from './engine.ts';
import { endOfKeys } from './limits.ts';

export interface EngineUnderTest {
  /** A new engine on an empty store. */
  open(): Promise<KvEngine>;
  /** Closes `engine` and opens its store again. */
  reopen(engine: KvEngine): Promise<KvEngine>;
}

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));
const text = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : Buffer.from(value).toString('latin1');
const writes = (...pairs: [string, string | undefined][]) => ({
  writes: new Map(pairs.map(([key, value]) => [key, value === undefined ? undefined : bytes(value)])),
});
const keysOf = (pairs: KvPair[]): string[] => pairs.map(({ key }) => key);

export async function failsWith(status: Status, promise: Promise<unknown>): Promise<void> {
  await assert.rejects(promise, (error) => error instanceof FsError && error.status === status);
}

/** What every engine promises: run by each of them. */
export function describeEngine(name: string, { open, reopen }: EngineUnderTest): void {
  describe(name, () => {
    const opened: KvEngine[] = [];
    const fresh = async (): Promise<KvEngine> => {
      const engine = await open();
      opened.push(engine);
      return engine;
    };
    after(async () => {
      for (const engine of opened) await engine.close().catch(() => undefined);
    });
    describeReads(fresh);
    describeCommits(fresh, reopen);
  });
}

function describeReads(open: () => Promise<KvEngine>): void {
  test('keys are ordered as bytes, whatever bytes they hold', async () => {
    const engine = await open();
    const keys: string[] = [];
    for (let byte = 0; byte < 256; byte++) {
      const char = String.fromCharCode(byte);
      keys.push(char, `${char}\0`, `${char}\xff`, `k${char}`);
    }
    const unique = [...new Set(keys)];
    await engine.commit({ writes: new Map(unique.toReversed().map((key) => [key, bytes(key)])) });
    const pairs = await engine.range('', endOfKeys, 10_000);
    assert.deepEqual(keysOf(pairs), unique.toSorted());
    for (const { key, value } of pairs) assert.equal(text(value), key);
    for (const key of unique) assert.equal(text(await engine.get(key)), key);
  });

  test('a range holds its start, not its end, and no more than its limit', async () => {
    const engine = await open();
    await engine.commit(writes(['a', '1'], ['b', '2'], ['b\0', '3'], ['c', '4'], ['d', '5']));
    assert.deepEqual(keysOf(await engine.range('b', 'd', 10)), ['b', 'b\0', 'c']);
    assert.deepEqual(keysOf(await engine.range('b\0', 'd', 10)), ['b\0', 'c']);
    assert.deepEqual(keysOf(await engine.range('a', 'z', 2)), ['a', 'b']);
    assert.deepEqual(keysOf(await engine.range('', endOfKeys, 100)), ['a', 'b', 'b\0', 'c', 'd']);
    assert.deepEqual(await engine.range('e', 'z', 10), []);
    assert.deepEqual(await engine.range('b', 'b', 10), []);
  });

  test('an empty value is a value', async () => {
    const engine = await open();
    await engine.commit(writes(['empty', ''], ['full', 'x']));
    assert.equal((await engine.get('empty'))?.length, 0);
    assert.equal(await engine.get('absent'), undefined);
    assert.deepEqual(keysOf(await engine.range('empty', 'f', 10)), ['empty']);
  });

  test('values of any size come back, and stay as they are when others are read', async () => {
    const engine = await open();
    const sizes = [1, 63, 64, 65, 100, 255, 256, 257, 2047, 2048, 4096, 65_537, 1_048_576];
    const sample = (size: number): Uint8Array => Uint8Array.from({ length: size }, (_, i) => (i * 7 + size) & 255);
    await engine.commit({ writes: new Map(sizes.map((size) => [`s${size}`, sample(size)])) });
    const read = await Promise.all(sizes.map((size) => engine.get(`s${size}`)));
    const ranged = await engine.range('s', 't', 100);
    for (const [i, size] of sizes.entries()) {
      assert.equal(Buffer.compare(read[i]!, sample(size)), 0);
      assert.equal(Buffer.compare(ranged.find(({ key }) => key === `s${size}`)!.value, sample(size)), 0);
    }
  });

  test('keys may be 511 bytes long, and no longer', async () => {
    const engine = await open();
    const key = '\xfe'.repeat(511);
    await engine.commit(writes([key, 'long']));
    assert.equal(text(await engine.get(key)), 'long');
    assert.deepEqual(keysOf(await engine.range('\xfe', endOfKeys, 5)), [key]);
    await assert.rejects(async () => engine.commit(writes([`${key}x`, 'v'])), /a key of 512 bytes/);
    await assert.rejects(async () => engine.commit(writes(['', 'v'])), /a key of 0 bytes/);
    const large = { writes: new Map([['k', new Uint8Array(1_048_577)]]) };
    await assert.rejects(async () => engine.commit(large), /a value of 1048577 bytes/);
  });

  test('the caller may change what it wrote or read without a trace', async () => {
    const engine = await open();
    const value = bytes('abc');
    await engine.commit({ writes: new Map([['k', value]]) });
    value[0] = 0;
    const read = (await engine.get('k'))!;
    assert.equal(text(read), 'abc');
    read[0] = 0;
    assert.equal(text(await engine.get('k')), 'abc');
  });
}

function describeCommits(open: () => Promise<KvEngine>, reopen: (engine: KvEngine) => Promise<KvEngine>): void {
  test('a commit is visible when it resolves', async () => {
    const engine = await open();
    for (let i = 0; i < 50; i++) {
      await engine.get('k');
      await engine.commit(writes(['k', String(i)], [`n${i}`, 'x'], [`n${i - 1}`, undefined]));
      assert.equal(text(await engine.get('k')), String(i));
      assert.deepEqual(keysOf(await engine.range('n', 'o', 10)), [`n${i}`]);
    }
  });

  test('deletions remove, also what is not there', async () => {
    const engine = await open();
    await engine.commit(writes(['a', '1'], ['b', '2']));
    await engine.commit(writes(['a', undefined], ['x', undefined], ['c', '3']));
    assert.deepEqual(keysOf(await engine.range('', endOfKeys, 10)), ['b', 'c']);
  });

  test('commits are applied in the order of the calls', async () => {
    const engine = await open();
    const commits: Promise<void>[] = [];
    for (let i = 0; i < 100; i++) commits.push(engine.commit(writes(['k', String(i)])));
    await Promise.all(commits);
    assert.equal(text(await engine.get('k')), '99');
  });

  test('a batch with nothing in it commits', async () => {
    await (await open()).commit({ writes: new Map() });
  });

  test('a batch applies only when its keys are unchanged', async () => {
    const engine = await open();
    await engine.commit(writes(['a', '1'], ['e', '']));
    const attempt = (key: string, value: string | undefined, mark: string) =>
      engine.commit({
        ...writes(['mark', mark]),
        unchanged: new Map([[key, value === undefined ? undefined : bytes(value)]]),
      });
    await attempt('a', '1', 'equal');
    await attempt('b', undefined, 'absent');
    await attempt('e', '', 'empty');
    await failsWith('conflict', attempt('a', '2', 'no'));
    await failsWith('conflict', attempt('a', undefined, 'no'));
    await failsWith('conflict', attempt('b', '1', 'no'));
    await failsWith('conflict', attempt('e', undefined, 'no'));
    assert.equal(text(await engine.get('mark')), 'empty');
  });

  test('a batch applies only when its ranges are empty', async () => {
    const engine = await open();
    await engine.commit(writes(['d1', 'x']));
    await engine.commit({ ...writes(['mark', 'yes']), empty: [{ from: 'd2', to: 'd3' }] });
    await failsWith('conflict', engine.commit({ ...writes(['mark', 'no']), empty: [{ from: 'd', to: 'd2' }] }));
    assert.equal(text(await engine.get('mark')), 'yes');
  });

  test('requirements see the batches that were called before', async () => {
    const engine = await open();
    const first = engine.commit(writes(['a', '1']));
    const second = engine.commit({ ...writes(['b', '1']), unchanged: new Map([['a', bytes('1')]]) });
    const third = engine.commit({ ...writes(['c', '1']), unchanged: new Map([['a', undefined]]) });
    await Promise.all([first, second, failsWith('conflict', third)]);
    assert.deepEqual(keysOf(await engine.range('', endOfKeys, 10)), ['a', 'b']);
  });

  test('a large batch commits', async () => {
    const engine = await open();
    const batch = new Map<string, Uint8Array | undefined>();
    for (let i = 0; i < 20_000; i++) batch.set(`k${String(i).padStart(8, '0')}${'x'.repeat(i % 40)}`, bytes(String(i)));
    await engine.commit({ writes: batch });
    const pairs = await engine.range('k', 'l', 30_000);
    assert.equal(pairs.length, 20_000);
    assert(pairs.every(({ value }, i) => text(value) === String(i)));
  });

  test('what was committed is there after closing and opening again', async () => {
    let engine = await open();
    await engine.commit(writes(['a', '1'], ['b', '2']));
    void engine.commit(writes(['c', '3']));
    engine = await reopen(engine);
    assert.deepEqual(keysOf(await engine.range('', endOfKeys, 10)), ['a', 'b', 'c']);
    await engine.close();
  });
}
