import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drive, FsError, ManualClock, type Maybe, rootIno, SeededRandom, sleep } from '#base';
import { type Attributes, calls, createCodec, pushes, sessionCalls, superuser } from '#protocol';
import { type CallContext, type CallHeader, MemoryNetwork, type Peer } from '#transport';
import { MountSession, type MountSessionOptions } from './mount-session.ts';
import type { SessionListener } from './session-keeper.ts';

const unlink = { caller: superuser, parent: rootIno, name: 'a' };
const root = { ino: rootIno };
const noTimes = { atimeSec: 0, atimeNsec: 0, mtimeSec: 0, mtimeNsec: 0, ctimeSec: 0, ctimeNsec: 0 };
const done: Attributes = {
  ...noTimes,
  ...{ ino: rootIno, mode: 0o40755, nlink: 2, uid: 0, gid: 0, rdev: 0, size: 0, blocks: 0, btimeSec: 0, btimeNsec: 0 },
  ...{ flags: 0, dataVersion: 0, hasAcl: false, hasFileCapabilities: false },
};

/** A server that knows sessions and nothing else; what it does with calls is `answer`. */
class ScriptedServer {
  epoch = 1;
  mustReclaim = false;
  readonly sessions = new Set<number>();
  readonly seen: { name: string; header: CallHeader; request: unknown }[] = [];
  peer: Peer | undefined;
  answer: (name: string, request: unknown, context: CallContext) => Maybe<unknown> = () => done;
  #next = 41;

  handle(header: CallHeader, request: unknown, context: CallContext): Maybe<unknown> {
    const name = nameOf(header.code);
    this.seen.push({ name, header, request });
    this.peer = context.peer;
    if (name === 'createSession') {
      this.sessions.add(this.#next);
      return this.#facts(this.#next++);
    }
    const { session } = name === 'attachSession' ? (request as { session: number }) : header;
    if (!this.sessions.has(session)) throw new FsError('stale', `session ${session} is over`);
    if (name === 'attachSession') return this.#facts(session);
    if (name === 'reclaim') return { lostOpens: [], lostLocks: [] };
    if (name in sessionCalls) return undefined;
    const reply = this.answer(name, request, context);
    const wrap = (value: unknown) => ({ reply: value, serial: 1, grants: [], also: [] });
    return reply instanceof Promise ? reply.then(wrap) : wrap(reply);
  }

  names(): string[] {
    return this.seen.map(({ name }) => name);
  }

  #facts(session: number) {
    const { epoch, mustReclaim } = this;
    return { session, secret: 's', epoch, ttlMs: 30_000, root: done, volumeUuid: 'u', readOnly: false, mustReclaim };
  }
}

const nameOf = (code: number): string =>
  Object.entries({ ...calls, ...sessionCalls }).find(([, row]) => row.code === code)![0];

async function begin(options: Partial<MountSessionOptions> = {}) {
  const clock = new ManualClock();
  const random = new SeededRandom(7);
  const weather = { minDelayMs: 1, maxDelayMs: 2, lossPerMillion: 0, silenceMs: 500 };
  const network = new MemoryNetwork({ clock, random, weather, codec: createCodec() });
  const server = new ScriptedServer();
  const listen = () => network.listen('s', (...call) => server.handle(...call));
  const listener = listen();
  const told: string[] = [];
  const tell = (what: string) => () => void told.push(what);
  const holder: SessionListener = {
    recalled: tell('recalled'),
    lockGranted: tell('lockGranted'),
    leasesEnded: tell('leasesEnded'),
    reattached: tell('reattached'),
    sessionLost: tell('sessionLost'),
    heldOpens: () => [{ ino: rootIno, count: 2 }],
    heldLocks: () => [],
    reclaimed: tell('reclaimed'),
  };
  const create = { name: 'c', volume: 'v', cacheMode: 'strict', readOnly: false } as const;
  const session = new MountSession({
    connect: (events) => network.connect('c', 's', events),
    clock,
    random,
    create,
    timeoutMs: 0,
    onNews: () => undefined,
    ...options,
  });
  const wait = <T>(result: Maybe<T>): Promise<T> => drive(clock, result);
  await wait(session.start(holder));
  return { clock, network, server, listener, listen, session, told, wait };
}

/** Cuts the cable for as long as it takes to be noticed. */
async function breakConnection({ network, clock, wait }: Awaited<ReturnType<typeof begin>>) {
  network.partition('c', 's');
  await wait(sleep(clock, 12_000));
  network.heal('c', 's');
}

test('a new connection is attached before anything else goes out on it, and calls are repeated in their slots', async () => {
  const world = await begin();
  const { server, session, network, clock, wait } = world;
  let left = 3;
  server.answer = () => (left-- > 0 ? new Promise(() => undefined) : done);
  const results = [session.call('unlink', unlink), session.call('unlink', unlink), session.call('getattr', root)];
  await wait(sleep(clock, 10));
  network.partition('c', 's');
  await wait(sleep(clock, 1000));
  await wait(session.sendOnce('renewSession', {}));
  network.heal('c', 's');
  assert.deepEqual(
    (await wait(Promise.all(results))).map(({ reply }) => reply),
    [done, done, done],
  );
  assert.deepEqual(server.names(), [
    ...['createSession', 'getattr', 'unlink', 'unlink'],
    ...['attachSession', 'getattr', 'unlink', 'unlink'],
  ]);
  const slots = server.seen
    .filter(({ name }) => name === 'unlink')
    .map(({ header }) => `${header.slot}.${header.sequence}`);
  assert.deepEqual(slots, ['0.1', '1.1', '0.1', '1.1']);
  assert.deepEqual(world.told, ['reattached']);
});

