import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { isRunning } from './process.ts';

test('a process that has ended but was not collected does not run', async () => {
  // The shell becomes a sleep, which collects no children.
  const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const child = Number(line.toString());
    while (readFileSync(`/proc/${parent.pid}/comm`, 'latin1') !== 'sleep\n') await pause(5);
    assert(isRunning(child));
    process.kill(child, 'SIGKILL');
    while (isRunning(child)) await pause(5);
    assert.doesNotThrow(() => process.kill(child, 0), 'it is still there');
    assert(isRunning(parent.pid!));
  } finally {
    parent.kill('SIGKILL');
  }
});

test('a process that is gone does not run, and one of another user does', async () => {
  const child = spawn('true');
  await once(child, 'close');
  assert(!isRunning(child.pid!));
  assert(isRunning(1));
});
