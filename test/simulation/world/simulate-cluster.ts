import type { CacheMode } from '#protocol';
import { createClusterHandler } from '#server';
import type { PlantedProtocolBug } from '../planted-protocol-bugs.ts';
import { clusterMounts } from './cluster-mount.ts';
import { simulateWorld, type WorldReport } from './world.ts';

export interface ClusterOptions {
  readonly seed: number;
  readonly mode: CacheMode;
  readonly bug?: PlantedProtocolBug | undefined;
}

/** One server and its clients, all of them shipped code; see `simulateWorld`. */
export function simulateCluster({ seed, mode, bug }: ClusterOptions): Promise<WorldReport> {
  return simulateWorld({
    seed,
    mode,
    bug,
    makeMount: clusterMounts(mode, bug),
    serve: async (volume) => (await createClusterHandler(volume)).handle,
  });
}
