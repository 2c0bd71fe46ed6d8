import { strict as assert } from 'node:assert';
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { FsError } from '#base';
import { askServer } from './ask-server.ts';
import { HealthEndpoint } from './health.ts';
import { ServerAdmin } from './server-admin.ts';
import type { ServerControl, ServerStatus } from './server-status.ts';

const scratch = mkdtempSync(join(tmpdir(), 'cfs-admin-'));
after(() => rmSync(scratch, { recursive: true }));

const asked: string[] = [];
const control: ServerControl = {
  status: () => ({ pid: 5, volumes: ['default'] }) as ServerStatus,
  sessions: () => [],
  evict: async (session, volume) => {
    if (session !== 1) throw new FsError('notFound', `there is no session ${session}`);
    asked.push(`evict ${session} of ${volume}`);
  },
  createVolume: async (name) => void asked.push(`create ${name}`),
  removeVolume: async (name) => void asked.push(`remove ${name}`),
};

for (const [where, store] of [
  ['a store', join(scratch, 'store')],
  ['a store whose path is too long for a socket', join(scratch, 'x'.repeat(120))],
] as const) {
  test(`the server of ${where} answers, to its own user alone`, async () => {
    mkdirSync(store);
    assert.equal(await askServer(store, 'GET /status', undefined), undefined);
    const admin = await ServerAdmin.listen(store, control);
    assert.equal(statSync(join(store, 'admin.sock')).mode & 0o777, 0o600);
    assert.equal((await askServer(store, 'GET /status', undefined))?.pid, 5);
    assert.deepEqual(await askServer(store, 'GET /sessions', undefined), []);
    await askServer(store, 'POST /sessions/evict', { session: 1, volume: 'default' });
    await askServer(store, 'POST /volumes/create', { name: 'x' });
    await askServer(store, 'POST /volumes/remove', { name: 'x' });
    assert.deepEqual(asked.splice(0), ['evict 1 of default', 'create x', 'remove x']);
    await assert.rejects(askServer(store, 'POST /sessions/evict', { session: 2 }), {
      status: 'notFound',
      message: 'there is no session 2',
    });
    admin.close();
    assert.equal(await askServer(store, 'GET /status', undefined), undefined);
  });
}

test('health is ok, and ready only while sessions are taken', async () => {
  let reason: string | undefined;
  const health = await HealthEndpoint.listen({ host: '127.0.0.1', port: 0 }, () => reason);
  const get = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${health.port}${path}`);
    return [response.status, await response.text()];
  };
  assert.deepEqual(await get('/healthz'), [200, 'ok\n']);
  assert.deepEqual(await get('/readyz'), [200, 'ok\n']);
  reason = 'draining';
  assert.deepEqual(await get('/readyz'), [503, 'draining\n']);
  assert.deepEqual(await get('/healthz'), [200, 'ok\n']);
  assert.deepEqual(await get('/x'), [404, 'not found\n']);
  const taken = HealthEndpoint.listen({ host: '127.0.0.1', port: health.port }, () => undefined);
  await assert.rejects(taken, { status: 'busy' });
  health.close();
});
