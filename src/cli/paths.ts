import { homedir } from 'node:os';
import { join } from 'node:path';

/** The XDG base directories (freedesktop.org, version 0.8): an unset, empty or relative variable means the default. */
function xdg(variable: string, fallback: string): string {
  const value = process.env[variable];
  return value?.startsWith('/') ? value : join(homedir(), fallback);
}

/** The store of a mount that names none. */
export function defaultStore(): string {
  return join(xdg('XDG_DATA_HOME', '.local/share'), 'claudefs/default');
}

/** Where a mount in the background logs unless told otherwise. */
export function defaultLogFile(): string {
  return join(xdg('XDG_STATE_HOME', '.local/state'), `claudefs/mount-${process.pid}.log`);
}

/** The directory of a certificate authority that is not named. */
export function defaultPki(): string {
  return process.getuid?.() === 0 ? '/etc/cfs/pki' : join(xdg('XDG_CONFIG_HOME', '.config'), 'cfs/pki');
}

/** The store of a server that names none. */
export function defaultServerStore(): string {
  return process.getuid?.() === 0 ? '/var/lib/cfs' : join(xdg('XDG_DATA_HOME', '.local/share'), 'claudefs/server');
}
