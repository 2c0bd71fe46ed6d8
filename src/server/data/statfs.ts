import { nameMaxBytes } from '#base';
import type { VolumeStatistics } from '#protocol';
import type { Volume } from '../volume.ts';

/** statfs(2): the figures of the disk that the blobs lie on. */
export function statfs(volume: Volume): VolumeStatistics {
  return { ...volume.blobs.statistics(), nameMax: nameMaxBytes };
}
