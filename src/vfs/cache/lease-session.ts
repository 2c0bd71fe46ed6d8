import type { Clock } from '#base';
import type { CacheMode } from '#client';
import type { LeaseReturn } from '#protocol';
import type { VfsOptions } from '../options.ts';
import type { ObjectTableLimits } from './object-table.ts';

/** What the cache asks of the session. */
export interface LeaseSession {
  readonly ttlMs: number;
  /** How long leases certainly count, in milliseconds. */
  leaseLeftMs(): number;
  sendOnce(name: 'returnLeases', request: { leases: LeaseReturn[] }): Promise<void>;
}

export interface LeaseCacheOptions {
  readonly clock: Clock;
  readonly session: LeaseSession;
  readonly mode: CacheMode;
  /** Upper bounds of what the kernel is told to believe. */
  readonly vfs: VfsOptions;
  readonly limits?: ObjectTableLimits;
}

/** A call of which something is to be learned, as it was when it was sent. */
export interface SentCall {
  readonly generation: number;
}
