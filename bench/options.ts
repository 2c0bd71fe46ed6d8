/** The command line of the benchmark. */

import { parseArgs } from 'node:util';

/** `cfs` is an embedded mount, `cluster` and `tls` are mounts of a server on the same machine, without TLS and with. */
export const targetNames = ['native', 'bindfs', 'cfs', 'cluster', 'tls'] as const;
export type TargetName = (typeof targetNames)[number];

export interface Options {
  /** Names of workloads or of their groups; empty means all. */
  readonly workloads: readonly string[];
  readonly rounds: number;
  readonly json: boolean;
  readonly list: boolean;
  readonly help: boolean;
  readonly only: readonly TargetName[];
  /** The core of operation-rate workloads; the first allowed one where it is not given. */
  readonly core: number | undefined;
  /** Where throughput is measured: a directory on a real disk. */
  readonly disk: string | undefined;
}

export const usage = `usage: npm run bench -- [WORKLOAD|GROUP...] [options]
  --rounds N       turns of each target per workload (default 7)
  --only A,B       some of the targets: ${targetNames.join(', ')}
  --core N         the core of operation-rate workloads (default: the first one allowed)
  --disk DIR       where throughput is measured (default: .tmp in the checkout)
  --json           print one JSON document instead of the table
  --list           print the workloads and their goals
`;

/** Throws an Error with one clear sentence on an option that is not understood. */
export function parseOptions(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '7' },
      only: { type: 'string', default: targetNames.join(',') },
      core: { type: 'string' },
      disk: { type: 'string' },
      json: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  return {
    workloads: positionals,
    rounds: requireCount(values.rounds, '--rounds', 1),
    json: values.json,
    list: values.list,
    help: values.help,
    only: values.only.split(',').map(requireTarget),
    core: values.core === undefined ? undefined : requireCount(values.core, '--core', 0),
    disk: values.disk,
  };
}

function requireTarget(text: string): TargetName {
  const name = targetNames.find((candidate) => candidate === text.trim());
  if (name === undefined) throw new Error(`--only knows ${targetNames.join(', ')}, not "${text}"`);
  return name;
}

function requireCount(text: string, option: string, least: number): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < least) throw new Error(`${option} needs a whole number from ${least} on`);
  return count;
}
