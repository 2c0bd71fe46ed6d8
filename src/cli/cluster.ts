import { type Clock, FsError, type Random } from '#base';
import type { CacheMode } from '#client';
import type { KernelFeatures } from '#fuse';
import type { Connection, ConnectionEvents } from '#transport';
import type { KernelCaches, Vfs, VfsOptions } from '#vfs';

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
  /** The file system for `serve`, once its kernel is known; made once. */
  makeVfs(features: KernelFeatures, kernel: KernelCaches): Vfs;
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
  /** Leases held, and objects cached. */
  readonly leases: number;
}

/**
 * Creates a session and what a mount of it needs. Fails with what the server refuses the session with (`notFound`,
 * `accessDenied`), or with `timedOut` when no server has answered within 30 s.
 */
export function connectCluster(_options: ClusterOptions): Promise<ClusterMount> {
  return Promise.reject(new FsError('notSupported', 'clusters cannot be mounted yet'));
}
