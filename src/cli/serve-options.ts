import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { FsError } from '#base';
import { Exports, type TlsFiles } from '#security';
import type { LogLevel } from '#telemetry';
import { type HostPort, isLoopback, parseListen, showHostPort } from './addresses.ts';
import { defaultServerStore } from './paths.ts';

/** What `cfs serve` was given. */
export interface ServeFlags {
  store?: string;
  listen?: string[];
  cert?: string;
  key?: string;
  ca?: string;
  crl?: string;
  insecure?: boolean;
  forceInsecure?: boolean;
  exports?: string;
  health?: string;
  sessionTtl?: string;
  logLevel?: LogLevel;
}

export interface ServeOptions {
  readonly store: string;
  readonly listen: readonly HostPort[];
  /** Undefined: without TLS. */
  readonly tls: TlsFiles | undefined;
  /** Undefined: without a file of exports. */
  readonly exportsPath: string | undefined;
  readonly health: HostPort | undefined;
  /** Undefined: the server's own. */
  readonly sessionTtlMs: number | undefined;
  readonly logLevel: LogLevel;
}

const defaultExports = '/etc/cfs/exports';
const listenMax = 16;
/** The drift of clocks, a second, must be small beside it; and who dies holds others up for so long. */
const sessionTtlSeconds = { least: 3, most: 600 };

/** Fails with `invalid` and one sentence for what cannot be served. */
export function serveOptionsOf(flags: ServeFlags): ServeOptions {
  const texts = flags.listen ?? [flags.insecure ? '127.0.0.1:9300' : ':9300'];
  if (texts.length > listenMax) throw new FsError('invalid', `--listen: more than ${listenMax} addresses`);
  const listen = texts.map((text) => parseListen(text, `--listen ${text}`));
  const { logLevel = 'info', health, exports } = flags;
  return {
    store: resolve(flags.store ?? defaultServerStore()),
    listen,
    tls: tlsOf(flags, listen),
    exportsPath: exports === undefined ? existing(defaultExports) : resolve(exports),
    health: health === undefined ? undefined : parseListen(health, `--health ${health}`),
    sessionTtlMs: sessionTtlOf(flags.sessionTtl),
    logLevel,
  };
}

function sessionTtlOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = Number(text);
  const { least, most } = sessionTtlSeconds;
  if (seconds >= least && seconds <= most) return Math.round(seconds * 1000);
  throw new FsError('invalid', `--session-ttl ${text}: it takes a number of seconds from ${least} to ${most}`);
}

/** The three files, of a server or a client; undefined with `insecure`. */
export function tlsOf(
  flags: Pick<ServeFlags, 'cert' | 'key' | 'ca' | 'crl' | 'insecure' | 'forceInsecure'>,
  addresses: readonly HostPort[],
): TlsFiles | undefined {
  const { cert, key, ca, crl, insecure = false, forceInsecure = false } = flags;
  const given = Object.entries({ cert, key, ca, crl }).filter(([, value]) => value !== undefined);
  if (insecure || forceInsecure) {
    if (given.length > 0) throw new FsError('invalid', `--insecure and --${given[0]![0]} exclude each other`);
    const open = addresses.find((address) => !isLoopback(address));
    if (open === undefined || forceInsecure) return undefined;
    const risk = 'anybody who reaches it could read and change everything';
    throw new FsError('invalid', `--insecure at ${showHostPort(open)}: ${risk}; use certificates, or --force-insecure`);
  }
  if (cert !== undefined && key !== undefined && ca !== undefined) {
    const files = { cert: resolve(cert), key: resolve(key), ca: resolve(ca) };
    return crl === undefined ? files : { ...files, crl: resolve(crl) };
  }
  const missing = Object.entries({ cert, key, ca }).flatMap(([name, value]) =>
    value === undefined ? [`--${name}`] : [],
  );
  const advice = 'make certificates with cfs cert, or try --insecure on loopback';
  throw new FsError('invalid', `${missing.join(', ')} missing: ${advice}`);
}

/** Reads the exports; undefined where there is no file. Fails with `invalid` and the line, `notFound`, `accessDenied`. */
export function readExports(path: string | undefined): Exports | undefined {
  if (path === undefined) return undefined;
  let text: string;
  try {
    text = readFileSync(path, 'latin1');
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new FsError('notFound', `--exports ${path}: there is no such file`, { cause });
    throw new FsError(code === 'EACCES' ? 'accessDenied' : 'io', `--exports ${path}: ${message}`, { cause });
  }
  return Exports.parse(text, path);
}

function existing(path: string): string | undefined {
  return existsSync(path) ? path : undefined;
}
