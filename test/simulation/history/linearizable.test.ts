import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Ino } from '#base';
import { findStrictViolation } from './check-history.ts';
import { History, type Input } from './history.ts';

const facts = { roots: [2 as Ino], directories: new Set([2]) };
const dir = 2 as Ino;

/** A history from lines of [object, input, output, began, ended]; no end: it is in doubt. */
type Line = readonly [object: string, input: Input, output: unknown, began: number, ended?: number];

function violation(...lines: Line[]): string | undefined {
  const history = new History();
  for (const [object, input, output, began, ended] of lines) {
    const operation = history.begin({ object, input, client: 'c', process: 'p', beganAtMs: 0 });
    Object.assign(operation, { began, output, ended: ended ?? 1000, isDoubtful: ended === undefined });
  }
  return findStrictViolation(history, facts);
}

const write = (data: string): Input => ({ kind: 'write', offset: 0, data });
const bytes: Input = { kind: 'bytes', offset: 0 };
const make = (name: string): Input => ({ kind: 'make', dir, name, isDirectory: false });
const lookup = (name: string): Input => ({ kind: 'lookup', dir, name });

test('overlapping writes may take effect in either order', () => {
  for (const seen of ['a', 'b']) {
    assert.equal(
      violation(
        ['file 3', write('a'), undefined, 1, 4],
        ['file 3', write('b'), undefined, 2, 3],
        ['file 3', bytes, seen, 5, 6],
      ),
      undefined,
    );
  }
});

test('a read must not go back to what was overwritten before it began', () => {
  assert.match(
    violation(
      ['file 3', write('a'), undefined, 1, 2],
      ['file 3', write('b'), undefined, 3, 4],
      ['file 3', bytes, 'a', 5, 6],
    ) ?? '',
    /no order explains/,
  );
});

test('two reads must not see two writes in opposite orders', () => {
  assert.match(
    violation(
      ['file 3', write('a'), undefined, 1, 20],
      ['file 3', write('b'), undefined, 2, 21],
      ['file 3', bytes, 'a', 3, 4],
      ['file 3', bytes, 'b', 5, 6],
      ['file 3', bytes, 'a', 7, 8],
    ) ?? '',
    /no order explains/,
  );
});

test('an append that is found twice is noticed', () => {
  const append: Input = { kind: 'append', data: 'a' };
  assert.match(
    violation(['file 3', append, undefined, 1, 2], ['file 3', { kind: 'end', offset: 0, length: 9 }, 2, 3, 4]) ?? '',
    /no order explains/,
  );
});

test('a call in doubt may have been carried out, at any time, or not', () => {
  const late = ['names', make('x'), undefined, 1] as const;
  assert.equal(violation(late, ['names', lookup('x'), undefined, 2, 3]), undefined);
  assert.equal(violation(late, ['names', lookup('x'), undefined, 2, 3], ['names', lookup('x'), 7, 4, 5]), undefined);
  assert.match(
    violation(late, ['names', lookup('x'), 7, 2, 3], ['names', lookup('x'), undefined, 4, 5]) ?? '',
    /no order explains/,
  );
});

test('a renamed file is under one of its names at any time', () => {
  const rename: Input = { kind: 'rename', dir, name: 'x', toDir: dir, toName: 'y' };
  const made = ['names', make('x'), 7, 1, 2] as const;
  const renamed = ['names', rename, 'ok', 3, 10] as const;
  const list: Input = { kind: 'list', dir };
  assert.equal(violation(made, renamed, ['names', list, new Map([['y', 7]]), 4, 5]), undefined);
  assert.match(violation(made, renamed, ['names', list, new Map(), 4, 5]) ?? '', /no order explains/);
  assert.match(
    violation(made, renamed, ['names', lookup('y'), 7, 4, 5], ['names', lookup('x'), 7, 6, 7]) ?? '',
    /no order explains/,
  );
});

test('a removed name is not found again, and its inode has no links', () => {
  const unlink: Input = { kind: 'unlink', dir, name: 'x' };
  const made = ['names', make('x'), 7, 1, 2] as const;
  const removed = ['names', unlink, 'ok', 3, 4] as const;
  assert.equal(violation(made, removed, ['names', { kind: 'links', ino: 7 as Ino }, 0, 5, 6]), undefined);
  assert.match(violation(made, removed, ['names', { kind: 'links', ino: 7 as Ino }, 1, 5, 6]) ?? '', /no order/);
  assert.match(violation(made, removed, ['names', lookup('x'), 7, 5, 6]) ?? '', /no order/);
});

test('an mtime stays until the next change', () => {
  const stat = (mtime: string, began: number): Line => [
    'file 3',
    { kind: 'stat' },
    { size: 1, mtime },
    began,
    began + 1,
  ];
  const written = ['file 3', write('a'), undefined, 1, 2] as const;
  assert.equal(violation(written, stat('5', 3), stat('5', 5)), undefined);
  assert.match(violation(written, stat('5', 3), stat('6', 5)) ?? '', /no order explains/);
});
