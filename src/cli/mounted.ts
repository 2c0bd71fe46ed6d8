import type { KernelFeatures, Session } from '#fuse';
import type { Vfs } from '#vfs';
import type { ClusterMount } from './cluster.ts';

/** A mounted file system, of this machine alone or of a cluster. */
export interface Mounted {
  readonly mountpoint: string;
  readonly features: KernelFeatures;
  readonly session: Session;
  readonly vfs: Vfs;
  /** Resolves when it has been unmounted and all is closed; fails when closing lost something. */
  readonly ended: Promise<void>;
  /** Undefined for a file system of this machine alone. */
  readonly cluster: ClusterMount | undefined;
}
