import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectSocket, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { BufferPool, type FsError, ManualClock, SystemClock } from '#base';
import { anyMessageCodec as codec } from './any-message.testing.ts';
import type { ListenOptions, StreamListener } from './stream-listener.ts';
import { type ConnectOptions, connectTcp, listenTcp } from './tcp.ts';
import type { CallContext, Handler, Peer } from './transport.ts';

const host = '127.0.0.1';
const clock = new SystemClock();
const header = { code: 1, session: 0, slot: 0, sequence: 0 };
const never = (): Promise<never> => new Promise(() => undefined);

async function listen(t: TestContext, handler: Handler, options: Partial<ListenOptions> = {}): Promise<StreamListener> {
  const listener = await listenTcp({ host, port: 0, codec, clock, handler, ...options });
  t.after(() => listener.close());
  return listener;
}

function connect(t: TestContext, port: number, options: Partial<ConnectOptions> = {}) {
  const connection = connectTcp({ host, port, codec, clock, ...options });
  t.after(() => connection.close());
  return connection;
}

async function until(fact: () => boolean): Promise<void> {
  while (!fact()) await setImmediate();
}

test('calls beyond what the server takes wait on the client, but for urgent ones', async (t) => {
  const served: number[] = [];
  const answers: (() => void)[] = [];
  const handler: Handler = ({ code }, request) => {
    if (code === 9) return 'urgent';
    served.push(request as number);
    return new Promise((resolve) => answers.push(() => resolve(request)));
  };
  const { port } = await listen(t, handler, { limits: { callsMax: 3 } });
  const connection = connect(t, port, { isUrgent: (code) => code === 9 });
  const replies = Promise.all([0, 1, 2, 3, 4, 5, 6].map((n) => connection.call(header, n)));
  assert.equal(await connection.call({ ...header, code: 9 }, {}), 'urgent');
  await until(() => served.length === 3);
  for (let answered = 0; answered < 7; answered++) {
    await until(() => answers.length > answered);
    assert(served.length <= answered + 3);
    answers[answered]!();
  }
  assert.deepEqual(await replies, [0, 1, 2, 3, 4, 5, 6]);
});

test('a caller that gives up in line is never heard of by the server', async (t) => {
  const served: unknown[] = [];
  const { port } = await listen(
    t,
    (_header, request) => {
      served.push(request);
      return request === 'first' ? new Promise((resolve) => setTimeout(resolve, 20)) : request;
    },
    { limits: { callsMax: 1 } },
  );
  const connection = connect(t, port);
  const controller = new AbortController();
  const first = connection.call(header, 'first');
  const second = connection.call(header, 'second', controller.signal) as Promise<unknown>;
  const third = connection.call(header, 'third');
  controller.abort();
  await assert.rejects(second, { status: 'cancelled' });
  await first;
  assert.equal(await third, 'third');
  assert.deepEqual(served, ['first', 'third']);
});

test('the line has an end', async (t) => {
  const { port } = await listen(t, never);
  const connection = connect(t, port, { limits: { waitingMax: 2 } });
  const calls = [1, 2].map((n) => connection.call(header, n) as Promise<unknown>);
  await assert.rejects(connection.call(header, 3) as Promise<unknown>, { status: 'busy' });
  connection.close();
  await Promise.allSettled(calls);
});

