import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { FsError, SeededRandom } from '#base';
import { describeEngine, failsWith } from './engine.contract.ts';
import { endOfKeys, endOfPrefix } from './limits.ts';
import { MemoryEngine } from './memory.ts';
import { OrderedMap } from './ordered-map.ts';

const one = Uint8Array.of(1);
const put = (key: string) => ({ writes: new Map([[key, one]]) });

async function reopen(engine: unknown): Promise<MemoryEngine> {
  await (engine as MemoryEngine).close();
  return (engine as MemoryEngine).crash();
}

describeEngine('memory', { open: async () => new MemoryEngine(), reopen });
describeEngine('memory, answering later', {
  open: async () => new MemoryEngine({ reads: (step) => void setImmediate(step) }),
  reopen,
});

test('a crash keeps what is durable and loses what is only visible', async () => {
  const steps: (() => void)[] = [];
  const engine = new MemoryEngine({ commits: (step) => void steps.push(step) });
  const first = engine.commit(put('a'));
  void engine.commit(put('b'));
  assert.equal(engine.get('a'), undefined);
  steps.shift()!();
  assert.deepEqual(engine.get('a'), one);
  steps.shift()!();
  steps.shift()!();
  await first;
  assert.deepEqual(engine.get('b'), one);
  const survivor = engine.crash();
  assert.deepEqual(survivor.get('a'), one);
  assert.equal(survivor.get('b'), undefined);
});

test('a crash with a seed keeps any prefix of the commits under way', async () => {
  const kept = new Set<number>();
  for (let seed = 0; seed < 50; seed++) {
    const engine = new MemoryEngine({ commits: () => undefined });
    for (const key of ['a', 'b', 'c'])
      void engine.commit({
        writes: new Map([
          [key, one],
          [`${key}2`, one],
        ]),
      });
    const pairs = engine.crash(new SeededRandom(seed)).range('', endOfKeys, 10);
    assert(!(pairs instanceof Promise));
    assert.deepEqual(
      pairs.map(({ key }) => key),
      ['a', 'a2', 'b', 'b2', 'c', 'c2'].slice(0, pairs.length),
    );
    assert.equal(pairs.length % 2, 0);
    kept.add(pairs.length);
  }
  assert.deepEqual([...kept].toSorted(), [0, 2, 4, 6]);
});

test('a fault fails commits without a trace', async () => {
  const engine = new MemoryEngine();
  engine.fault = new FsError('noSpace', 'full');
  await failsWith('noSpace', engine.commit(put('a')));
  engine.fault = undefined;
  await engine.commit(put('b'));
  assert.equal(engine.get('a'), undefined);
});

test('an ordered map agrees with a sorted array', () => {
  const random = new SeededRandom(3);
  const map = new OrderedMap();
  const model = new Map<string, Uint8Array>();
  for (let i = 0; i < 20_000; i++) {
    const key = String(random.u32() % 3000);
    if (random.u32() % 3 === 0) {
      map.set(key, undefined);
      model.delete(key);
    } else {
      map.set(key, one);
      model.set(key, one);
    }
    if (i % 500 > 0) continue;
    const from = String(random.u32() % 3000);
    const expected = [...model.keys()].filter((each) => each >= from && each < '9').toSorted();
    assert.deepEqual(
      map.range(from, '9', 300).map((pair) => pair.key),
      expected.slice(0, 300),
    );
  }
  assert.equal(map.size, model.size);
});

test('the end of a prefix is the least key beyond it', () => {
  assert.equal(endOfPrefix('ab'), 'ac');
  assert.equal(endOfPrefix('a\xff\xff'), 'b');
  assert.equal(endOfPrefix('\xff\xff'), endOfKeys);
  assert.equal(endOfPrefix(''), endOfKeys);
});
