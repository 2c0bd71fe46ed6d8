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
  store: string;
  /** Requests answered since the mount, by operation. */
  requests: Record<string, number>;
  knownInodes: number;
  openFiles: number;
}
