import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { askDaemons, isRunning, runtimeDirectory } from '#admin';
import { FsError } from '#base';
import { findMount, unmount } from '#fuse';

/** How long a daemon may take to write out its metadata and close the store. */
const closeTimeoutMs = 60_000;

/**
 * Unmounts `directory` and returns when its daemon has ended, so that the store can be used again at once. Fails
 * with `busy` while somebody works in it (unless `lazy`), with `invalid` when it is no mount of ClaudeFS.
 */
export async function umount(directory: string, options: { lazy?: boolean }): Promise<number> {
  const mountpoint = canonical(directory);
  const mounted = await findMount(mountpoint);
  if (mounted === undefined) throw new FsError('notFound', `${directory} is not mounted`);
  if (!mounted.type.startsWith('fuse'))
    throw new FsError('notFound', `${directory} is a mount of type ${mounted.type}, not of ClaudeFS`);
  const daemons = await askDaemons(runtimeDirectory(process.env, process.getuid?.() ?? 0));
  const daemon = daemons.find((answer) => 'status' in answer && answer.status.mountpoint === mountpoint);
  await unmount(mountpoint, { lazy: options.lazy ?? false });
  if (daemon === undefined || options.lazy) return 0;
  if (await ended(daemon.pid)) return 0;
  throw new FsError(
    'timedOut',
    `${directory} is unmounted, but its daemon ${daemon.pid} is still closing the store after ${closeTimeoutMs / 1000} s`,
  );
}

/** The mount point as the mount table has it. A dead mount cannot be asked, so its path is taken as it was given. */
function canonical(directory: string): string {
  try {
    return realpathSync(directory);
  } catch {
    return resolve(directory);
  }
}

async function ended(pid: number): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < closeTimeoutMs; waitedMs += 10) {
    if (!isRunning(pid)) return true;
    await pause(10);
  }
  return false;
}
