import type { Ino } from '#base';
import type { LeaseCache } from './cache/lease-cache.ts';
import type { ClusterLocks } from './cluster-locks.ts';
import type { Interrupts } from './interrupts.ts';

/** What a mount has more where it shares its volume with others. */
export interface SharedVolume {
  readonly cache: LeaseCache;
  readonly locks: ClusterLocks;
  readonly interrupts: Interrupts;
  /** Another number: the session was lost, and with it what was open. */
  readonly session: { readonly incarnation: number };
  /** Whether the server could not give back what was open of an inode. */
  isLost(ino: Ino): boolean;
}
