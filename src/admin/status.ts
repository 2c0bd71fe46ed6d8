/** What a mount tells about itself: an element of `cfs status --json`. */
export interface MountStatus {
  mountpoint: string;
  daemonPid: number;
  /** The process that would start the daemon again; null while there is none. */
  keeperPid: number | null;
  version: string;
  uptimeSeconds: number;
  /** Negotiated with the kernel: protocol version, and features by name. */
  kernelFeatures: { protocol: string; flags: string[] };
  passthrough: { on: boolean; reason: string };
  /** The path of the store, or the servers and the volume: `HOST:PORT,...:/VOLUME`. */
  store: string;
  /** Of a mount of a cluster; null for a file system of this machine alone. */
  cluster: ClusterStatus | null;
  /** Requests answered since the mount, by operation. */
  requests: Record<string, number>;
  knownInodes: number;
  openFiles: number;
}

/** The session of a mount with its servers. */
export interface ClusterStatus {
  servers: string[];
  volume: string;
  cacheMode: string;
  session: number;
  epoch: number;
  connected: boolean;
  readOnly: boolean;
  /** Inodes on which leases are held. */
  leases: number;
}
