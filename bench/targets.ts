/**
 * The file systems that do the same work: a native directory, bindfs over a native directory, and ClaudeFS: embedded, and
 * as a mount of a server on this machine (cluster-target.ts).
 *
 * bindfs is C over libfuse as Debian ships it, mounted with its defaults: one thread, permissions checked by the
 * kernel, entries and attributes valid for one second, no negative entries, no pages kept from one open to the next.
 * It runs in the foreground (`-f`) so that its process id is known, which changes nothing else.
 */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cleanup } from './cleanup.ts';
import { mountCluster } from './cluster-target.ts';
import { run, start } from './command.ts';
import { cfs, cfsStatus, type Mounted, type MountWish } from './mounted.ts';
import type { TargetName } from './options.ts';
import type { Site } from './site.ts';
import { mountInfo, unmount } from './unmount.ts';

const mountLimitMs = 10_000;
const mountPollMs = 10;

/** The names of mount options, in one place. */
const optionsOf = {
  bindfs: { noEntries: 'entry_timeout=0,negative_timeout=0', noAttributes: 'attr_timeout=0', noPassthrough: undefined },
  cfs: {
    noEntries: 'entry_timeout=0,negative_timeout=0',
    noAttributes: 'attr_timeout=0',
    noPassthrough: 'passthrough=off',
  },
} as const;

export async function mountTarget(
  target: TargetName,
  site: Site,
  context: { wish: MountWish; cleanup: Cleanup },
): Promise<Mounted> {
  if (target === 'native') return unmounted(target, site);
  if (target === 'bindfs') return mountBindfs(site, mountOptions('bindfs', context.wish), context);
  const options = mountOptions('cfs', context.wish);
  return target === 'cfs' ? mountCfs(site, options, context) : mountCluster(target, site, { options, ...context });
}

/** Why a target cannot be measured here, or undefined. */
export async function whyMissing(target: TargetName): Promise<string | undefined> {
  if (target !== 'native' && target !== 'bindfs' && !existsSync(cfs))
    return 'bin/cfs is missing: build it (npm ci && npm run build)';
  if (target !== 'bindfs') return undefined;
  return run(['bindfs', '--version']).then(
    () => undefined,
    () => 'bindfs is missing: apt-get install bindfs',
  );
}

/** A plain directory under the name of a target. */
export function unmounted(target: TargetName, site: Site): Mounted {
  return {
    target,
    directory: site.storage,
    backing: site.storage,
    pids: [],
    unmount: async () => undefined,
  };
}

async function mountBindfs(
  site: Site,
  options: readonly string[],
  context: { wish: MountWish; cleanup: Cleanup },
): Promise<Mounted> {
  const directory = site.mountPoint;
  const daemon = start(['bindfs', '-f', ...options, site.storage, directory], { core: context.wish.core });
  const unmountOnce = context.cleanup.defer(`bindfs ${directory}`, () =>
    unmount(directory, process.getuid?.() === 0 ? ['umount', directory] : ['fusermount', '-u', directory]),
  );
  await waitForMount(directory, () => daemon.exitCode ?? undefined);
  return { target: 'bindfs', directory, backing: site.storage, pids: [daemon.pid ?? 0], unmount: unmountOnce };
}

async function mountCfs(
  site: Site,
  options: readonly string[],
  context: { wish: MountWish; cleanup: Cleanup },
): Promise<Mounted> {
  const directory = site.mountPoint;
  const unmountOnce = context.cleanup.defer(`cfs ${directory}`, () => unmount(directory, [cfs, 'umount', directory]));
  const store = join(site.storage, 'store');
  await run([cfs, 'mount', directory, '--store', store, ...options], { core: context.wish.core });
  const status = await cfsStatus(directory);
  if (context.wish.passthrough !== 'off' && status.passthrough?.on === false) {
    process.stderr.write(`bench: passthrough is off: ${status.passthrough.reason}\n`);
  }
  const pids = [status.daemonPid, status.keeperPid].filter((pid) => pid !== null);
  return { target: 'cfs', directory, backing: directory, pids, unmount: unmountOnce };
}

function mountOptions(target: 'bindfs' | 'cfs', wish: MountWish): string[] {
  const names = optionsOf[target];
  const wanted = [
    wish.validity === undefined ? undefined : names.noEntries,
    wish.validity === 'none' ? names.noAttributes : undefined,
    wish.passthrough === 'off' ? names.noPassthrough : undefined,
  ].filter((option) => option !== undefined);
  return wanted.length === 0 ? [] : ['-o', wanted.join(',')];
}

async function waitForMount(directory: string, exitCode: () => number | undefined): Promise<void> {
  const deadline = performance.now() + mountLimitMs;
  while (mountInfo(directory) === undefined) {
    if (exitCode() !== undefined) throw new Error(`the daemon of ${directory} ended with ${exitCode()}`);
    if (performance.now() > deadline) throw new Error(`${directory} was not mounted within ${mountLimitMs} ms`);
    await sleep(mountPollMs);
  }
}
