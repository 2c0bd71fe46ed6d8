import type { Clock, Random } from '#base';
import { type CacheMode, MountSession } from '#client';
import { FuseKernelCaches, type KernelFeatures, type Notifications } from '#fuse';
import type { Connection, ConnectionEvents } from '#transport';
import { shareVolume, type Vfs, type VfsOptions } from '#vfs';

export interface ClusterOptions {
  /**
   * Makes a new connection to one of the servers, another each time where there are several; called again after each
   * that broke. Never fails by itself.
   */
  readonly connect: (events: ConnectionEvents) => Connection;
  readonly clock: Clock;
  readonly random: Random;
  /** For people: the host and where it mounts. */
  readonly name: string;
  readonly volume: string;
  readonly cacheMode: CacheMode;
  readonly readOnly: boolean;
  /** How long a call waits for a server that does not answer: 0 is for ever (a hard mount), else it then fails. */
  readonly timeoutMs: number;
  /** The validities are upper bounds; in `closeToOpen`, `attributeValidityMs` is what is believed without asking. */
  readonly vfs: VfsOptions;
  /** Is told in a sentence of what people should know: connections lost and made, sessions lost. */
  readonly onNews: (sentence: string) => void;
}

/** A session with a server, and what a mount needs of it. */
export interface ClusterMount {
  /** The file system for `serve` (whose option `cluster` must be on), once its kernel is known; made once. */
  makeVfs(features: KernelFeatures, notifications: Notifications): Vfs;
  readonly state: ClusterState;
  /** Ends the session; what waits fails. */
  close(): Promise<void>;
}

export interface ClusterState {
  readonly session: number;
  readonly epoch: number;
  readonly connected: boolean;
  readonly volumeUuid: string;
  readonly readOnly: boolean;
  /** Inodes on which leases are held, and those of which anything is cached. */
  readonly leases: number;
  readonly objects: number;
}

/**
 * Creates a session and what a mount of it needs. Fails with what the server refuses the session with (`notFound`,
 * `accessDenied`), or with `timedOut` when no server has answered within 30 s.
 */
export async function connectCluster(options: ClusterOptions): Promise<ClusterMount> {
  const { clock, cacheMode, name, volume, readOnly } = options;
  const session = new MountSession({ ...options, create: { name, volume, cacheMode, readOnly } });
  const { client, cache, makeVfs } = shareVolume({ clock, session, mode: cacheMode, vfs: options.vfs });
  try {
    await session.start(client);
  } catch (error) {
    client.close();
    throw error;
  }
  return {
    makeVfs: (features, notices) =>
      makeVfs((isKnown) => new FuseKernelCaches({ notices, clock, incrementEpoch: features.incrementEpoch, isKnown })),
    get state() {
      const { epoch, volumeUuid, ...facts } = session.facts;
      const counts = { leases: cache.leased, objects: cache.size };
      const { isConnected: connected } = session;
      return { session: facts.session, epoch, connected, volumeUuid, readOnly: facts.readOnly, ...counts };
    },
    async close() {
      client.close();
      await session.close();
    },
  };
}
