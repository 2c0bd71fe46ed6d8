import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { open } from 'lmdb';
import * as native from '#native';
import { directory } from './testing.ts';

const { EINVAL, ESRCH } = constants.errno;

test('the clocks tell seconds and nanoseconds', () => {
  const out = new Float64Array(2);
  assert.equal(native.clockGetTime(0, out), 0);
  const [seconds = 0, nanoseconds = -1] = out;
  assert(Math.abs(seconds - Date.now() / 1000) < 5);
  assert(nanoseconds >= 0 && nanoseconds < 1e9);
  assert.equal(native.clockGetTime(7, out), 0);
  assert.equal(native.clockGetTime(99 as 1, out), -EINVAL);
});

test('the credentials of a thread are those of its status', () => {
  const out = new Uint32Array(4 + 1024);
  assert.equal(native.readCredentials(process.pid, out), 0);
  const status = readFileSync('/proc/self/status', 'latin1');
  const capabilities = BigInt(`0x${status.match(/^CapEff:\t(\w+)/m)?.[1]}`);
  const groups = (status.match(/^Groups:\t(.*)/m)?.[1] ?? '').trim().split(' ').filter(Boolean).map(Number);
  const [low = 0, high = 0, sameNamespace, count = 0] = out;
  assert.equal((BigInt(high) << 32n) | BigInt(low), capabilities);
  assert.equal(sameNamespace, 1);
  assert.deepEqual([...out.subarray(4, 4 + count)], groups);
});

test('the groups and capabilities of another process are read, up to 1,024 groups', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('only root may set groups');
  const groups = Array.from({ length: 3_000 }, (_, index) => 4_000_000_000 + index);
  const script = `process.setgroups([${groups}]); process.setuid(12345); console.log(1); setInterval(() => {}, 1e6)`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill());
  await once(child.stdout, 'data');
  const out = new Uint32Array(4 + 1024);
  assert.equal(native.readCredentials(child.pid ?? 0, out), 0);
  assert.deepEqual([...out.subarray(0, 4)], [0, 0, 1, 1024]);
  assert.deepEqual([...out.subarray(4)], groups.slice(0, 1024));
});

test('a thread that is gone has no credentials', () => {
  assert.equal(native.readCredentials(2 ** 30, new Uint32Array(4 + 1024)), -ESRCH);
});

// ---- mappings ---------------------------------------------------------------------------------------------------

test('releaseMappedPages advises the shared mappings of one file', async (t) => {
  const database = open({ path: join(directory, 'mapped'), mapSize: 1 << 20 });
  t.after(() => database.close());
  await database.put('key', 'value');
  assert(native.releaseMappedPages(join(directory, 'mapped', 'data.mdb')) >= 1 << 20);
  assert.equal(database.get('key'), 'value');
});

test('releaseMappedPages leaves private mappings and other files alone', () => {
  assert.equal(native.releaseMappedPages(process.execPath), 0);
  assert.equal(native.releaseMappedPages(join(directory, 'absent')), 0);
});

test('a datagram to nobody says so', () => {
  assert.equal(native.sendDatagram('/nowhere/at/all', 'READY=1'), -constants.errno.ENOENT);
  assert.equal(native.sendDatagram('@nobody-listens-here', 'READY=1'), -constants.errno.ECONNREFUSED);
  assert.equal(native.sendDatagram('x'.repeat(200), 'READY=1'), -constants.errno.ENAMETOOLONG);
});
