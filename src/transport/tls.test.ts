import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { connect as connectSecurely } from 'node:tls';
import { SystemClock } from '#base';
import { anyMessageCodec as codec } from './any-message.testing.ts';
import { TestAuthority } from './certificates.testing.ts';
import { connectTcp, listenTcp } from './tcp.ts';
import { connectTls, listenTls, type TlsIdentity, type TlsListener } from './tls.ts';
import type { Connection } from './transport.ts';

const host = '127.0.0.1';
const clock = new SystemClock();
const header = { code: 1, session: 0, slot: 0, sequence: 0 };
const authority = await TestAuthority.make('one authority');
const otherAuthority = await TestAuthority.make('another authority');
const server = await authority.issue('the server', { hosts: [host, 'localhost'] });
const client = await authority.issue('a client');

async function listen(t: TestContext, tls: TlsIdentity = server) {
  const refused: string[] = [];
  const onRefused = (reason: string) => void refused.push(reason);
  const handler = (_header: unknown, _request: unknown, { peer }: { peer: { identity: string | undefined } }) =>
    peer.identity;
  const listener = await listenTls({ host, port: 0, codec, clock, handler, tls, onRefused });
  t.after(() => listener.close());
  return { listener, refused };
}

function ask(t: TestContext, listener: { port: number }, tls: Partial<TlsIdentity>, serverName?: string) {
  const options = { host, port: listener.port, codec, clock, tls: tls as TlsIdentity };
  const connection = connectTls(serverName === undefined ? options : { ...options, serverName });
  t.after(() => connection.close());
  return call(connection);
}

const call = (connection: Connection): Promise<unknown> => connection.call(header, {}) as Promise<unknown>;

async function untilRefused(refused: readonly string[], pattern: RegExp): Promise<void> {
  while (refused.length === 0) await setImmediate();
  assert.match(refused[0]!, pattern);
}

test('the server knows its client by the name in the certificate', async (t) => {
  const { listener } = await listen(t);
  assert.equal(await ask(t, listener, client), 'a client');
  assert.equal(await ask(t, listener, client, 'localhost'), 'a client');
});

test('a client without a certificate is refused, and told so', async (t) => {
  const { listener, refused } = await listen(t);
  await assert.rejects(ask(t, listener, { ca: authority.pem }), {
    status: 'accessDenied',
    message: `${host}:${listener.port} refused this client: it has no certificate`,
  });
  await untilRefused(refused, /^it has no certificate$/);
});

test('a client of another authority is refused, and told so', async (t) => {
  const { listener, refused } = await listen(t);
  const stranger = await otherAuthority.issue('a stranger');
  await assert.rejects(ask(t, listener, { ...stranger, ca: authority.pem }), {
    status: 'accessDenied',
    message: /refused this client: its certificate is not from the authority that the server trusts/,
  });
  await untilRefused(refused, /not from the authority/);
});

test('a client whose certificate has expired is refused, and told so', async (t) => {
  const { listener, refused } = await listen(t);
  const late = await authority.issue('late', { validForMs: -3_600_000 });
  await assert.rejects(ask(t, listener, late), {
    status: 'accessDenied',
    message: /refused this client: its certificate has expired/,
  });
  await untilRefused(refused, /certificate has expired/);
});

test('a certificate that was revoked is refused from when the server knows', async (t) => {
  const { listener, refused } = await listen(t);
  assert.equal(await ask(t, listener, client), 'a client');
  const { cert, key, ca } = server;
  (listener as TlsListener).renew({ cert, key, ca, crl: await authority.revoke(client) });
  await assert.rejects(ask(t, listener, client), {
    status: 'accessDenied',
    message: /refused this client: its certificate was revoked/,
  });
  await untilRefused(refused, /certificate was revoked/);
});

test('no session is resumed, whose certificate nobody would look at again', async (t) => {
  const { listener } = await listen(t);
  const options = { host, port: listener.port, ...client, minVersion: 'TLSv1.3' } as const;
  const sessions: Buffer[] = [];
  const first = connectSecurely(options);
  first.on('session', (session) => sessions.push(session));
  await once(first, 'data');
  first.destroy();
  for (const session of sessions) {
    const second = connectSecurely({ ...options, session });
    await once(second, 'data');
    assert(!second.isSessionReused());
    second.destroy();
  }
});

test('a client trusts no server of another authority, for another host, or whose time is over', async (t) => {
  const cases: [TlsIdentity, RegExp][] = [
    [await otherAuthority.issue('x', { hosts: [host] }), /is not from the authority that this client trusts/],
    [await authority.issue('x', { hosts: ['elsewhere.example'] }), /is for another host name/],
    [await authority.issue('x', { hosts: [host], validForMs: -3_600_000 }), /has expired/],
  ];
  for (const [identity, message] of cases) {
    const { listener } = await listen(t, { ...identity, ca: authority.pem });
    await assert.rejects(ask(t, listener, client), { status: 'accessDenied', message });
  }
});

test('who speaks TLS to a server without, or none to one with, is told so', async (t) => {
  const plain = await listenTcp({ host, port: 0, codec, clock, handler: () => 1 });
  t.after(() => plain.close());
  await assert.rejects(ask(t, plain, client), { status: 'accessDenied', message: /does not speak TLS 1\.3/ });
  const { listener } = await listen(t);
  const connection = connectTcp({ host, port: listener.port, codec, clock });
  await assert.rejects(call(connection), /asks for certificates|speaks TLS/);
});

test('a certificate that cannot be read is a mistake of this side', async () => {
  const broken = { ...client, cert: 'no certificate' };
  assert.throws(() => connectTls({ host, port: 1, codec, clock, tls: broken }), { status: 'invalid' });
  await assert.rejects(listenTls({ host, port: 0, codec, clock, handler: () => 1, tls: broken }), {
    status: 'invalid',
  });
});
