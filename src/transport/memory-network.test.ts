import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drive, ManualClock, SeededRandom } from '#base';
import { anyMessageCodec } from './any-message.testing.ts';
import { MemoryNetwork } from './memory-network.ts';
import { remoteTransportContract, type TransportUnderTest, transportContract } from './transport.contract.ts';
import type { Handler } from './transport.ts';

const header = { code: 1, session: 0, slot: 0, sequence: 0 };
const calm = { minDelayMs: 1, maxDelayMs: 3, lossPerMillion: 0, silenceMs: 1000 };
const echo: Handler = (_header, request) => request;

function makeNetwork(seed = 1, weather = calm) {
  const clock = new ManualClock();
  const network = new MemoryNetwork({
    clock,
    random: new SeededRandom(seed),
    weather: { ...weather },
    codec: anyMessageCodec,
  });
  return { clock, network };
}

const makeTransport = (): TransportUnderTest => {
  const { clock, network } = makeNetwork();
  let servers = 0;
  return {
    connect: (handler, events) => {
      const host = `server ${servers++}`;
      network.listen(host, handler);
      return network.connect('client', host, events);
    },
    wait: (result) => drive(clock, result),
  };
};
transportContract('memory network', makeTransport);
remoteTransportContract('memory network', makeTransport);

test('a reply takes a delay there and a delay back', async () => {
  const { clock, network } = makeNetwork(1, { ...calm, minDelayMs: 5, maxDelayMs: 5 });
  network.listen('s', echo);
  await drive(clock, network.connect('c', 's').call(header, {}));
  assert.equal(clock.nowMs(), 10);
});

test('nobody shares memory with anybody', async () => {
  const { clock, network } = makeNetwork();
  const kept: Uint8Array[] = [];
  network.listen('s', (_header, request) => {
    const { data } = request as { data: Uint8Array };
    kept.push(data);
    return data;
  });
  const data = Uint8Array.of(1, 2, 3);
  const call = network.connect('c', 's').call(header, { data });
  data.fill(9);
  const reply = (await drive(clock, call)) as Uint8Array;
  kept[0]!.fill(7);
  assert.deepEqual([...reply], [1, 2, 3]);
});

test('messages of one connection keep their order, those of several do not', async () => {
  const { clock, network } = makeNetwork(5, { ...calm, minDelayMs: 0, maxDelayMs: 50 });
  const arrived: number[] = [];
  network.listen('s', (_header, request) => void arrived.push((request as { n: number }).n));
  const one = network.connect('c', 's');
  await drive(clock, Promise.all(Array.from({ length: 20 }, (_, n) => one.call(header, { n }))));
  const inOrder = Array.from({ length: 20 }, (_, n) => n);
  assert.deepEqual(arrived.splice(0), inOrder);
  await drive(clock, Promise.all(inOrder.map((n) => network.connect('c', 's').call(header, { n }))));
  assert.notDeepEqual(arrived, inOrder);
  assert.deepEqual(
    [...arrived].sort((a, b) => a - b),
    inOrder,
  );
});

test('a lost message breaks its connection after the silence, and nothing behind it arrives', async () => {
  const { clock, network } = makeNetwork(1, { ...calm, lossPerMillion: 1_000_000 });
  let calls = 0;
  network.listen('s', () => void calls++);
  const connection = network.connect('c', 's');
  const lost = connection.call(header, {});
  network.weather.lossPerMillion = 0;
  const behind = connection.call(header, {});
  const outcomes = await drive(clock, Promise.allSettled([lost, behind]));
  assert.deepEqual(
    outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason.status),
    ['disconnected', 'disconnected'],
  );
  assert.deepEqual([calls, clock.nowMs()], [0, 1000]);
  await drive(clock, network.connect('c', 's').call(header, {}));
  assert.equal(calls, 1);
});

test('a partition swallows what is on its way, and heals', async () => {
  const { clock, network } = makeNetwork();
  network.listen('s', echo);
  const call = network.connect('c', 's').call(header, {});
  network.partition('s', 'c');
  await assert.rejects(drive(clock, call), { status: 'disconnected' });
  assert.deepEqual(await drive(clock, network.connect('other', 's').call(header, { n: 1 })), { n: 1 });
  network.heal('c', 's');
  assert.deepEqual(await drive(clock, network.connect('c', 's').call(header, { n: 2 })), { n: 2 });
});

test('a process that ends resets its connections at once, a machine that goes dark does not', async () => {
  const { clock, network } = makeNetwork();
  const never: Handler = () => new Promise(() => undefined);
  for (const [silently, leastMs, mostMs] of [
    [false, 0, 10],
    [true, 1000, 1020],
  ] as const) {
    const listener = network.listen('s', never);
    const startMs = clock.nowMs();
    const call = network.connect('c', 's').call(header, {});
    clock.advance(5);
    listener.close({ silently });
    await assert.rejects(drive(clock, call), { status: 'disconnected' });
    const tookMs = clock.nowMs() - startMs;
    assert(tookMs >= leastMs && tookMs <= mostMs, `noticed after ${tookMs} ms`);
  }
});

test('a request sent before its connection was closed may still be carried out', async () => {
  const { clock, network } = makeNetwork();
  let calls = 0;
  network.listen('s', () => void calls++);
  const connection = network.connect('c', 's');
  const call = connection.call(header, {}) as Promise<unknown>;
  connection.close();
  await assert.rejects(call, { status: 'disconnected' });
  clock.advance(10);
  assert.equal(calls, 1);
});

test('one seed gives one history', async () => {
  const history = async (seed: number): Promise<number[]> => {
    const { clock, network } = makeNetwork(seed, { ...calm, lossPerMillion: 100_000 });
    network.listen('s', echo);
    const endedAt: number[] = [];
    const calls = Array.from({ length: 50 }, () =>
      (network.connect('c', 's').call(header, {}) as Promise<unknown>).then(
        () => endedAt.push(clock.nowMs()),
        () => endedAt.push(-clock.nowMs()),
      ),
    );
    await drive(clock, Promise.all(calls));
    return endedAt;
  };
  assert.deepEqual(await history(3), await history(3));
  assert.notDeepEqual(await history(3), await history(4));
});
