import type { Volume } from '../volume.ts';
import { unmarkSynced } from './fsync.ts';

/** How many keys one transaction takes away. */
const unmarkedAtOnce = 1000;

/**
 * Syncs all blobs that grew, and takes their marks away: bounds both what a power cut can shorten and what a start
 * after one must look at.
 */
export async function settle(volume: Volume): Promise<void> {
  const inos = volume.unsynced.takeBlobs();
  if (inos.length === 0) return;
  try {
    await volume.blobs.syncAll();
  } catch (cause) {
    for (const ino of inos) volume.unsynced.blobGrew(ino);
    throw cause;
  }
  for (let at = 0; at < inos.length; at += unmarkedAtOnce) {
    await unmarkSynced(volume, inos.slice(at, at + unmarkedAtOnce));
  }
}
