import { hostname } from 'node:os';
import { BufferPool, type Clock, FsError, type Random } from '#base';
import { type CacheMode, createCodec, isUrgentCall } from '#client';
import { loadTlsCredentials, type TlsCredentials, type TlsFiles } from '#security';
import type { Logger } from '#telemetry';
import { type Connection, type ConnectionEvents, connectTcp, connectTls } from '#transport';
import { type HostPort, parseServers, showHostPort } from './addresses.ts';
import type { ClusterOptions } from './cluster.ts';
import { vfsOptions } from './mount-settings.ts';
import type { MountOptions } from './options.ts';
import { tlsOf } from './serve-options.ts';

/** Memory that is kept for what is read from the server. */
const keptBufferBytes = 16 * 1024 * 1024;
/** How long a `soft` mount waits for a server before a call fails, unless told otherwise. */
const softTimeoutMs = 60_000;
/** How long a `close-to-open` mount believes attributes and names. */
const closeToOpenValidityMs = 3000;

const cacheModes: Record<string, CacheMode> = {
  strict: 'strict',
  session: 'session',
  'close-to-open': 'closeToOpen',
};

/** Options that mean something only where there are servers. */
const clusterOnly = [
  'volume',
  'cache_mode',
  'cert',
  'key',
  'ca',
  'insecure',
  'force_insecure',
  'transport',
  'soft',
  'timeout',
] as const satisfies (keyof MountOptions)[];

/** Fails with `invalid` for options of a cluster without one, or the other way round. */
export function requireOneKind(options: MountOptions): void {
  if (options.metadata_servers === undefined) {
    const given = clusterOnly.find((name) => options[name] !== undefined);
    if (given === undefined) return;
    throw new FsError('invalid', `${given} is for mounts of a cluster: it needs metadata_servers=HOST:PORT,...`);
  }
  if (options.store !== undefined) {
    throw new FsError('invalid', 'store and metadata_servers exclude each other: the servers have the store');
  }
  if (options.default_permissions === false) {
    throw new FsError('invalid', 'nodefault_permissions is for mounts of this machine alone');
  }
}

export interface ClusterSettings {
  readonly servers: readonly HostPort[];
  /** What the mount table shows: `HOST:PORT,HOST:PORT:/VOLUME`. */
  readonly source: string;
  readonly options: ClusterOptions;
}

/** What `connectCluster` needs. Fails with `invalid` and one sentence, and as `loadTlsCredentials` does. */
export function clusterSettings(
  mountpoint: string,
  options: MountOptions,
  { clock, random, log }: { clock: Clock; random: Random; log: Logger },
): ClusterSettings {
  const text = options.metadata_servers ?? '';
  const servers = parseServers(text, `metadata_servers=${text}`);
  const { volume = 'default', soft = false, timeout, cache_mode: mode = 'strict' } = options;
  if (!soft && timeout !== undefined)
    throw new FsError('invalid', 'timeout is for soft mounts: a hard one waits for ever');
  const { cert, key, ca, insecure, force_insecure: forceInsecure } = options;
  const given = { cert, key, ca, insecure, forceInsecure };
  const files = tlsOf(withoutUndefined(given), servers);
  const buffers = new BufferPool(keptBufferBytes);
  return {
    servers,
    source: `${servers.map(showHostPort).join(',')}:/${volume}`,
    options: {
      connect: connector(servers, files && new Credentials(files, clock, log), { clock, buffers }),
      clock,
      random,
      name: `${hostname()}:${mountpoint}`,
      volume,
      cacheMode: cacheModes[mode] ?? 'strict',
      readOnly: options.ro ?? false,
      timeoutMs: soft ? (timeout === undefined ? softTimeoutMs : timeout * 1000) : 0,
      vfs: {
        ...vfsOptions(mode === 'close-to-open' ? { ...closeToOpenTimes, ...options } : options),
        reuse: (bytes) => buffers.giveBack(bytes),
      },
      onNews: (sentence) => log.info(sentence),
    },
  };
}

const closeToOpenTimes: MountOptions = {
  attr_timeout: closeToOpenValidityMs / 1000,
  entry_timeout: closeToOpenValidityMs / 1000,
  negative_timeout: closeToOpenValidityMs / 1000,
};

/** Makes each connection to the next of the servers. */
function connector(
  servers: readonly HostPort[],
  credentials: Credentials | undefined,
  { clock, buffers }: { clock: Clock; buffers: BufferPool },
): (events: ConnectionEvents) => Connection {
  let next = 0;
  return (events) => {
    const { host, port } = servers[next % servers.length]!;
    next += 1;
    const options = { host, port, codec: createCodec(), clock, events, buffers, isUrgent: isUrgentCall };
    if (credentials === undefined) return connectTcp(options);
    const { cert, key, ca } = credentials.newest();
    return connectTls({ ...options, tls: { cert, key, ca } });
  };
}

/** The client's certificate, read again for each connection: it may have been renewed. */
class Credentials {
  readonly #files: TlsFiles;
  readonly #clock: Clock;
  readonly #log: Logger;
  #last: TlsCredentials;

  constructor(files: TlsFiles, clock: Clock, log: Logger) {
    this.#files = files;
    this.#clock = clock;
    this.#log = log;
    this.#last = this.#load();
    for (const warning of this.#last.warnings) log.warn(warning);
  }

  newest(): TlsCredentials {
    try {
      this.#last = this.#load();
    } catch (error) {
      this.#log.warn(error, 'the certificate cannot be read again');
    }
    return this.#last;
  }

  #load(): TlsCredentials {
    this.#clock.readWall();
    return loadTlsCredentials(this.#files, { use: 'client', now: new Date(this.#clock.wallSec * 1000) });
  }
}

function withoutUndefined<T extends object>(given: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as never;
}
