import { writeFile } from 'node:fs/promises';
import { findMount } from './mountinfo.ts';

/** Of one file that is read from start to end; INIT itself grants no more than 128 KiB. */
export const defaultReadaheadKb = 4096;

/**
 * Raises how far the kernel reads ahead on this mount, and no other: the device number comes from the mount table,
 * since asking the own mount would wait for ourselves. Returns whether it could; without root it cannot.
 */
export async function raiseReadahead(mountpoint: string, readaheadKb = defaultReadaheadKb): Promise<boolean> {
  const mounted = await findMount(mountpoint);
  if (mounted === undefined) return false;
  try {
    await writeFile(`/sys/class/bdi/${mounted.device}/read_ahead_kb`, String(readaheadKb));
    return true;
  } catch {
    // Nothing is lost but speed: no root, or a sandbox without /sys.
    return false;
  }
}
