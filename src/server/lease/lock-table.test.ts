import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { FsError, Ino } from '#base';
import type { LockRange } from '#protocol';
import { LockTable } from './lock-table.ts';

const ino = 7 as Ino;
const toEnd = Number.MAX_SAFE_INTEGER;

function range(owner: string, start: number, end: number, exclusive = true): LockRange {
  return { type: 'range', owner, exclusive, start, end, pid: 100 };
}

function whole(owner: string, exclusive = true): LockRange {
  return { type: 'flock', owner, exclusive, start: 0, end: toEnd, pid: 100 };
}

function makeTable() {
  const granted: string[] = [];
  const table = new LockTable((session, request) => granted.push(`${session}.${request}`));
  let request = 0;
  const lock = (session: number, wanted: LockRange, wait = false, on = ino) =>
    table.lock(session, { ino: on, lock: wanted, wait, request: ++request });
  return { table, granted, lock };
}

test('a lock excludes other owners of this session and of others, a shared one does not exclude shared ones', () => {
  const { lock } = makeTable();
  assert.equal(lock(1, range('a', 0, 9)), 'granted');
  assert.throws(() => lock(1, range('b', 9, 20)), { status: 'wouldBlock' });
  assert.throws(() => lock(2, range('a', 5, 5, false)), { status: 'wouldBlock' });
  assert.equal(lock(2, range('a', 10, 20, false)), 'granted');
  assert.equal(lock(3, range('c', 15, toEnd, false)), 'granted');
});

test('locks of the two types and of other inodes do not see each other', () => {
  const { lock } = makeTable();
  assert.equal(lock(1, range('a', 0, toEnd)), 'granted');
  assert.equal(lock(2, whole('b')), 'granted');
  assert.equal(lock(2, range('b', 0, toEnd), false, 8 as Ino), 'granted');
});

test('those that wait get the lock in their order, and only then', () => {
  const { table, granted, lock } = makeTable();
  lock(1, range('a', 0, 9));
  assert.equal(lock(2, range('b', 0, 9), true), 'queued');
  assert.equal(lock(3, range('c', 0, 4, false), true), 'queued');
  assert.equal(lock(4, range('d', 5, 9, false), true), 'queued');
  table.unlock(1, ino, range('a', 0, 9));
  assert.deepEqual(granted, ['2.2']);
  table.unlock(2, ino, range('b', 0, 3));
  assert.deepEqual(granted, ['2.2']);
  table.unlock(2, ino, range('b', 4, 9));
  assert.deepEqual(granted, ['2.2', '3.3', '4.4']);
});

test('a request that is repeated is one request, whatever became of it', () => {
  const { table, granted, lock } = makeTable();
  lock(1, range('a', 0, 9));
  const request = { ino, lock: range('b', 0, 9), wait: true, request: 50 };
  assert.equal(table.lock(2, request), 'queued');
  assert.equal(table.lock(2, request), 'queued');
  table.unlock(1, ino, range('a', 0, 9));
  assert.deepEqual(granted, ['2.50']);
  assert.equal(table.lock(2, request), 'granted');
  assert.equal(table.heldBy(2), 1);
});

test('a cancelled request is told whether it came too late', () => {
  const { table, granted, lock } = makeTable();
  lock(1, range('a', 0, 9));
  lock(2, range('b', 0, 9), true);
  lock(3, range('c', 0, 9), true);
  assert.deepEqual(table.cancel(2, 2), { granted: false });
  table.unlock(1, ino, range('a', 0, 9));
  assert.deepEqual(granted, ['3.3']);
  assert.deepEqual(table.cancel(3, 3), { granted: true });
  assert.deepEqual(table.cancel(9, 9), { granted: false });
});

test('a circle of owners that wait for each other is refused where it would close', () => {
  const { table, lock } = makeTable();
  lock(1, range('a', 0, 0));
  lock(2, range('b', 1, 1));
  lock(3, range('c', 2, 2));
  assert.equal(lock(1, range('a', 1, 1), true), 'queued');
  assert.equal(lock(2, range('b', 2, 2), true), 'queued');
  assert.throws(() => lock(3, range('c', 0, 0), true), { status: 'deadlock' });
  assert.equal(table.waitingOf(3), 0);
  // Owners of the same name in two sessions are two.
  assert.equal(lock(4, range('c', 0, 0), true), 'queued');
});