test('a server reads no more calls of a client that reads no replies', async (t) => {
  let served = 0;
  const reply = new Uint8Array(100_000);
  const { port } = await listen(
    t,
    () => {
      served += 1;
      return reply;
    },
    { limits: { unsentMaxBytes: 1_000_000, callsMax: 100_000 } },
  );
  const connection = connect(t, port);
  await connection.call(header, {});
  const socket = rawSocketOf(connection);
  socket.pause();
  const calls = Array.from({ length: 2000 }, () => connection.call(header, {}));
  let before = -1;
  while (before !== served) {
    before = served;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  // What the kernel's buffers of both ends take, and what the server may hold.
  assert(served < 500, `${served} calls were served`);
  socket.resume();
  await Promise.all(calls);
  assert.equal(served, 2001);
});

test('memory that is used again holds what it should when it is looked at', async (t) => {
  const pool = new BufferPool(8 * 2 ** 20);
  const buffers = new BufferPool(8 * 2 ** 20);
  const memories = new Set<ArrayBufferLike>();
  const { port } = await listen(
    t,
    async (_header, request) => {
      const content = request as Uint8Array;
      const [first] = content;
      if (first! % 3 === 0) await setImmediate();
      const reply = pool.take(content.length);
      // Of what was received, in case that another call has it by now.
      for (let at = 0; at < reply.length; at += 1000) reply[at] = content[at]!;
      memories.add(content.buffer).add(reply.buffer);
      return reply;
    },
    { reuse: (bytes) => pool.giveBack(bytes) },
  );
  const connection = connect(t, port, { buffers });
  const repeat = async (start: number): Promise<void> => {
    for (let n = start; n < start + 25; n++) {
      const content = new Uint8Array(200_000 + n * 1000).fill(n);
      const reply = (await connection.call(header, content)) as Uint8Array;
      assert.equal(reply.length, content.length);
      for (let at = 0; at < reply.length; at += 1000) assert.equal(reply[at], n);
      buffers.giveBack(reply);
    }
  };
  await Promise.all([0, 25, 50, 75, 100, 125].map(repeat));
  assert(memories.size < 200, `${memories.size} buffers for 300 messages`);
});

test('a client that does not read what is pushed is dropped', async (t) => {
  const peers: Peer[] = [];
  const { port } = await listen(
    t,
    (_header, _request, { peer }) => {
      peers.push(peer);
      return undefined;
    },
    { limits: { pushedMaxBytes: 2_000_000 } },
  );
  const connection = connect(t, port);
  await connection.call(header, {});
  rawSocketOf(connection).pause();
  const [peer] = peers as [Peer];
  for (let count = 0; count < 500 && !peer.closed.aborted; count++) {
    peer.push(1, new Uint8Array(100_000));
    await setImmediate();
  }
  assert(peer.closed.aborted);
});

test('pings keep a silent connection; silence ends it, on both sides', async (t) => {
  const manual = new ManualClock();
  const limits = { silenceMs: 3000, connectTimeoutMs: 60_000 };
  const contexts: CallContext[] = [];
  const listener = await listen(
    t,
    (_header, _request, context) => {
      contexts.push(context);
      return undefined;
    },
    { clock: manual, limits },
  );
  const reasons: FsError[] = [];
  const events = { pushed: () => undefined, closed: (reason: FsError) => reasons.push(reason) };
  const connection = connect(t, listener.port, { clock: manual, limits, events });
  await connection.call(header, {});
  for (let count = 0; count < 30; count++) {
    manual.advance(500);
    // Time for what was sent to arrive.
    for (let turn = 0; turn < 10; turn++) await setImmediate();
  }
  assert.deepEqual([reasons.length, contexts[0]!.peer.closed.aborted], [0, false]);

  rawSocketOf(connection).pause();
  const call = connection.call(header, {}) as Promise<unknown>;
  call.catch(() => undefined);
  for (let count = 0; count < 12 && reasons.length === 0; count++) {
    manual.advance(500);
    for (let turn = 0; turn < 10; turn++) await setImmediate();
  }
  await assert.rejects(call, { status: 'disconnected' });
  assert.match(reasons[0]!.message, /no sign of life from 127\.0\.0\.1:\d+ for \d+ ms/);
});

test('who was stopped himself does not take the other for silent', async (t) => {
  const stoppable = new StoppableClock();
  const limits = { silenceMs: 3000, connectTimeoutMs: 1e9 };
  const { port } = await listen(t, () => 1, { clock: stoppable, limits });
  const connection = connect(t, port, { clock: stoppable, limits });
  await connection.call(header, {});
  // As after SIGSTOP: the timer is late by hours, and what the other sent meanwhile is not yet read.
  stoppable.stoppedMs = 5_000_000;
  stoppable.advance(1000);
  assert.equal(await connection.call(header, {}), 1);
});

test('a server that drains answers what is under way and takes nothing new', async (t) => {
  const answers: (() => void)[] = [];
  const listener = await listen(t, () => new Promise((resolve) => answers.push(() => resolve('done'))));
  const reasons: FsError[] = [];
  const events = { pushed: () => undefined, closed: (reason: FsError) => reasons.push(reason) };
  const connection = connect(t, listener.port, { events });
  const idle = connect(t, listener.port);
  const underWay = connection.call(header, {});
  await until(() => answers.length === 1 && listener.connections.size === 2);
  let isDrained = false;
  const drained = listener.drain(5000).then(() => {
    isDrained = true;
  });
  await until(() => listener.connections.size === 1);
  await assert.rejects(idle.call(header, {}) as Promise<unknown>, { status: 'disconnected' });
  await assert.rejects(connection.call(header, {}) as Promise<unknown>, /is stopping/);
  assert(!isDrained);
  answers[0]!();
  assert.equal(await underWay, 'done');
  await drained;
  await until(() => reasons.length === 1);
  assert.match(reasons[0]!.message, /is stopping/);
});

test('a connection that never comes about fails its calls with one sentence', async (t) => {
  const silent = createServer((socket) => socket.resume()).listen(0, host);
  await once(silent, 'listening');
  t.after(() => silent.close());
  const { port } = silent.address() as { port: number };
  const quick = connect(t, port, { limits: { connectTimeoutMs: 50 } });
  await assert.rejects(quick.call(header, {}) as Promise<unknown>, {
    status: 'disconnected',
    message: `127.0.0.1:${port} did not answer within 50 ms`,
  });

  const other = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'));
  other.listen(0, host);
  await once(other, 'listening');
  t.after(() => other.close());
  const wrong = connect(t, (other.address() as { port: number }).port);
  await assert.rejects(wrong.call(header, {}) as Promise<unknown>, /is no server for this client: no ClaudeFS speaks/);

  silent.close();
  await once(silent, 'close');
  const nobody = connect(t, port);
  await assert.rejects(nobody.call(header, {}) as Promise<unknown>, {
    status: 'disconnected',
    message: `nobody listens at 127.0.0.1:${port}`,
  });
});

test('somebody who says no hello is dropped, and so is one connection too many', async (t) => {
  const refused: string[] = [];
  const { port } = await listen(t, () => 1, {
    connectionsMax: 1,
    limits: { connectTimeoutMs: 50 },
    onRefused: (reason) => refused.push(reason),
  });
  const silent = connectSocket({ host, port });
  t.after(() => silent.destroy());
  await once(silent, 'connect');
  const more = connectSocket({ host, port });
  more.on('error', () => undefined);
  await once(more, 'close');
  assert.deepEqual(refused, ['too many connections']);
  silent.resume();
  await once(silent, 'end');
});

test('where somebody listens already nobody else can', async (t) => {
  const { port } = await listen(t, () => 1);
  await assert.rejects(listenTcp({ host, port, codec, clock, handler: () => 1 }), {
    status: 'busy',
    message: `cannot listen at ${host}:${port}: EADDRINUSE`,
  });
});

/** A clock that went on while the process did not. */
class StoppableClock extends ManualClock {
  stoppedMs = 0;

  override nowMs(): number {
    return super.nowMs() + this.stoppedMs;
  }
}

/** Tests make the network slow where nothing else can. */
function rawSocketOf(connection: unknown): Socket {
  return (connection as { socket: Socket }).socket;
}
