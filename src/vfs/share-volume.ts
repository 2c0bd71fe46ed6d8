import { type Clock, type Ino, rootIno } from '#base';
import type { CacheMode } from '#client';
import { type CachedSession, CachingClient } from './cache/caching-client.ts';
import type { LeaseCache } from './cache/lease-cache.ts';
import type { ObjectTableLimits } from './cache/object-table.ts';
import { ClusterLocks, type LockSession } from './cluster-locks.ts';
import { Interrupts } from './interrupts.ts';
import type { KernelCaches } from './kernel-caches.ts';
import type { VfsOptions } from './options.ts';
import { Vfs } from './vfs.ts';

export interface ShareVolumeOptions {
  readonly clock: Clock;
  readonly session: CachedSession & LockSession & { readonly incarnation: number };
  readonly mode: CacheMode;
  /** The validities are upper bounds. */
  readonly vfs: VfsOptions;
  /** Of the cache's memory; by default about 200 MiB. */
  readonly limits?: ObjectTableLimits;
}

/** What one mount of a volume that others use too is made of. */
export interface VolumeShare {
  /** To be told what the session hears. */
  readonly client: CachingClient;
  readonly cache: LeaseCache;
  /** The file system for a kernel. `makeKernel` is given what tells whether the kernel knows an inode. */
  makeVfs(makeKernel: (isKnown: (ino: Ino) => boolean) => KernelCaches): Vfs;
}

/** Puts cache, locks and session together; the session is to be started with `client` as its listener. */
export function shareVolume({ clock, session, mode, vfs: options, limits }: ShareVolumeOptions): VolumeShare {
  const interrupts = new Interrupts();
  const locks = new ClusterLocks(session, clock);
  const bounds = limits === undefined ? {} : { limits };
  const client = new CachingClient({ clock, session, mode, vfs: options, interrupts, locks, ...bounds });
  const { cache } = client;
  return {
    client,
    cache,
    makeVfs(makeKernel) {
      const shared = { cache, locks, interrupts, session, isLost: (ino: Ino) => client.isLost(ino) };
      const vfs = new Vfs(client, options, undefined, shared);
      cache.attach(
        makeKernel((ino) => ino === rootIno || vfs.inodes.isKnown(ino)),
        vfs.inodes,
      );
      return vfs;
    },
  };
}
