import { strict as assert } from 'node:assert';
import { join } from 'node:path';
import { test } from 'node:test';
import { ClusterSite, port } from './cluster-site.ts';
import { withHosts } from './hosts.ts';
import type { Finished } from './mounted.ts';

/** A mount that must fail in one sentence, on both sides, with nothing mounted. */
async function refused(site: ClusterSite, name: string, options: readonly string[]): Promise<Finished> {
  const { mountpoint } = site.machine(name);
  const result = await site.cfs(name, 'mount', mountpoint, ...options);
  assert.notEqual(result.code, 0, 'it was let in');
  assert(!result.stderr.includes('    at '), 'no stack is shown');
  assert.deepEqual(JSON.parse((await site.cfs(name, 'status', '--json')).stdout), []);
  return result;
}

test('only a certificate of the CA that is valid and not revoked gets in', withHosts, async () => {
  await using site = await ClusterSite.make(['a']);
  const address = `${site.serverHost.address}:${port}`;
  const servers = `--metadata-servers=${address}`;
  const pki = join(site.root, 'pki');
  const strange = join(site.root, 'strange');
  const cert = async (...args: string[]): Promise<void> => {
    const { code, stderr } = await site.cfs('server', 'cert', ...args);
    assert.equal(code, 0, stderr);
  };
  await cert('init', '--dir', strange);
  await cert('issue', '--dir', strange, '--client', '--name', 'a');
  await cert('issue', '--dir', pki, '--server', '--name', 'elsewhere', '--host', 'elsewhere.example');

  const files = (directory: string, name: string, ca: string): string[] => [
    ...['--cert', join(directory, name, 'cert.pem')],
    ...['--key', join(directory, name, 'key.pem')],
    ...['--ca', join(ca, 'ca.pem')],
  ];
  assert.match((await refused(site, 'a', [servers])).stderr, /--cert|--insecure/);
  assert.match((await refused(site, 'a', [servers, '--insecure'])).stderr, /use certificates/);
  assert.match((await refused(site, 'a', [servers, ...files(strange, 'a', pki)])).stderr, /certificate/);
  assert.match((await refused(site, 'a', [servers, ...files(pki, 'a', strange)])).stderr, /certificate/);

  await site.mount('a');
  await site.umount('a');
  await cert('revoke', '--dir', pki, 'a');
  await site.stopServer();
  await site.serve('--crl', join(pki, 'crl.pem'));
  assert.match((await refused(site, 'a', [servers, ...files(pki, 'a', pki)])).stderr, /revoked|certificate/);
});
