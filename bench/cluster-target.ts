/** A mount of `cfs serve` on loopback: client and server as processes of their own, with TLS and without. */

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Cleanup } from './cleanup.ts';
import { run, start } from './command.ts';
import { cfs, cfsStatus, type Mounted, type MountWish } from './mounted.ts';
import type { Site } from './site.ts';
import { unmount } from './unmount.ts';

export interface ClusterContext {
  readonly options: readonly string[];
  readonly wish: MountWish;
  readonly cleanup: Cleanup;
}

export async function mountCluster(kind: 'cluster' | 'tls', site: Site, context: ClusterContext): Promise<Mounted> {
  const trust = kind === 'tls' ? await makeCertificates(site) : { server: ['--insecure'], client: ['--insecure'] };
  const server = await serve(site, trust.server, context);
  const directory = site.mountPoint;
  const unmountOnce = context.cleanup.defer(`cfs ${directory}`, () => unmount(directory, [cfs, 'umount', directory]));
  const servers = `--metadata-servers=${server.address}`;
  await run([cfs, 'mount', directory, servers, ...trust.client, ...context.options], { core: context.wish.core });
  const { daemonPid } = await cfsStatus(directory);
  return {
    target: kind,
    directory,
    backing: directory,
    pids: [daemonPid, server.pid],
    unmount: async () => {
      await unmountOnce();
      await server.end();
    },
  };
}

interface Server {
  readonly address: string;
  readonly pid: number;
  end(): Promise<void>;
}

async function serve(site: Site, trust: readonly string[], { wish, cleanup }: ClusterContext): Promise<Server> {
  const address = `127.0.0.1:${await freePort()}`;
  const store = join(site.storage, 'served');
  const server = start([cfs, 'serve', '--store', store, '--listen', address, ...trust], { core: wish.core });
  const end = cleanup.defer(`cfs serve ${store}`, () => ended(server));
  await listening(server);
  return { address, pid: server.pid ?? 0, end };
}

/** Waits for the line that says so. */
function listening(server: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = '';
    const hear = (text: string): void => {
      output += text;
      if (output.includes('serving')) resolve();
    };
    for (const stream of [server.stdout, server.stderr]) stream?.setEncoding('utf8').on('data', hear);
    server.once('close', (code) => reject(new Error(`cfs serve ended with ${code}: ${output.trim()}`)));
  });
}

async function ended(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const closed = once(server, 'close');
  server.kill('SIGTERM');
  await closed;
}

async function makeCertificates(site: Site): Promise<{ server: string[]; client: string[] }> {
  const pki = join(site.storage, 'pki');
  await run([cfs, 'cert', 'init', '--dir', pki]);
  await run([cfs, 'cert', 'issue', '--dir', pki, '--server', '--name', 'server', '--host', '127.0.0.1']);
  await run([cfs, 'cert', 'issue', '--dir', pki, '--client', '--name', 'client']);
  const files = (name: string): string[] => [
    ...['--cert', join(pki, name, 'cert.pem')],
    ...['--key', join(pki, name, 'key.pem')],
    ...['--ca', join(pki, 'ca.pem')],
  ];
  return { server: files('server'), client: files('client') };
}

/** A port that nobody has now; whoever takes it in between makes the server say so. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  if (address === null || typeof address === 'string') throw new Error('a port has no number');
  return address.port;
}
