/** Unmounting what the benchmark mounted, and only that. */

import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from './command.ts';

const attempts = 5;
const retryMs = 200;
const timeoutMs = 60_000;

/** The line of a mount point in mountinfo. Read instead of a stat, which would wait for a daemon that hangs. */
export function mountInfo(directory: string): { device: string; type: string } | undefined {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  const fields = lines.map((line) => line.split(' ')).findLast((candidate) => candidate[4] === directory);
  if (fields === undefined) return undefined;
  return { device: fields[2] ?? '', type: fields[fields.indexOf('-') + 1] ?? '' };
}

/**
 * Runs `command` until the mount is gone; a file system stays busy for a moment after its last user. What resists is
 * detached by force, with its requests aborted, so that a daemon that hangs does not leave a dead mount point.
 */
export async function unmount(directory: string, command: readonly string[]): Promise<void> {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    if (mountInfo(directory) === undefined) return;
    if (
      await run(command, { timeoutMs, isCleanup: true }).then(
        () => true,
        () => false,
      )
    )
      return;
    await sleep(retryMs);
  }
  await run(['umount', '--force', '--lazy', directory], { timeoutMs, isCleanup: true });
}
