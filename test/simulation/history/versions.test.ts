import assert from 'node:assert/strict';
import { test } from 'node:test';
import { History, type Input, type Operation } from './history.ts';
import { findBrokenPromise } from './versions.ts';

type Line = readonly [client: string, input: Input, output: unknown, moments: Partial<Operation>];

function history(...lines: Line[]): History {
  const all = new History();
  for (const [client, input, output, moments] of lines) {
    const operation = all.begin({ object: 'file 3', input, client, process: client, beganAtMs: 0 });
    Object.assign(operation, { output }, moments);
  }
  return all;
}

const write = (data: string, began: number, closedAt?: number): Line => [
  'a',
  { kind: 'write', offset: 0, data },
  undefined,
  { began, ended: began + 1, ...(closedAt && { closedAt }) },
];
const read = (client: string, bytes: string, began: number, openedAt = 0): Line => [
  client,
  { kind: 'bytes', offset: 0 },
  bytes,
  { began, ended: began + 1, openedAt },
];
const never = Number.POSITIVE_INFINITY;

test('in a session, others may see what was, but not go back, nor may the writer', () => {
  const written = [write('1', 1), write('2', 3)] as const;
  assert.equal(
    findBrokenPromise(history(...written, read('b', '1', 5), read('b', '2', 7)), 'session', never),
    undefined,
  );
  assert.match(
    findBrokenPromise(history(...written, read('b', '2', 5), read('b', '1', 7)), 'session', never) ?? '',
    /no version that was due/,
  );
  assert.match(findBrokenPromise(history(...written, read('a', '1', 5)), 'session', never) ?? '', /no version/);
});

test('nobody sees what was not written yet', () => {
  assert.match(findBrokenPromise(history(write('1', 9), read('b', '1', 5)), 'session', never) ?? '', /no version/);
});

test('what was closed before an open began is seen by it', () => {
  const written = [write('1', 1, 3), write('2', 4, 6)] as const;
  const opened = (bytes: string, at: number) =>
    findBrokenPromise(history(...written, read('b', bytes, 10, at)), 'closeToOpen', never);
  assert.equal(opened('1', 5), undefined);
  assert.equal(opened('2', 5), undefined);
  assert.equal(opened('2', 7), undefined);
  assert.match(opened('1', 7) ?? '', /no version that was due/);
});

test('in the end all see the last version', () => {
  const seen = (bytes: string) =>
    findBrokenPromise(history(write('1', 1), write('2', 3), read('b', bytes, 10)), 'session', 9);
  assert.equal(seen('2'), undefined);
  assert.match(seen('1') ?? '', /no version that was due/);
});
