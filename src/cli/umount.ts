import { realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { askDaemons, askForEnd, isRunning, runtimeDirectory } from '#admin';
import { FsError } from '#base';
import { findMount, unmount } from '#fuse';

/** How long a daemon may take to write out its metadata and close the store. */
const closeTimeoutMs = 60_000;

/**
 * Unmounts `directory` and returns when its daemon has ended, so that the store can be used again at once. Fails
 * with `busy` while somebody works in it (unless `lazy`), with `invalid` when it is no mount of ClaudeFS.
 */
export async function umount(directory: string, options: { lazy?: boolean }): Promise<number> {
  const { mountpoint, mounted } = await find(directory);
  if (mounted === undefined) throw new FsError('notFound', `${directory} is not mounted`);
  if (!mounted.type.startsWith('fuse'))
    throw new FsError('notFound', `${directory} is a mount of type ${mounted.type}, not of ClaudeFS`);
  const runtime = runtimeDirectory(process.env, process.getuid?.() ?? 0);
  const daemons = await askDaemons(runtime);
  const daemon = daemons.find((answer) => 'status' in answer && answer.status.mountpoint === mountpoint);
  if (daemon === undefined || options.lazy) {
    await unmount(mountpoint, { lazy: options.lazy ?? false });
    return 0;
  }
  const asking = new AbortController();
  try {
    // Asked before, since the daemon may be gone right after.
    const asked = await askForEnd(runtime, daemon.pid, asking.signal);
    await unmount(mountpoint);
    if (await ended(daemon.pid)) return ok(directory, await asked?.end);
  } finally {
    asking.abort();
  }
  throw new FsError(
    'timedOut',
    `${directory} is unmounted, but its daemon ${daemon.pid} is still closing the store after ${closeTimeoutMs / 1000} s`,
  );
}

function ok(directory: string, failure: string | undefined): number {
  if (failure === undefined) return 0;
  throw new FsError('io', `${directory} is unmounted, but what was not synced may be lost: ${failure}`);
}

/**
 * The mount point as the mount table has it. The mount itself is asked only when it is not found otherwise: a dead one
 * cannot be asked, and one whose server is away would keep us waiting.
 */
async function find(
  directory: string,
): Promise<{ mountpoint: string; mounted: Awaited<ReturnType<typeof findMount>> }> {
  const given = resolve(directory);
  const beside = join(canonical(dirname(given)), basename(given));
  const mounted = await findMount(beside);
  if (mounted !== undefined) return { mountpoint: beside, mounted };
  const mountpoint = canonical(given);
  return { mountpoint, mounted: await findMount(mountpoint) };
}

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
