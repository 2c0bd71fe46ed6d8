/** All workloads, one row each: what is done, in which turns, and what ClaudeFS has to reach. */

import { gitClone, listWarm, removeTree, tarExtract } from './work/commands.ts';
import { readThroughDaemon } from './work/daemon-read.ts';
import { type FioJob, fio } from './work/fio.ts';
import { largeDirectory } from './work/large-directory.ts';
import { loop, timeAndCpu } from './work/loop.ts';
import { daemonMemory } from './work/memory.ts';
import { network } from './work/network.ts';
import { countMetrics, requestCounts } from './work/request-counts.ts';
import type { Goal, Metric, Unit, Workload } from './workload.ts';

const everyTarget = ['native', 'bindfs', 'cfs'] as const;
const daemons = ['bindfs', 'cfs'] as const;
const mib = 2 ** 20;

const overBindfs = (atLeast: number): Goal => ({ over: 'bindfs', atLeast });
const overEmbedded = (atLeast: number): Goal => ({ over: 'cfs', atLeast });
const overNative = (atLeast: number): Goal => ({ over: 'native', atLeast });

const rates = { group: 'rates', medium: 'memory', targets: everyTarget } as const;
const roundTrips = { ...rates, group: 'round-trips' } as const;
const programs = { ...rates, group: 'programs' } as const;
const networkRow = { group: 'network', medium: 'memory', targets: ['native', 'cfs'], mount: 'none' } as const;
/** Embedded against a mount of a server: client and server share the core with the application. */
const cluster = {
  group: 'cluster',
  medium: 'memory',
  targets: ['cfs', 'cluster', 'tls'],
  subjects: ['cluster', 'tls'],
} as const;
const requests = { group: 'requests', medium: 'memory', targets: daemons, rounds: 1 } as const;

