/**
 * Sequential reads that go through the daemon: passthrough off, the file warm in the page cache of the file system
 * below, and the pages of FUSE dropped before each pass, so that every page is asked of the daemon and none of a disk.
 * On the native directory the pages are its only copy and stay: that row is what a copy from the page cache costs.
 */

import { join } from 'node:path';
import { cpuNs, settle } from '../daemon.ts';
import type { Outcome, Turn } from '../workload.ts';

const fileBytes = 256 * 2 ** 20;
const passes = 3;

export async function readThroughDaemon(turn: Turn): Promise<Outcome> {
  const { pids, target } = turn.mounted;
  const file = join(turn.directory, 'file');
  await turn.app('fill', file, fileBytes);
  await turn.app('warm', file);
  const before = cpuNs(pids);
  let nanoseconds = 0;
  for (let pass = 0; pass < passes; pass += 1) {
    if (target !== 'native') await turn.app('drop', file);
    nanoseconds += (await turn.app('read', file)).nanoseconds;
  }
  await settle(pids);
  const cpu = pids.length === 0 ? undefined : (cpuNs(pids) - before) / ((passes * fileBytes) / 2 ** 20);
  return { samples: { rate: (passes * fileBytes * 1e9) / nanoseconds, cpu } };
}
