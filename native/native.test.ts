import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFileSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import * as native from '#native';
import { AT_FDCWD, directory, socketPair } from './testing.ts';

test('the declarations, the names for ES modules and the addon agree', () => {
  const declared = readFileSync(join(import.meta.dirname, 'index.d.cts'), 'utf8');
  const names = [...declared.matchAll(/^export function (\w+)/gm)].map((match) => match[1]).sort();
  const addon = createRequire(import.meta.url)('./build/cfs.node');
  assert.deepEqual(Object.keys(addon).sort(), names);
  assert.deepEqual(
    Object.keys(native)
      .filter((name) => !/^(default|module\.exports)$/.test(name))
      .sort(),
    names,
  );
});

test('without a build the door names the command that builds', () => {
  copyFileSync(join(import.meta.dirname, 'index.cjs'), join(directory, 'index.cjs'));
  assert.throws(() => createRequire(import.meta.url)(join(directory, 'index.cjs')), /run npm run build:native/);
});

test('an argument of the wrong type throws', () => {
  assert.throws(() => native.closeFd('1' as never), { name: 'TypeError', message: /argument 1/ });
  assert.throws(() => native.fstat(0, new Float64Array(3)), { name: 'TypeError', message: /argument 2/ });
  assert.throws(() => native.openAt(AT_FDCWD, 'a\0b', 0, 0), { name: 'TypeError', message: /argument 2/ });
});

// ---- a process and its end --------------------------------------------------------------------------------------

/** Runs `script` in a process of its own with the addon as `native`; returns what it printed. */
async function runScript(script: string): Promise<string> {
  const prelude = `const native = require(${JSON.stringify(join(import.meta.dirname, 'index.cjs'))});
    const pair = new Int32Array(2); native.socketPair(pair); const [left, right] = pair;
    const slots = native.allocateSlots(1, 4096); const { id } = slots;`;
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', prelude + script], { timeout: 20_000 });
  return stdout;
}

test('what a callback from the loop throws is an uncaught exception', async () => {
  const handler = `process.on('uncaughtException', (error) => { console.log(error.message); process.exit(0) });`;
  const thrower = `() => { throw new Error('thrown') }`;
  assert.equal(
    await runScript(`${handler} native.startPolling(left, ${thrower}); native.writeReply(right, id, 0, 5)`),
    'thrown\n',
  );
  assert.equal(await runScript(`${handler} native.read(-1, new Uint8Array(1), 0, ${thrower})`), 'thrown\n');
  const keepAlive = `setTimeout(() => {}, 5000);`;
  assert.equal(
    await runScript(`${handler} ${keepAlive} native.startNotifier(left).send(new Uint8Array(1), ${thrower})`),
    'thrown\n',
  );
});

test('promise jobs run after a callback from the loop', async () => {
  const script = `const poller = native.startPolling(left, () => { poller.stop();
    Promise.resolve().then(() => console.log('job')); process.nextTick(() => console.log('tick')) });
    native.writeReply(right, id, 0, 5)`;
  assert.equal(await runScript(script), 'tick\njob\n');
});

test('a notifier and an unreferenced poller let the process end', async () => {
  assert.equal(
    await runScript(`native.startNotifier(left); native.startPolling(left, () => {}).unref(); console.log('end')`),
    'end\n',
  );
});

test('a worker ends with calls, pollers and a notifier running', async (t) => {
  const [left] = socketPair(t);
  const script = `const native = require(${JSON.stringify(join(import.meta.dirname, 'index.cjs'))})
    native.startPolling(${left}, () => {})
    native.startNotifier(${left}).send(new Uint8Array(1), () => {})
    native.allocateSlots(1, 4096)
    for (let index = 0; index < 100; index++) native.read(-1, new Uint8Array(1), 0, () => {})
    process.exit(7)`;
  for (let round = 0; round < 5; round++) {
    const worker = new Worker(script, { eval: true });
    assert.equal(await new Promise((resolve) => worker.once('exit', resolve)), 7);
  }
});
