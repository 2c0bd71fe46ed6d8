/**
 * A connection between two processes on loopback, without a file system: that of ClaudeFS against bare sockets of Node
 * that carry messages of the same sizes. Both ends are on the one core, so that the rate is what both cost together.
 */

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CertificateAuthority } from '#security';
import { run, start } from '../command.ts';
import { chunkBytes, type EndOptions, host, type NetworkWork, type Rate } from '../network/work.ts';
import type { Outcome, Turn } from '../workload.ts';

const program = join(import.meta.dirname, '../network/end.ts');
const limitMs = 20_000;

export function network(work: NetworkWork, protection: 'tcp' | 'tls'): (turn: Turn) => Promise<Outcome> {
  return async (turn) => {
    const tls = protection === 'tls' ? await makeIdentities(turn.directory) : undefined;
    const target = turn.mounted.target === 'cfs' ? 'cfs' : 'native';
    const command = (role: 'server' | 'client', options: EndOptions) => [
      ...[process.execPath, '--conditions=source', program],
      ...[role, JSON.stringify(options)],
    ];
    const server = start(command('server', { target, work, tls: tls?.server, port: 0 }), { core: turn.core });
    try {
      const port = Number(String((await once(server.stdout!, 'data'))[0]));
      const options = { target, work, tls: tls?.client, port } as const;
      const output = await run(command('client', options), { core: turn.core, timeoutMs: limitMs });
      const { operations, nanoseconds }: Rate = JSON.parse(output);
      const perSecond = (operations * 1e9) / nanoseconds;
      return { samples: { rate: work === 'calls' ? perSecond : perSecond * chunkBytes } };
    } finally {
      server.kill();
    }
  };
}

async function makeIdentities(directory: string) {
  const now = new Date();
  const authority = await CertificateAuthority.init(join(directory, 'ca'), { name: 'bench', now });
  const issue = async (name: 'server' | 'client') => {
    const into = join(directory, name);
    await authority.issue({ name, use: name, hosts: name === 'server' ? [host] : [], into }, now);
    const read = (file: string): string => readFileSync(join(into, file), 'utf8');
    return { cert: read('cert.pem'), key: read('key.pem'), ca: read('ca.pem') };
  };
  return { server: await issue('server'), client: await issue('client') };
}