test('an idle session is renewed three times within its TTL, a busy one is not', async () => {
  const { server, session, clock, wait } = await begin();
  await wait(sleep(clock, 30_500));
  assert.deepEqual(server.names(), ['createSession', 'renewSession', 'renewSession', 'renewSession']);
  for (let count = 0; count < 10; count++) {
    await wait(session.call('getattr', root));
    await wait(sleep(clock, 3000));
  }
  assert.equal(server.names().filter((name) => name === 'renewSession').length, 3);
});

test('leases end a TTL less the drift after the sending of the last call that was answered', async () => {
  const { server, session, network, clock, told, wait } = await begin();
  await wait(sleep(clock, 5000));
  const sentAtMs = clock.nowMs();
  await wait(session.call('getattr', root));
  network.partition('c', 's');
  assert.equal(session.leaseLeftMs(), sentAtMs + 29_000 - clock.nowMs());
  await wait(sleep(clock, sentAtMs + 28_999 - clock.nowMs()));
  assert.deepEqual([told, session.leaseLeftMs()], [[], 1]);
  await wait(sleep(clock, 1));
  assert.deepEqual([told, session.leaseLeftMs()], [['leasesEnded'], 0]);
  network.heal('c', 's');
  await wait(session.call('getattr', root));
  assert(session.leaseLeftMs() > 28_000);
  assert.equal(server.names().at(-2), 'attachSession');
});

test('another epoch ends all leases, and opens are reclaimed before any call goes on', async () => {
  const world = await begin();
  const { server, session, told, wait } = world;
  server.epoch = 2;
  const broken = breakConnection(world);
  await broken;
  await wait(session.call('getattr', root));
  assert.deepEqual(told, ['leasesEnded', 'reclaimed']);
  const names = server.names();
  assert.deepEqual(names.slice(names.indexOf('attachSession')), ['attachSession', 'reclaim', 'getattr']);
  assert.deepEqual(server.seen.find(({ name }) => name === 'reclaim')?.request, {
    opens: [{ ino: rootIno, count: 2 }],
    locks: [],
    done: true,
  });
});

test('a write that a crash may have left half done is repeated before all is reclaimed, and other calls after', async () => {
  const world = await begin();
  const { server, session, clock, wait } = world;
  server.answer = () => new Promise(() => undefined);
  const write = {
    ino: rootIno,
    offset: 0,
    data: Buffer.from('abc'),
    append: false,
    killPrivileges: false,
    sync: false,
  };
  const outcomes = Promise.all([session.call('write', write), session.call('unlink', unlink)]);
  await wait(sleep(clock, 10));
  server.epoch = 2;
  server.answer = (name) => (name === 'write' ? { written: 3, end: 3 } : done);
  await breakConnection(world);
  await wait(outcomes);
  const since = server.seen.slice(server.names().indexOf('attachSession'));
  const reclaimed = since.filter(({ name }) => name === 'reclaim').map(({ request }) => request as { done: boolean });
  assert.deepEqual(
    since.map(({ name }) => name),
    ['attachSession', 'reclaim', 'write', 'reclaim', 'unlink'],
  );
  assert.deepEqual(
    reclaimed.map((each) => each.done),
    [false, true],
  );
});

test('a session that is over is replaced; what was under way in it and is not idempotent fails', async () => {
  const world = await begin();
  const { server, session, told, wait } = world;
  server.answer = () => new Promise(() => undefined);
  const outcomes = Promise.allSettled([session.call('unlink', unlink), session.call('getattr', root)]);
  await wait(sleep(world.clock, 10));
  server.sessions.clear();
  server.answer = () => done;
  server.peer!.push(pushes.sessionEnded.code, { reason: 'an administrator' });
  const [changed, looked] = await wait(outcomes);
  assert.equal(changed.status === 'rejected' && changed.reason.status, 'io');
  assert.deepEqual(looked.status === 'fulfilled' && looked.value.reply, done);
  assert.deepEqual(told, ['leasesEnded', 'sessionLost']);
  assert.deepEqual([session.facts.session, session.incarnation], [42, 1]);
  await wait(session.call('unlink', unlink));
  assert.equal(server.seen.at(-1)?.header.sequence, 1);
});

test('stale may be the inode alone: the session is asked before it is given up', async () => {
  const { server, session, told, wait } = await begin();
  server.answer = () => {
    throw new FsError('stale', 'inode 1 is gone');
  };
  await assert.rejects(wait(session.call('getattr', root)), { status: 'stale' });
  assert.deepEqual(server.names(), ['createSession', 'getattr', 'renewSession']);
  server.sessions.clear();
  server.answer = () => done;
  assert.deepEqual((await wait(session.call('getattr', root))).reply, done);
  assert.deepEqual(told, ['leasesEnded', 'sessionLost']);
});

