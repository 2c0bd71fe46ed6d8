import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { SystemClock } from './system-clock.ts';
import { SystemRandom } from './system-random.ts';

test('the wall clock agrees with the one of JavaScript', () => {
  const clock = new SystemClock();
  clock.readWall();
  assert.ok(Math.abs(clock.wallSec * 1000 + clock.wallNsec / 1e6 - Date.now()) < 5000);
});

test('a cancelled timer does not run', async () => {
  const clock = new SystemClock();
  const ran: string[] = [];
  clock.after(1, () => ran.push('cancelled')).cancel();
  const before = clock.nowMs();
  const keepAlive = setTimeout(() => undefined, 1000);
  await new Promise<void>((resolve) => void clock.after(20, resolve));
  clearTimeout(keepAlive);
  assert.deepEqual(ran, []);
  assert.ok(clock.nowMs() - before >= 15);
});

test('the randomness of the machine does not repeat', () => {
  const random = new SystemRandom();
  const drawn = new Set(Array.from({ length: 1000 }, () => random.u32()));
  assert.ok(drawn.size > 990);
});
