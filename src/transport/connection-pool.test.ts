import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drive, type FsError, ManualClock, SeededRandom } from '#base';
import { anyMessageCodec as codec } from './any-message.testing.ts';
import { ConnectionPool } from './connection-pool.ts';
import { MemoryNetwork } from './memory-network.ts';
import type { CallContext, Connection, Handler } from './transport.ts';

const small = { code: 1, session: 1, slot: 0, sequence: 0 };
const bulk = { ...small, code: 2 };
const join = { ...small, code: 3 };

function makePool(handler: Handler) {
  const clock = new ManualClock();
  const weather = { minDelayMs: 1, maxDelayMs: 1, lossPerMillion: 0, silenceMs: 100 };
  const network = new MemoryNetwork({ clock, random: new SeededRandom(1), weather, codec });
  network.listen('s', handler);
  const reasons: FsError[] = [];
  const pushed: unknown[] = [];
  const connections: Connection[] = [];
  const pool = new ConnectionPool({
    connect: (events) => {
      const connection = network.connect('c', 's', events);
      connections.push(connection);
      return connection;
    },
    isBulk: ({ code }) => code === bulk.code,
    prepareBulk: (connection) => connection.call(join, {}),
    events: { pushed: (_code, message) => pushed.push(message), closed: (reason) => reasons.push(reason) },
  });
  return { clock, pool, reasons, pushed, connections, wait: <T>(result: T | Promise<T>) => drive(clock, result) };
}

test('bulk calls have connections of their own, which join the session first', async () => {
  const seen: [number, number][] = [];
  const peers: unknown[] = [];
  const { pool, connections, wait } = makePool(({ code }, request, { peer }) => {
    if (!peers.includes(peer)) peers.push(peer);
    seen.push([code, peers.indexOf(peer)]);
    return request;
  });
  assert.equal(await wait(pool.call(small, 1)), 1);
  assert.equal(connections.length, 1);
  assert.deepEqual(await wait(Promise.all([2, 3, 4, 5].map((n) => pool.call(bulk, n)))), [2, 3, 4, 5]);
  assert.equal(connections.length, 3);
  assert.deepEqual(
    [0, 1, 2].map((peer) => seen.filter(([, from]) => from === peer).map(([code]) => code)),
    [[1], [3, 2, 2], [3, 2, 2]],
  );
});

test('pushes arrive from any connection', async () => {
  const { pool, pushed, wait } = makePool(({ code }, _request, { peer }: CallContext) => {
    peer.push(4, { code });
    return undefined;
  });
  await wait(pool.call(small, {}));
  await wait(pool.call(bulk, {}));
  assert.deepEqual(pushed, [{ code: 1 }, { code: 3 }, { code: 2 }]);
});

test('when one connection breaks all are closed, and that is told once', async () => {
  const { pool, reasons, connections, wait } = makePool(({ code }, request) => {
    return code === join.code ? undefined : code === small.code ? new Promise(() => undefined) : request;
  });
  const waiting = pool.call(small, {}) as Promise<unknown>;
  await wait(pool.call(bulk, {}));
  connections[1]!.close();
  await assert.rejects(wait(waiting), { status: 'disconnected' });
  await assert.rejects(async () => wait(pool.call(bulk, {})), { status: 'disconnected' });
  assert.equal(reasons.length, 1);
});