test('a call that needs identity is asked again with groups and capabilities, under a new sequence', async () => {
  const { server, session, wait } = await begin();
  let isFirst = true;
  server.answer = () => {
    if (!isFirst) return done;
    isFirst = false;
    throw new FsError('needsIdentity', 'whose group');
  };
  const { identity: _known, ...looksUp } = superuser;
  const caller = { ...looksUp, groups: () => [7] };
  await wait(session.call('unlink', { ...unlink, caller }));
  const asked = server.seen.filter(({ name }) => name === 'unlink');
  assert.deepEqual(
    asked.map(({ header }) => header.sequence),
    [1, 2],
  );
  const [first, second] = asked.map(({ request }) => (request as typeof unlink).caller);
  assert.throws(() => first?.groups?.(), { status: 'needsIdentity' });
  assert.deepEqual(second?.groups?.(), [7]);
});

test('a soft mount gives up at its timeout, a hard one waits for ever', async () => {
  for (const [timeoutMs, status] of [
    [60_000, 'timedOut'],
    [0, undefined],
  ] as const) {
    const { session, network, clock, wait } = await begin({ timeoutMs });
    network.partition('c', 's');
    let outcome: unknown;
    void session.call('getattr', root).catch((error: FsError) => {
      outcome = error.status;
    });
    await wait(sleep(clock, 59_000));
    assert.equal(outcome, undefined);
    await wait(sleep(clock, 1001));
    assert.equal(outcome, status);
    await wait(sleep(clock, 3_600_000));
    assert.equal(outcome, status);
  }
});

test('an interrupted call ends at once where no server is, and waits a moment for one that is there', async () => {
  const { server, session, network, clock, wait } = await begin();
  server.answer = () => new Promise(() => undefined);
  const interrupted = AbortSignal.abort();
  const startMs = clock.nowMs();
  await assert.rejects(wait(session.call('getattr', root, { signal: interrupted })), { status: 'cancelled' });
  assert.equal(clock.nowMs() - startMs, 2000);
  network.partition('c', 's');
  await wait(Promise.race([session.call('getattr', root), sleep(clock, 1000)]));
  const cutMs = clock.nowMs();
  await assert.rejects(wait(session.call('getattr', root, { signal: interrupted })), { status: 'cancelled' });
  assert.equal(clock.nowMs(), cutMs);
});

test('a change whose caller left is repeated until its outcome is known, and the slot is not used before', async () => {
  const { server, session, network, clock, wait } = await begin({ slots: 1, timeoutMs: 3000 });
  network.partition('c', 's');
  const data = Buffer.from('abc');
  const late: unknown[] = [];
  const write = { ino: rootIno, offset: 0, data, append: false, killPrivileges: false, sync: false };
  const call = session.call('write', write, {
    late: { isAwaited: false, known: (answer) => void late.push(answer?.reply) },
  });
  await assert.rejects(wait(call), { status: 'timedOut' });
  data.fill(0);
  server.answer = () => ({ written: 3, end: 3 });
  network.heal('c', 's');
  await wait(sleep(clock, 20_000));
  assert.deepEqual(late, [{ written: 3, end: 3 }]);
  const written = server.seen.filter(({ name }) => name === 'write');
  assert.deepEqual(
    written.map(({ request }) => Buffer.from((request as { data: Uint8Array }).data).toString()),
    ['abc'],
  );
});

test('the first session is refused with the reason of the server', async () => {
  const clock = new ManualClock();
  const network = new MemoryNetwork({
    clock,
    random: new SeededRandom(1),
    weather: { minDelayMs: 1, maxDelayMs: 2, lossPerMillion: 0, silenceMs: 500 },
    codec: createCodec(),
  });
  const refuse = () => {
    throw new FsError('notFound', 'no volume v');
  };
  for (const [handler, status] of [
    [refuse, 'notFound'],
    [() => new Promise(() => undefined), 'timedOut'],
  ] as const) {
    network.listen('s', handler);
    const session = new MountSession({
      connect: (events) => network.connect('c', 's', events),
      clock,
      random: new SeededRandom(1),
      create: { name: 'c', volume: 'v', cacheMode: 'strict', readOnly: false },
      timeoutMs: 0,
      onNews: () => undefined,
    });
    await assert.rejects(drive(clock, session.start({} as SessionListener)), { status });
  }
});

test('closing ends the session, and what waits fails', async () => {
  const { server, session, clock, wait } = await begin();
  server.answer = () => new Promise(() => undefined);
  const call = session.call('getattr', root);
  call.catch(() => undefined);
  await wait(sleep(clock, 10));
  await wait(session.close());
  await assert.rejects(wait(call), { status: 'disconnected' });
  await assert.rejects(wait(session.call('getattr', root)), { status: 'disconnected' });
  assert.equal(server.names().at(-1), 'endSession');
});
