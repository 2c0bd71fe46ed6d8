import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { AdminServer, type ClusterStatus, type MountStatus, runtimeDirectory } from '#admin';
import { FsError, SystemClock } from '#base';
import { operationNames, unmount } from '#fuse';
import { createLogger, type Logger } from '#telemetry';
import { type HostPort, showHostPort } from './addresses.ts';
import { requireOneKind } from './cluster-settings.ts';
import { isDaemon, reportStart, startDaemon } from './daemonize.ts';
import { mountEmbedded } from './embedded.ts';
import { mountCluster } from './mount-cluster.ts';
import type { Mounted } from './mounted.ts';
import type { MountOptions } from './options.ts';
import { sentenceOf } from './output.ts';
import { defaultLogFile, defaultStore } from './paths.ts';
import { version } from './version.ts';

/**
 * Mounts on `directory` and returns when the mount answers; in the foreground, when it has been unmounted. A failure
 * before that is shown, and leaves nothing mounted.
 */
export async function mount(directory: string, options: MountOptions): Promise<number> {
  if (!isDaemon() && options.foreground !== true) return mountInBackground(directory, options);
  const log = createLogger(options.log_level ?? 'info', { fd: 2 });
  try {
    return await serveUntilUnmounted(resolveFromStart(directory), options, log);
  } catch (error) {
    reportStart({ status: error instanceof FsError ? error.status : 'io', sentence: sentenceOf(error) });
    throw error;
  }
}

async function mountInBackground(directory: string, options: MountOptions): Promise<number> {
  const mountpoint = resolve(directory);
  const logFile = resolve(options.log_file ?? defaultLogFile());
  await startDaemon(logFile);
  // The daemon must never look at its own mount, so this process makes sure that it answers.
  if (!statSync(mountpoint).isDirectory()) throw new FsError('io', `${directory} does not answer; see ${logFile}`);
  return 0;
}

async function serveUntilUnmounted(directory: string, options: MountOptions, log: Logger): Promise<number> {
  requireOneKind(options);
  const { mounted, store, servers } = await mountOne(directory, options, log);
  const clock = new SystemClock();
  const startedAtMs = clock.nowMs();
  const uptimeSeconds = (): number => Math.round(clock.nowMs() - startedAtMs) / 1000;
  unmountOnSignals(mounted.mountpoint, log);
  const failure = mounted.ended.then(() => null, sentenceOf);
  const status = (): MountStatus => ({
    ...statusOf(mounted, store, uptimeSeconds()),
    cluster: clusterStatusOf(mounted, servers, options),
  });
  const admin = await listen({ status, failure }, log);
  log.info({ mountpoint: mounted.mountpoint, store, passthrough: mounted.features.passthrough, version }, 'mounted');
  reportStart();
  try {
    await mounted.ended;
    return 0;
  } finally {
    admin?.close();
  }
}

interface MountedFrom {
  readonly mounted: Mounted;
  /** What `cfs status` shows as its source. */
  readonly store: string;
  readonly servers: readonly HostPort[];
}

async function mountOne(directory: string, options: MountOptions, log: Logger): Promise<MountedFrom> {
  if (options.metadata_servers !== undefined) {
    const { mounted, settings } = await mountCluster(directory, withResolvedFiles(options), log);
    return { mounted, store: settings.source, servers: settings.servers };
  }
  const store = resolveFromStart(options.store ?? defaultStore());
  if (store === directory || store.startsWith(`${directory}/`)) {
    throw new FsError('invalid', `the store ${store} would lie below its own mount: choose another --store`);
  }
  return { mounted: await mountEmbedded(directory, store, options, log), store, servers: [] };
}

function withResolvedFiles(options: MountOptions): MountOptions {
  const resolved: MountOptions = { ...options };
  for (const name of ['cert', 'key', 'ca'] as const) {
    const path = options[name];
    if (path !== undefined) resolved[name] = resolveFromStart(path);
  }
  return resolved;
}

function clusterStatusOf(
  { cluster }: Mounted,
  servers: readonly HostPort[],
  options: MountOptions,
): ClusterStatus | null {
  if (cluster === undefined) return null;
  const { session, epoch, connected, readOnly, leases } = cluster.state;
  const { volume = 'default', cache_mode: cacheMode = 'strict' } = options;
  return { servers: servers.map(showHostPort), volume, cacheMode, session, epoch, connected, readOnly, leases };
}

/** A daemon works in /, so what the user wrote is taken from where the command was started. */
function resolveFromStart(path: string): string {
  return resolve(process.env['CFS_START_DIRECTORY'] ?? process.cwd(), path);
}

/** Without the socket the mount works all the same, but `cfs status` does not see it. */
async function listen(
  answers: Parameters<typeof AdminServer.listen>[1],
  log: Logger,
): Promise<AdminServer | undefined> {
  try {
    return await AdminServer.listen(runtimeDirectory(process.env, process.getuid?.() ?? 0), answers);
  } catch (error) {
    log.warn(error, 'cfs status will not show this mount');
    return undefined;
  }
}

/** A daemon that is told to end unmounts first: at once where nobody uses the mount, else as soon as nobody does. */
function unmountOnSignals(mountpoint: string, log: Logger): void {
  const end = (signal: string): void => {
    log.info({ signal }, 'unmounting');
    unmount(mountpoint, { lazy: true }).catch((error: unknown) => log.error(error, 'cannot unmount'));
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
}

function statusOf(
  { mountpoint, features, session, vfs }: Mounted,
  store: string,
  uptimeSeconds: number,
): Omit<MountStatus, 'cluster'> {
  const { protocol, flags, passthrough } = features;
  const { requests } = session.counters;
  return {
    mountpoint,
    daemonPid: process.pid,
    keeperPid: null,
    version,
    uptimeSeconds,
    kernelFeatures: { protocol: `${protocol.major}.${protocol.minor}`, flags: [...flags] },
    passthrough,
    store,
    requests: Object.fromEntries(
      requests.flatMap((count, opcode) => (count > 0 ? [[operationNames[opcode] ?? 'unknown', count]] : [])),
    ),
    knownInodes: vfs.inodes.size,
    openFiles: vfs.files.size,
  };
}
