import { FsError } from '#base';
import type { LogLevel } from '#telemetry';
import { mountOptions, type OptionName, type OptionRow } from './options.table.ts';

/** The options of a mount, as given: an option that was not given is undefined. */
export interface MountOptions {
  store?: string;
  metadata_servers?: string;
  volume?: string;
  cache_mode?: string;
  cert?: string;
  key?: string;
  ca?: string;
  insecure?: boolean;
  force_insecure?: boolean;
  transport?: string;
  soft?: boolean;
  timeout?: number;
  foreground?: boolean;
  log_level?: LogLevel;
  log_file?: string;
  passthrough?: boolean;
  allow_other?: boolean;
  default_permissions?: boolean;
  acl?: boolean;
  xattr?: boolean;
  attr_timeout?: number;
  entry_timeout?: number;
  negative_timeout?: number;
  max_write?: number;
  /** The minor number of the protocol version 7. */
  protocol?: number;
  subtype?: string;
  fsname?: string;
  ro?: boolean;
  nosuid?: boolean;
  nodev?: boolean;
  noexec?: boolean;
  noatime?: boolean;
}

/** Mount options that mean the opposite of a switch, as mount(8) has them, and those that mean nothing here. */
const negations: Record<string, OptionName> = {
  rw: 'ro',
  hard: 'soft',
  suid: 'nosuid',
  dev: 'nodev',
  exec: 'noexec',
  atime: 'noatime',
};
const ignored = new Set(['defaults', 'auto', 'noauto', 'user', 'nouser', 'users', '_netdev', 'nofail', 'relatime']);

/**
 * Reads the comma-separated list of `-o`. A switch `name` is turned off by `noname`. Fails with `invalid` and a
 * sentence that says which option is wrong and why.
 */
export function parseMountOptionList(list: string): MountOptions {
  const options: Record<string, unknown> = {};
  for (const item of list.split(',')) {
    if (item === '' || ignored.has(item)) continue;
    const at = item.indexOf('=');
    const name = at < 0 ? item : item.slice(0, at);
    const value = at < 0 ? undefined : item.slice(at + 1);
    const negated = negations[name] ?? (name.startsWith('no') && isSwitch(name.slice(2)) ? name.slice(2) : undefined);
    if (negated !== undefined && !isOption(name)) {
      if (value !== undefined) throw new FsError('invalid', `-o ${item}: ${name} takes no value`);
      options[negated] = false;
    } else {
      if (!isOption(name))
        throw new FsError('invalid', `-o ${item}: there is no mount option ${name}; see cfs mount --help`);
      options[name] = parseOption(name, value, `-o ${item}`);
    }
  }
  return options as MountOptions;
}

/** Reads the value of one option; `where` begins the sentence of a failure. */
export function parseOption(name: OptionName, value: string | undefined, where: string): unknown {
  const row: OptionRow = mountOptions[name];
  if (row.kind === 'switch') return parseSwitch(value, where);
  if (value === undefined) throw new FsError('invalid', `${where}: ${name} needs a value`);
  switch (row.kind) {
    case 'choice':
      if (!row.choices.includes(value))
        throw new FsError('invalid', `${where}: ${name} is one of ${row.choices.join(', ')}`);
      return value;
    case 'seconds':
      return parseNumber(value, 0, 86_400 * 365, `${where}: ${name} is a number of seconds from 0 to a year`);
    case 'bytes':
      return parseNumber(value, 4096, 4_194_304, `${where}: ${name} is a number of bytes from 4096 to 4194304`);
    case 'protocol':
      return parseProtocol(value, where);
    case 'path':
      if (value === '') throw new FsError('invalid', `${where}: ${name} needs a path`);
      return value;
    case 'text':
      return value;
  }
}

/** A whole number from 1 on; anything else fails with `invalid`. */
export function parseCount(text: string, where: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new FsError('invalid', `${where} ${text}: it is a whole number from 1 on`);
}

function parseSwitch(value: string | undefined, where: string): boolean {
  if (value === undefined || value === 'on' || value === 'true' || value === 'yes' || value === '1') return true;
  if (value === 'off' || value === 'false' || value === 'no' || value === '0') return false;
  throw new FsError('invalid', `${where}: a switch is on or off`);
}

function parseNumber(text: string, least: number, most: number, sentence: string): number {
  const number = Number(text);
  if (text.trim() === '' || !Number.isFinite(number) || number < least || number > most)
    throw new FsError('invalid', sentence);
  return number;
}

function parseProtocol(text: string, where: string): number {
  const match = /^7\.(\d{1,3})$/.exec(text);
  const minor = Number(match?.[1]);
  // Below 7.31 the structs of several messages are shorter; no kernel since Linux 5.4 offers less.
  if (match === null || minor < 31) throw new FsError('invalid', `${where}: protocol is 7.31 or newer, such as 7.31`);
  return minor;
}

function isOption(name: string): name is OptionName {
  return Object.hasOwn(mountOptions, name);
}

function isSwitch(name: string): boolean {
  return isOption(name) && mountOptions[name].kind === 'switch';
}
