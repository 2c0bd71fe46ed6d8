import { readFileSync } from 'node:fs';

/** Idle blobs kept open at most, and blobs lent for passthrough at most, where the system allows so many. */
const openMost = 1024;
const lentMost = 8192;
/** Node, LMDB, /dev/fuse, sockets and the directories that the blob store keeps open. */
const otherDescriptors = 128;
const sharedLeast = 32;

/**
 * How a process that may have `limit` descriptors divides them. A quarter stays free for calls that are under way: a
 * blob that cannot be lent is read and written by the daemon, which has to open it for that.
 */
export function descriptorShares(limit: number): { openMax: number; lentMax: number } {
  const shared = Math.max(limit - otherDescriptors, sharedLeast);
  return { openMax: Math.min(openMost, Math.floor(shared / 4)), lentMax: Math.min(lentMost, Math.floor(shared / 2)) };
}

/** How many descriptors this process may have; Node has raised its soft limit to the hard one. */
export function descriptorLimit(): number {
  const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? [];
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
}