test('flock gives up what it had before it waits for another kind', () => {
  const { granted, lock } = makeTable();
  lock(1, whole('a', false));
  lock(2, whole('b', false));
  assert.equal(lock(3, whole('c'), true), 'queued');
  assert.equal(lock(2, whole('b'), true), 'queued');
  assert.deepEqual(granted, []);
  assert.throws(() => lock(1, whole('a')), { status: 'wouldBlock' });
  assert.deepEqual(granted, ['3.3']);
});

test('who asks is told which lock stands in the way, and the process only within its session', () => {
  const { table, lock } = makeTable();
  lock(1, range('a', 3, 9));
  assert.deepEqual(table.test(1, ino, range('b', 0, 100)), range('a', 3, 9));
  assert.deepEqual(table.test(2, ino, range('b', 0, 100)), { ...range('a', 3, 9), pid: 0 });
  assert.equal(table.test(1, ino, range('a', 0, 100)), undefined);
  assert.equal(table.test(2, ino, range('b', 10, 100)), undefined);
});

test('the end of a session ends its locks and its waiting', () => {
  const { table, granted, lock } = makeTable();
  lock(1, range('a', 0, 9));
  lock(1, whole('a'));
  lock(2, range('b', 0, 9), true);
  lock(3, range('c', 0, 9), true);
  lock(4, whole('d'), true);
  table.endSession(2);
  table.endSession(1);
  assert.deepEqual(granted, ['3.4', '4.5']);
  assert.deepEqual(
    [1, 2, 3, 4].map((session) => table.heldBy(session)),
    [0, 0, 1, 1],
  );
});

test('a lock that is reclaimed is had again unless somebody has it', () => {
  const { table, lock } = makeTable();
  assert.equal(table.reclaim(1, { ino, lock: range('a', 0, 9) }), true);
  assert.equal(table.reclaim(2, { ino, lock: range('b', 5, 12) }), false);
  assert.throws(() => lock(2, range('b', 0, 0)), { status: 'wouldBlock' });
});

test('any sequence of range locks holds what a map of bytes says', () => {
  const size = 12;
  const step = fc.record({
    owner: fc.constantFrom('a', 'b', 'c'),
    kind: fc.constantFrom('shared', 'exclusive', 'unlock'),
    start: fc.nat(size - 1),
    length: fc.integer({ min: 1, max: size }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { table, lock } = makeTable();
      /** By owner, what it has of each byte. */
      const bytes = new Map<string, ('' | 'shared' | 'exclusive')[]>();
      const of = (owner: string) => bytes.get(owner) ?? bytes.set(owner, new Array(size).fill('')).get(owner)!;
      for (const { owner, kind, start, length } of steps) {
        const end = Math.min(size, start + length) - 1;
        const covered = Array.from({ length: end - start + 1 }, (_, index) => start + index);
        if (kind === 'unlock') {
          table.unlock(1, ino, range(owner, start, end));
          for (const at of covered) of(owner)[at] = '';
          continue;
        }
        const clashes = ['a', 'b', 'c'].some(
          (other) =>
            other !== owner &&
            covered.some((at) => of(other)[at] !== '' && (kind === 'exclusive' || of(other)[at] === 'exclusive')),
        );
        let outcome: string;
        try {
          outcome = lock(1, range(owner, start, end, kind === 'exclusive'));
        } catch (error) {
          outcome = (error as FsError).status;
        }
        assert.equal(outcome, clashes ? 'wouldBlock' : 'granted');
        if (!clashes) for (const at of covered) of(owner)[at] = kind;
      }
      for (let at = 0; at < size; at++) {
        const holders = ['a', 'b', 'c'].filter((owner) => of(owner)[at] !== '');
        assert.equal(table.test(2, ino, range('x', at, at)) !== undefined, holders.length > 0);
      }
      // Neighbours of one kind are one lock.
      const runs = ['a', 'b', 'c'].flatMap((owner) =>
        of(owner).filter((kind, at, all) => kind !== '' && kind !== all[at - 1]),
      );
      assert.equal(table.heldBy(1), runs.length);
    }),
  );
});
