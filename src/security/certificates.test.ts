import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { CertificateAuthority, validityInWords } from './certificate-authority.ts';
import { loadTlsCredentials } from './tls-credentials.ts';

const scratch = mkdtempSync(join(tmpdir(), 'cfs-pki-'));
after(() => rmSync(scratch, { recursive: true }));
const now = new Date(Math.floor(Date.now() / 1000) * 1000);
const dayMs = 86_400_000;

async function authority(name: string): Promise<CertificateAuthority> {
  return CertificateAuthority.init(join(scratch, name), { name: 'Test', now });
}

function issue(ca: CertificateAuthority, name: string, options: { host?: string; days?: number; at?: Date } = {}) {
  const { host, days, at = now } = options;
  const hosts = host === undefined ? [] : [host];
  const use = host === undefined ? 'client' : 'server';
  const into = join(ca.directory, 'out', name);
  return ca.issue({ name, use, hosts, into, ...(days === undefined ? {} : { days }) }, at);
}

function files(ca: CertificateAuthority, name: string) {
  const directory = join(ca.directory, 'out', name);
  return { cert: join(directory, 'cert.pem'), key: join(directory, 'key.pem'), ca: join(directory, 'ca.pem') };
}

/** Says hello by TLS 1.3 and returns the name that the server saw, or fails. */
async function greet(ca: CertificateAuthority, client: string): Promise<string> {
  const crl = readFileSync(join(ca.directory, 'crl.pem'));
  const credentials = loadTlsCredentials(files(ca, 'server'), { use: 'server', now });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  promise.catch(() => undefined);
  const options = { ...credentials, crl, requestCert: true, rejectUnauthorized: false, minVersion: 'TLSv1.3' as const };
  const server = createServer(options, (socket: TLSSocket) => {
    if (socket.authorized) resolve(socket.getPeerCertificate().subject.CN as string);
    else reject(socket.authorizationError);
    socket.on('error', () => undefined).end('hello');
  });
  server.on('tlsClientError', reject);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { cert, key } = files(ca, client);
  const socket = connect({
    port: (server.address() as AddressInfo).port,
    host: '127.0.0.1',
    ca: readFileSync(files(ca, client).ca),
    cert: readFileSync(cert),
    key: readFileSync(key),
  });
  socket.on('error', () => undefined);
  try {
    return await promise;
  } finally {
    socket.destroy();
    server.close();
  }
}

test('a client and a server with certificates of one authority know each other, until one is revoked', async () => {
  const ca = await authority('both');
  await issue(ca, 'server', { host: '127.0.0.1' });
  await issue(ca, 'web1');
  assert.equal(await greet(ca, 'web1'), 'web1');
  const [revoked] = await ca.revoke('web1', now);
  assert.equal(revoked?.name, 'web1');
  await assert.rejects(greet(ca, 'web1'), (reason) => String(reason).includes('REVOKED'));
  await issue(ca, 'web2');
  assert.equal(await greet(ca, 'web2'), 'web2');
});

test('keys are for their owner alone, and one that is not is told of', async () => {
  const ca = await authority('keys');
  await issue(ca, 'c');
  const { key } = files(ca, 'c');
  assert.equal(statSync(key).mode & 0o777, 0o600);
  const authorityKey = join(ca.directory, 'ca-key.pem');
  assert.equal(statSync(authorityKey).mode & 0o777, 0o600);
  assert.deepEqual(CertificateAuthority.open(ca.directory).warnings, []);
  chmodSync(authorityKey, 0o644);
  chmodSync(key, 0o640);
  assert.match(CertificateAuthority.open(ca.directory).warnings[0]!, /mode 0644\): chmod 600/);
  const { warnings, name } = loadTlsCredentials(files(ca, 'c'), { use: 'client', now });
  assert.match(warnings[0]!, /mode 0640/);
  assert.equal(name, 'c');
});

