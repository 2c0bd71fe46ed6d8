/**
 * Memory of the daemon: resident, and the anonymous part of it, once after mounting and once with 1,000,000 inodes
 * known to the kernel. bindfs gets its files behind its back, since only the knowing is measured; ClaudeFS must create
 * them itself, and what that leaves in its heap counts. A keeper process is reported apart.
 */

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Memory, memoryOf, settle } from '../daemon.ts';
import { availableBytes } from '../host.ts';
import type { Outcome, Turn } from '../workload.ts';

const directories = 100;
const filesPerDirectory = 10_000;
/** The kernel's own inodes and dentries, twice, and the store. */
const neededBytes = 6 * 2 ** 30;

export async function daemonMemory(turn: Turn): Promise<Outcome> {
  if (availableBytes() < neededBytes) throw new Error('1,000,000 inodes need 6 GiB of free memory');
  await settle(turn.mounted.pids);
  const idle = measure(turn);
  for (let index = 0; index < directories; index += 1) {
    const name = `d${index}`;
    await mkdir(join(turn.backing, name));
    await turn.app('create', join(turn.backing, name), filesPerDirectory, 0);
    await turn.app('list', join(turn.directory, name));
  }
  await settle(turn.mounted.pids);
  const full = measure(turn);
  return {
    samples: {
      idleRss: idle.daemon.rssBytes,
      idleAnonymous: idle.daemon.anonymousBytes,
      fullRss: full.daemon.rssBytes,
      fullAnonymous: full.daemon.anonymousBytes,
      keeperRss: full.keeper?.rssBytes,
    },
  };
}

function measure(turn: Turn): { daemon: Memory; keeper: Memory | undefined } {
  const [daemon, keeper] = turn.mounted.pids;
  if (daemon === undefined) throw new Error(`${turn.mounted.target} has no daemon`);
  return { daemon: memoryOf(daemon), keeper: keeper === undefined ? undefined : memoryOf(keeper) };
}
