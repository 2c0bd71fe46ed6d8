import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drive, FsError, type Ino, ManualClock, type Maybe } from '#base';
import type { LockRange, SessionCallName, SessionReplyOf, SessionRequestOf } from '#protocol';
import { ClusterLocks } from './cluster-locks.ts';

const ino = 7 as Ino;
const other = 8 as Ino;
const owner = '00000000000000aa';

function range(start: number, end: number, exclusive = true): LockRange {
  return { type: 'range', owner, exclusive, start, end, pid: 1 };
}

/** A session that answers as it is told, and writes down what it was asked. */
class ScriptedSession {
  readonly seen: string[] = [];
  reply: (name: string) => Maybe<unknown> = (name) => (name === 'lock' ? 'granted' : undefined);

  async sessionCall<N extends SessionCallName>(name: N, request: SessionRequestOf<N>): Promise<SessionReplyOf<N>> {
    const { request: number } = request as { request?: number };
    this.seen.push(number === undefined ? name : `${name} ${number}`);
    return (await this.reply(name)) as SessionReplyOf<N>;
  }
}

function begin() {
  const session = new ScriptedSession();
  const clock = new ManualClock();
  return { session, clock, locks: new ClusterLocks(session, clock) };
}

const now = { wait: false };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const held = (locks: ClusterLocks) =>
  locks.list().map(({ ino: on, lock }) => `${on} ${lock.start}-${lock.end} ${lock.exclusive ? 'write' : 'read'}`);

test('what is held is known by ranges, as POSIX splits and joins them', async () => {
  const { locks } = begin();
  await locks.set(ino, range(0, 99), now);
  await locks.set(ino, range(100, 199), now);
  assert.deepEqual(held(locks), ['7 0-199 write']);
  await locks.set(ino, range(50, 59, false), now);
  assert.deepEqual(held(locks), ['7 0-49 write', '7 50-59 read', '7 60-199 write']);
  await locks.unlock(ino, range(10, 149));
  assert.deepEqual(held(locks), ['7 0-9 write', '7 150-199 write']);
  await locks.unlockAll(ino, 'range', owner);
  assert.deepEqual(held(locks), []);
});

test('a close of a file without locks costs no message', async () => {
  const { session, locks } = begin();
  await locks.set(other, range(0, 9), now);
  session.seen.length = 0;
  await locks.unlockAll(ino, 'range', owner);
  await locks.unlockAll(other, 'flock', owner);
  assert.deepEqual(session.seen, []);
  await locks.unlockAll(other, 'range', owner);
  assert.deepEqual(session.seen, ['unlock']);
});

test('a queued lock is held when its push arrives', async () => {
  const { session, locks } = begin();
  session.reply = () => 'queued';
  let isHeld = false;
  const waiting = locks.set(ino, range(0, 9), { wait: true }).then(() => {
    isHeld = true;
  });
  await turn();
  assert.equal(isHeld, false);
  locks.granted(1);
  await waiting;
  assert.deepEqual(held(locks), ['7 0-9 write']);
});

test('who waits for a lock asks again on a new connection', async () => {
  const { session, locks } = begin();
  session.reply = () => 'queued';
  const waiting = locks.set(ino, range(0, 9), { wait: true });
  await turn();
  session.reply = () => 'granted';
  locks.reattached();
  await waiting;
  assert.deepEqual(session.seen, ['lock 1', 'lock 1']);
});

test('an interrupted wait ends when nobody stands in the queue any more', async () => {
  const { session, locks } = begin();
  const cancelled = Promise.withResolvers<{ granted: boolean }>();
  session.reply = (name) => (name === 'lock' ? 'queued' : cancelled.promise);
  const controller = new AbortController();
  let ended: unknown;
  void locks.set(ino, range(0, 9), { wait: true, signal: controller.signal }).catch((error: FsError) => {
    ended = error.status;
  });
  await turn();
  controller.abort();
  await turn();
  assert.equal(ended, undefined);
  cancelled.resolve({ granted: false });
  await turn();
  assert.equal(ended, 'cancelled');
  assert.deepEqual(session.seen, ['lock 1', 'cancelLock 1']);
});

test('a wait that is interrupted too late has its lock', async () => {
  const { session, locks } = begin();
  session.reply = (name) => (name === 'lock' ? 'queued' : { granted: true });
  const controller = new AbortController();
  const waiting = locks.set(ino, range(0, 9), { wait: true, signal: controller.signal });
  await turn();
  controller.abort();
  await waiting;
  assert.deepEqual(session.seen, ['lock 1', 'cancelLock 1']);
  assert.deepEqual(held(locks), ['7 0-9 write']);
});

test('an interrupted wait ends without a server too, and a lock that was granted then is given up', async () => {
  const { session, clock, locks } = begin();
  const cancelled = Promise.withResolvers<{ granted: boolean }>();
  session.reply = (name) => ({ lock: 'queued', cancelLock: cancelled.promise })[name];
  const controller = new AbortController();
  const waiting = locks.set(ino, range(0, 9), { wait: true, signal: controller.signal });
  await turn();
  controller.abort();
  await assert.rejects(drive(clock, waiting), { status: 'cancelled' });
  cancelled.resolve({ granted: true });
  await turn();
  assert.deepEqual(session.seen, ['lock 1', 'cancelLock 1', 'unlock']);
  assert.deepEqual(held(locks), []);
});

test('what the server refuses is not held', async () => {
  const { session, locks } = begin();
  for (const status of ['wouldBlock', 'deadlock'] as const) {
    session.reply = () => {
      throw new FsError(status, 'held by another');
    };
    await assert.rejects(locks.set(ino, range(0, 9), { wait: status === 'deadlock' }), { status });
  }
  assert.deepEqual(held(locks), []);
});

test('with its session all locks are lost, and waits fail', async () => {
  const { session, locks } = begin();
  await locks.set(ino, range(0, 9), now);
  session.reply = () => 'queued';
  const waiting = locks.set(ino, range(20, 29), { wait: true });
  await turn();
  locks.lost();
  await assert.rejects(waiting, { status: 'io' });
  assert.deepEqual(held(locks), []);
});
