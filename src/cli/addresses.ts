import { isIP } from 'node:net';
import { FsError } from '#base';

export interface HostPort {
  /** A name, or an address without brackets. */
  readonly host: string;
  readonly port: number;
}

export const defaultPort = 9300;
/** Servers that a mount is told of. */
const serversMax = 32;
const hostPattern = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\.?$/;

/**
 * Reads `HOST`, `HOST:PORT`, `[IPV6]` or `[IPV6]:PORT`; an IPv6 address without a port needs no brackets. `where`
 * begins the sentence of a failure.
 */
export function parseHostPort(text: string, where: string): HostPort {
  if (isIP(text) === 6) return { host: text, port: defaultPort };
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::([^:]*))?$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? '';
  if (match === null || (match[1] !== undefined && isIP(host.replace(/%.*/, '')) !== 6)) {
    throw new FsError('invalid', `${where}: an address is HOST:PORT, or [IPV6]:PORT in brackets`);
  }
  if (match[1] === undefined && !hostPattern.test(host)) {
    throw new FsError('invalid', `${where}: ${host === '' ? 'there is no host' : `${host} is no host name`}`);
  }
  return { host, port: match[3] === undefined ? defaultPort : parsePort(match[3], where) };
}

/** `HOST:PORT,HOST:PORT,...`; `;` serves where a comma means something else. */
export function parseServers(text: string, where: string): HostPort[] {
  const servers = text.split(/[,;]/).map((one) => parseHostPort(one.trim(), where));
  if (servers.length > serversMax) throw new FsError('invalid', `${where}: more than ${serversMax} servers`);
  return servers;
}

/** An address to listen at: `ADDR:PORT`, `:PORT` for every address of the machine. */
export function parseListen(text: string, where: string): HostPort {
  const all = /^\*?:(.*)$/.exec(text);
  if (all !== null && isIP(text) === 0) return { host: '::', port: parsePort(all[1]!, where) };
  return parseHostPort(text, where);
}

/** Whether only programs of this machine reach it there. */
export function isLoopback({ host }: HostPort): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host) || /^::ffff:127\./i.test(host);
}

export function showHostPort({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function parsePort(text: string, where: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port >= 0 && port <= 65_535) return port;
  throw new FsError('invalid', `${where}: a port is a number from 1 to 65535`);
}
