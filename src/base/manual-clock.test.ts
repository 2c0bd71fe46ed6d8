import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { ManualClock } from './manual-clock.ts';
import { SeededRandom } from './random.ts';

test('timers run at their own moment, in order of time and then of setting', () => {
  const clock = new ManualClock({ startMs: 100 });
  const seen: string[] = [];
  const note = (name: string) => () => void seen.push(`${name}@${clock.nowMs()}`);
  clock.after(30, note('c'));
  clock.after(10, note('a'));
  clock.after(30, note('d'));
  clock.after(20, () => {
    note('b')();
    clock.after(5, note('nested'));
  });
  clock.advance(29);
  assert.deepEqual(seen, ['a@110', 'b@120', 'nested@125']);
  clock.advance(1);
  assert.deepEqual(seen.slice(3), ['c@130', 'd@130']);
  assert.equal(clock.nowMs(), 130);
});

test('a cancelled timer does not run', () => {
  const clock = new ManualClock();
  let runs = 0;
  const timer = clock.after(5, () => runs++);
  clock.after(5, () => timer.cancel());
  const late = clock.after(7, () => runs++);
  late.cancel();
  clock.advance(4);
  timer.cancel();
  timer.cancel();
  clock.advance(10);
  assert.equal(runs, 0);
  assert.equal(clock.nextAtMs(), undefined);
  assert.equal(clock.runNext(), false);
});

test('many timers run in order', () => {
  const clock = new ManualClock();
  const random = new SeededRandom(7);
  const seen: number[] = [];
  for (let i = 0; i < 1000; i++) clock.after(random.u32() % 500, () => void seen.push(clock.nowMs()));
  while (clock.runNext());
  assert.equal(seen.length, 1000);
  assert.deepEqual(
    seen,
    seen.toSorted((a, b) => a - b),
  );
});

test('the wall clock moves with the clock', () => {
  const clock = new ManualClock({ startMs: 5, wallMs: 1500 });
  clock.advance(2.25);
  clock.readWall();
  assert.deepEqual([clock.wallSec, clock.wallNsec], [1, 502_250_000]);
});