test('what was issued is listed with its expiry in words, and a serial number is never the same', async () => {
  const ca = await authority('list');
  await issue(ca, 'b', { days: 90 });
  await issue(ca, 'a', { host: 'files.example.org' });
  await ca.revoke('b', now);
  rmSync(join(ca.directory, 'out/b'), { recursive: true });
  const later = new Date(now.getTime() + 60_000);
  await issue(ca, 'b', { days: 10, at: later });
  const list = await ca.list();
  assert.deepEqual(
    list.map((one) => [one.name, one.use, one.hosts.join(), validityInWords(one, now)]),
    [
      ['a', 'server', 'files.example.org', 'valid for 365 days'],
      ['b', 'client', '', `revoked on ${now.toISOString().slice(0, 10)}`],
      ['b', 'client', '', 'valid for 10 days'],
    ],
  );
  assert.equal(new Set(list.map(({ serial }) => serial)).size, 3);
  assert.match(validityInWords(list[2]!, new Date(now.getTime() + 13 * dayMs)), /^expired 3 days ago$/);
});

for (const { fact, run, message } of [
  {
    fact: 'a second authority in a directory',
    run: (ca: CertificateAuthority) => CertificateAuthority.init(ca.directory, { name: 'Test', now }),
    message: /there is a certificate authority in .* already/,
  },
  {
    fact: 'an authority that is not there',
    run: async () => CertificateAuthority.open(join(scratch, 'nowhere')),
    message: /there is no certificate authority in .*: make one with cfs cert init/,
  },
  {
    fact: 'a name that is taken',
    run: (ca: CertificateAuthority) => issue(ca, 'c'),
    message: /the name c has a certificate/,
  },
  {
    fact: 'a strange name',
    run: (ca: CertificateAuthority) => issue(ca, '../x'),
    message: /--name \.\.\/x: a name is/,
  },
  {
    fact: 'a strange host',
    run: (ca: CertificateAuthority) => issue(ca, 'h', { host: 'a b' }),
    message: /--host a b: it is neither/,
  },
  {
    fact: 'no day',
    run: (ca: CertificateAuthority) => issue(ca, 'd', { days: 0 }),
    message: /--days 0: it is a whole/,
  },
  {
    fact: 'more days than the authority has',
    run: (ca: CertificateAuthority) => issue(ca, 'd', { days: 9999 }),
    message: /the authority itself is valid for 3650 days/,
  },
  {
    fact: 'revoking a name that was never issued',
    run: (ca: CertificateAuthority) => ca.revoke('nobody', now),
    message: /no certificate for nobody was issued here/,
  },
]) {
  test(`${fact} is refused in a sentence`, async () => {
    const ca = await authority(fact.replaceAll(' ', '-'));
    await issue(ca, 'c');
    await assert.rejects(run(ca), { name: 'FsError', message });
  });
}

test('credentials that the other side would refuse are refused before', async () => {
  const ca = await authority('load');
  const other = await authority('other');
  await issue(ca, 's', { host: 'localhost' });
  await issue(ca, 'c');
  await issue(other, 'o');
  const load = (paths: Partial<ReturnType<typeof files>>, at = now, use: 'client' | 'server' = 'client') =>
    loadTlsCredentials({ ...files(ca, 'c'), ...paths }, { use, now: at });
  assert.throws(() => load({ key: files(ca, 's').key }), /does not belong to the certificate/);
  assert.throws(() => load({ ca: files(other, 'o').ca }), /was not issued by the authority in/);
  assert.throws(() => load({}, now, 'server'), /is the certificate of a client, and a server needs one/);
  assert.throws(() => load({}, new Date(now.getTime() + 366 * dayMs)), /expired on .*: issue a new one/);
  assert.throws(() => load({}, new Date(now.getTime() - dayMs)), /is valid from .* on only: is this clock right/);
  assert.throws(() => load({ cert: join(scratch, 'absent') }), /the certificate .* does not exist/);
  assert.throws(() => load({ cert: '/etc/hostname' }), /is no PEM file/);
  assert.match(load({}, new Date(now.getTime() + 360 * dayMs)).warnings[0]!, /expires on .*: issue a new one in time/);
});
