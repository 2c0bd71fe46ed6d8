import { strict as assert } from 'node:assert';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { mounting, Site } from './mounted.ts';
import { ServedSite } from './served.ts';

for (const [args, code, sentence] of [
  [['serve'], 2, /--cert, --key, --ca missing: make certificates with cfs cert/],
  [['serve', '--insecure', '--listen', '0.0.0.0:9'], 2, /--insecure at 0\.0\.0\.0:9: anybody who reaches it/],
  [['serve', '--insecure', '--listen', 'a:b:c'], 2, /an address is HOST:PORT, or \[IPV6\]:PORT/],
  [['serve', '--insecure', '--cert', 'x'], 2, /--insecure and --cert exclude each other/],
  [['serve', '--insecure', '--exports', '/nonexistent'], 1, /there is no such file/],
  [['serve', '--cert', '/nonexistent', '--key', 'k', '--ca', 'c'], 1, /the certificate \/nonexistent does not exist/],
  [['serve', '--insecure', '--log-level', 'loud'], 2, /Allowed choices are/],
  [['volume', 'list'], 1, /there is no store of a server at/],
  [['volume', 'remove', 'x'], 2, /confirm with --yes/],
  [['volume', 'create', 'a/b'], 2, /is no name of a volume/],
  [['admin', 'sessions'], 1, /no server has the store/],
  [['admin', 'sessions', '--evict', 'x'], 2, /it is a whole number from 1 on/],
  [['cert', 'list', '--dir', '/nonexistent'], 1, /there is no certificate authority in/],
  [['mount', '/tmp', '--metadata-servers=h:x'], 2, /a port is a number/],
  [['mount', '/tmp', '--metadata-servers=h', '--insecure'], 2, /--insecure at h:9300: anybody/],
  [['mount', '/tmp', '--metadata-servers=h'], 2, /--cert, --key, --ca missing/],
  [['mount', '/tmp', '--volume', 'x'], 2, /volume is for mounts of a cluster/],
  [['mount', '/tmp', '--metadata-servers=h', '--cache-mode', 'loose'], 2, /cache_mode is one of strict/],
  [['mount', '/tmp', '--metadata-servers=h', '--timeout', '5', '--insecure'], 2, /timeout is for soft mounts/],
] as const) {
  test(`cfs ${args.join(' ')} fails with ${code} and one sentence`, async () => {
    await using site = new Site();
    const ownStore = ['serve', 'volume', 'admin'].includes(args[0]) ? ['--store', join(site.root, 'none')] : [];
    const finished = await site.cfs(...args, ...ownStore);
    assert.equal(finished.code, code, finished.stderr);
    assert.match(finished.stderr, sentence);
    assert(!finished.stderr.includes('    at '), 'no stack is shown');
    assert(!existsSync(join(site.root, 'none')), 'a refusal makes no store');
  });
}

test('two mounts with certificates share a volume, and each sees its export', mounting, async () => {
  await using site = new ServedSite();
  await site.certify('admin', 'kiosk');
  const exports = join(site.root, 'exports');
  writeFileSync(exports, '/ admin(rw,no_root_squash)\n/pub kiosk(rw)\n');
  await site.serve(...site.certificates('server'), '--crl', join(site.pki, 'crl.pem'), '--exports', exports);
  const first = await site.mountAs('admin', 'a');
  assert.equal(first.code, 0, first.stderr);
  const [a, b] = [site.place('a'), site.place('b')];
  mkdirSync(join(a, 'pub'));
  writeFileSync(join(a, 'secret'), 'x');
  writeFileSync(join(a, 'pub/shown'), 'one');
  assert.equal((await site.mountAs('kiosk', 'b')).code, 0);
  assert.deepEqual(readdirSync(b), ['shown']);
  assert.equal(readFileSync(join(b, 'shown'), 'utf8'), 'one');
  assert.equal(statSync(b).ino, 1);
  assert.throws(() => writeFileSync(join(b, 'new'), ''), { code: 'EACCES' });
  appendFileSync(join(a, 'pub/shown'), ' two');
  assert.equal(readFileSync(join(b, 'shown'), 'utf8'), 'one two');
  const sessions = JSON.parse(await site.must('admin', 'sessions', '--store', site.store, '--json'));
  assert.deepEqual(sessions.map((one: { identity: string }) => one.identity).sort(), ['admin', 'kiosk']);
  const refused = await site.cfs('serve', '--store', site.store, '--insecure');
  assert.match(refused.stderr, /is served by process \d+: only one server may hold it/);
  assert.equal((await site.cfs('umount', b)).code, 0);
  await site.must('cert', 'revoke', 'kiosk', '--dir', site.pki);
  site.signal('SIGHUP');
  await pause(500);
  const revoked = await site.mountAs('kiosk', 'b');
  assert.equal(revoked.code, 1);
  assert.match(revoked.stderr, /revoked/);
  assert.match(site.log, /revoked/);
  const strange = await site.mountAs('server', 'b');
  assert.match(strange.stderr, /is the certificate of a server, and a client needs one/);
  const absent = await site.mountAs('admin', 'b', '--volume', 'nope');
  assert.match(absent.stderr, /no volume nope|exports nothing of the volume nope/);
  assert.equal((await site.cfs('umount', a)).code, 0);
  assert.equal(await site.stop(), 0);
  assert.equal((await site.must('volume', 'list', '--store', site.store)).trim(), 'default');
});