export const workloads: readonly Workload[] = [
  {
    ...rates,
    name: 'create',
    title: 'create + write 1 KiB + close',
    note: 'bindfs gets six requests: LOOKUP, CREATE, GETXATTR, WRITE, RELEASE, GETATTR of the directory.',
    metrics: timeAndCpu([overBindfs(2)]),
    run: loop({ timed: ['create', 4_000, 1024] }),
  },
  {
    ...rates,
    name: 'unlink',
    title: 'unlink',
    metrics: timeAndCpu([overBindfs(1.3)]),
    run: loop({ prepare: [['create', 4_000, 1024]], timed: ['unlink', 4_000] }),
  },
  {
    ...rates,
    name: 'rename',
    title: 'rename in one directory',
    metrics: timeAndCpu([overBindfs(1.3)]),
    run: loop({ prepare: [['create', 4_000, 1024]], timed: ['rename', 4_000] }),
  },
  {
    ...rates,
    name: 'mkdir',
    title: 'mkdir',
    metrics: timeAndCpu([overBindfs(1.3)]),
    run: loop({ timed: ['mkdir', 4_000] }),
  },
  {
    ...rates,
    name: 'stat',
    title: 'warm stat of known files',
    note: 'bindfs lets the kernel keep entries and attributes for one second, which this turn is shorter than.',
    metrics: timeAndCpu([overNative(0.9)]),
    run: loop({ prepare: [['create', 1_000, 1024]], timed: ['stat', 1_000, 100] }),
  },
  {
    ...rates,
    name: 'open',
    title: 'warm open + close of known files',
    note: 'bindfs gets two requests, OPEN and RELEASE: it knows no FLUSH, and the kernel learns that once.',
    metrics: timeAndCpu([overBindfs(1.5)]),
    run: loop({ prepare: [['create', 1_000, 1024]], timed: ['open', 1_000, 20] }),
  },
  {
    ...rates,
    name: 'list',
    title: 'readdir + stat of 10,000 entries, cold',
    note: 'bindfs speaks protocol 7.19, without READDIRPLUS: one LOOKUP for each entry.',
    metrics: timeAndCpu([overBindfs(1.5)]),
    run: loop({ prepare: [['create', 10_000, 0]], timed: ['list'], cache: 'cold' }),
  },
  {
    ...roundTrips,
    name: 'lookup',
    title: 'lookup, validity 0',
    note: 'open(O_PATH) of a known name whose entry has no validity: one LOOKUP.',
    wish: { validity: 'no-entries' },
    metrics: timeAndCpu([overBindfs(1)], [overBindfs(1)]),
    run: loop({ prepare: [['create', 1_000, 0]], timed: ['lookup', 1_000, 20] }),
  },
  {
    ...roundTrips,
    name: 'getattr',
    title: 'getattr, validity 0',
    note: 'fstat of an O_PATH descriptor whose attributes have no validity: one GETATTR.',
    wish: { validity: 'none' },
    metrics: timeAndCpu([overBindfs(1)], [overBindfs(1)]),
    run: loop({ prepare: [['create', 1, 0]], timed: ['getattr', 20_000] }),
  },
  {
    ...programs,
    name: 'tar',
    title: 'tar extract of 5,000 files of 1 KiB',
    metrics: timeAndCpu([overBindfs(2)]),
    run: tarExtract,
  },
  {
    ...programs,
    name: 'clone',
    title: 'git clone of a local repository',
    note: '3,000 commits, 2,000 files checked out.',
    metrics: timeAndCpu([overBindfs(2)]),
    run: gitClone,
  },
  {
    ...programs,
    name: 'rm',
    title: 'rm -rf of 5,000 files in 100 directories',
    metrics: timeAndCpu([overBindfs(2)]),
    run: removeTree,
  },
  fioRow('seq-read', { pattern: 'read', access: 'buffered', pages: 'cold' }, 0.95),
  fioRow('seq-write', { pattern: 'write', access: 'buffered', pages: 'cold' }, 0.95),
  fioRow('seq-read-direct', { pattern: 'read', access: 'direct', pages: 'cold' }, 0.95),
  fioRow('seq-write-direct', { pattern: 'write', access: 'direct', pages: 'cold' }, 0.95),
  fioRow('rand-read-direct', { pattern: 'randread', access: 'direct', pages: 'cold' }, 0.95),
  fioRow('rand-write-direct', { pattern: 'randwrite', access: 'direct', pages: 'cold' }, 0.95),
  fioRow('rand-read', { pattern: 'randread', access: 'buffered', pages: 'warm' }, 0.8),
  {
    name: 'daemon-read',
    group: 'throughput',
    title: 'read through the daemon, 1 MiB sequential, warm',
    note: 'Without passthrough; native is a copy from the page cache.',
    medium: 'disk',
    targets: everyTarget,
    wish: { passthrough: 'off' },
    metrics: {
      rate: metric('throughput', 'bytes/s', [overBindfs(1)]),
      cpu: metric('daemon CPU per MiB', 'ns', []),
    },
    run: readThroughDaemon,
  },
  {
    ...requests,
    name: 'requests',
    title: 'kernel requests per operation, passthrough',
    note: 'Without FORGET and INTERRUPT, which no one waits for.',
    metrics: countMetrics('passthrough'),
    run: requestCounts,
  },
  {
    ...requests,
    name: 'requests-daemon',
    title: 'kernel requests per operation, without passthrough',
    targets: ['cfs'],
    wish: { passthrough: 'off' },
    metrics: countMetrics('daemon'),
    run: requestCounts,
  },
  {
    name: 'large-directory',
    group: 'scale',
    title: 'a directory of 1,000,000 entries',
    note: 'Growth: cost per entry against that in a directory of 10,000 entries on the same target.',
    medium: 'memory',
    targets: everyTarget,
    rounds: 1,
    mountPer: 'turn',
    metrics: {
      create: metric('create, per entry', 'ns', []),
      createGrowth: metric('create, growth', 'times', [{ atMost: 2 }]),
      list: metric('list cold, per entry', 'ns', []),
      listGrowth: metric('list cold, growth', 'times', [{ atMost: 2 }]),
      lookup: metric('look up cold, per entry', 'ns', []),
      lookupGrowth: metric('look up cold, growth', 'times', [{ atMost: 2 }]),
    },
    run: largeDirectory,
  },
  {
    name: 'memory',
    group: 'scale',
    title: 'daemon memory',
    note: 'Full: 1,000,000 inodes known to the kernel.',
    medium: 'memory',
    targets: daemons,
    rounds: 1,
    mountPer: 'turn',
    metrics: {
      idleRss: metric('idle, resident', 'bytes', [{ atMost: 150 * mib }]),
      idleAnonymous: metric('idle, anonymous', 'bytes', []),
      fullRss: metric('full, resident', 'bytes', [{ atMost: 400 * mib }]),
      fullAnonymous: metric('full, anonymous', 'bytes', []),
      keeperRss: metric('keeper, resident', 'bytes', []),
    },
    run: daemonMemory,
  },
  {
    ...networkRow,
    name: 'net-calls',
    title: 'getattr-sized calls, 256 under way on one TCP connection',
    note: 'Native: bare sockets of Node, one write for each message.',
    metrics: { rate: metric('calls', 'operations/s', [overNative(0.5)]) },
    run: network('calls', 'tcp'),
  },
  ...(['tcp', 'tls'] as const).flatMap((protection) =>
    (['read', 'write'] as const).map((direction) => ({
      ...networkRow,
      name: `net-${direction}-${protection}`,
      title: `${direction} of 1 MiB, 4 under way on one connection, ${protection.toUpperCase()}`,
      metrics: { rate: metric('throughput', 'bytes/s', [overNative(0.6)]) },
      run: network(direction, protection),
    })),
  ),
  {
    ...cluster,
    name: 'cluster-stat',
    title: 'warm stat of known files, strict',
    metrics: timeAndCpu([overEmbedded(0.9)]),
    run: loop({ prepare: [['create', 1_000, 1024]], timed: ['stat', 1_000, 100] }),
  },
  {
    ...cluster,
    name: 'cluster-list',
    title: 'warm ls -l of 10,000 entries, strict',
    metrics: timeAndCpu([overEmbedded(0.9)]),
    run: listWarm,
  },
  {
    ...cluster,
    name: 'cluster-getattr',
    title: 'getattr, kernel validity 0',
    note: 'Answered by the client from what its leases cover.',
    wish: { validity: 'none' },
    metrics: timeAndCpu([]),
    run: loop({ prepare: [['create', 1, 0]], timed: ['getattr', 20_000] }),
  },
  {
    ...cluster,
    name: 'cluster-create',
    title: 'create + write 1 KiB + close',
    metrics: timeAndCpu([overEmbedded(0.4)]),
    run: loop({ timed: ['create', 2_000, 1024] }),
  },
];

function metric(title: string, unit: Unit, goals: readonly Goal[]): Metric {
  return { title, unit, goals };
}

/** Sequential jobs pass once over 1 GiB, random ones run for two seconds in 256 MiB. */
function fioRow(name: string, job: Pick<FioJob, 'pattern' | 'access' | 'pages'>, atLeast: number): Workload {
  const sequential = job.pattern === 'read' || job.pattern === 'write';
  const shape = sequential
    ? { block: '1M' as const, fileBytes: 1024 * mib }
    : { block: '4k' as const, fileBytes: 256 * mib, seconds: 2 };
  const direction = job.pattern.endsWith('read') ? 'read' : 'write';
  const access = job.access === 'direct' ? 'O_DIRECT' : job.pages === 'warm' ? 'buffered, page cache' : 'buffered';
  return {
    name,
    group: 'throughput',
    title: `fio ${sequential ? 'sequential 1 MiB' : 'random 4 KiB'} ${direction}, ${access}`,
    medium: 'disk',
    targets: ['native', 'cfs'],
    metrics: {
      rate: metric('throughput', sequential ? 'bytes/s' : 'operations/s', [overNative(atLeast)]),
    },
    run: fio({ ...job, ...shape }),
  };
}
