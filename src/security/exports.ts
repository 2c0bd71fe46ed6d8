import { Buffer } from 'node:buffer';
import { type ByteString, FsError, nameMaxBytes } from '#base';
import { IdMap, type IdRange, idMax, idRangesMax, overlaps } from './id-map.ts';

/** Who owns what an anonymous caller makes, and what a client is shown for an id that it has no id for: "nobody". */
export const nobodyId = 65534;

/** What a client sees of a volume. */
export interface Export {
  /** The names from the volume's root to the root of what the client sees. */
  readonly path: readonly ByteString[];
  readonly readOnly: boolean;
  /** Whose calls are made as the anonymous user: nobody's, those of the client's root, all. */
  readonly squash: 'none' | 'root' | 'all';
  readonly anonUid: number;
  readonly anonGid: number;
  readonly uids: IdMap;
  readonly gids: IdMap;
}

/** A volume as it is, to a client that is trusted like the server itself. */
export const wholeVolume: Export = {
  path: [],
  readOnly: false,
  squash: 'none',
  anonUid: nobodyId,
  anonGid: nobodyId,
  uids: new IdMap([]),
  gids: new IdMap([]),
};

/** One client pattern of one line. */
interface Rule {
  readonly volume: string;
  readonly matches: RegExp;
  readonly granted: Export;
}

const linesMax = 10_000;

/** The rules of an exports file. */
export class Exports {
  readonly #rules: readonly Rule[];

  private constructor(rules: readonly Rule[]) {
    this.#rules = rules;
  }

  /**
   * Reads the text of an exports file (docs/exports.md). Fails with `invalid` and a sentence that begins with
   * `name:line` and says what to do.
   */
  static parse(text: string, name: string): Exports {
    const rules: Rule[] = [];
    for (const { line, number } of logicalLines(text, name)) {
      const fail = (message: string): never => {
        throw new FsError('invalid', `${name}:${number}: ${message}`);
      };
      rules.push(...parseLine(line, fail));
    }
    return new Exports(rules);
  }

  /** What `client` sees of `volume`, by the first rule that names both; undefined: nothing. */
  find(client: string, volume: string): Export | undefined {
    return this.#rules.find((rule) => rule.volume === volume && rule.matches.test(client))?.granted;
  }

  /** How many clients' patterns there are. */
  get size(): number {
    return this.#rules.length;
  }
}

type Fail = (message: string) => never;

/** Lines without comments; one that ends in a backslash goes on in the next. */
function logicalLines(text: string, name: string): { line: string; number: number }[] {
  const found: { line: string; number: number }[] = [];
  const lines = text.split('\n');
  if (lines.length > linesMax) throw new FsError('invalid', `${name} has more than ${linesMax} lines`);
  for (let index = 0; index < lines.length; index++) {
    const number = index + 1;
    let line = lines[index]!;
    while (line.endsWith('\\') && index + 1 < lines.length) {
      index += 1;
      line = `${line.slice(0, -1)} ${lines[index]}`;
    }
    line = line.replace(/(?:^|\s)#.*/, '').trim();
    if (line !== '') found.push({ line, number });
  }
  return found;
}

function parseLine(line: string, fail: Fail): Rule[] {
  const [place = '', ...words] = line.match(/"[^"]*"\S*|\S+/g) ?? [];
  const { volume, path } = parsePlace(place, fail);
  let common: readonly string[] = [];
  const rules: Rule[] = [];
  for (const word of words) {
    if (word.startsWith('-')) {
      if (rules.length > 0) fail(`${word}: options for the whole line come before its clients`);
      common = word.slice(1).split(',');
      continue;
    }
    const match = /^([^()]+)(?:\(([^()]*)\))?$/.exec(word);
    if (match === null) {
      fail(`${word}: a client is written NAME(OPTIONS), without spaces, such as web*(rw,no_root_squash)`);
      continue;
    }
    const own = match[2] === undefined || match[2] === '' ? [] : match[2].split(',');
    rules.push({ volume, matches: pattern(match[1]!, fail), granted: parseOptions([...common, ...own], path, fail) });
  }
  if (rules.length === 0) fail(`${place}: no client is named; * means every client`);
  return rules;
}

/** `/path` of the volume `default`, or `volume:/path`. */
function parsePlace(place: string, fail: Fail): { volume: string; path: ByteString[] } {
  const text = unquoted(place);
  const match = /^(?:([A-Za-z0-9][A-Za-z0-9._-]{0,63}):)?(\/.*)$/s.exec(text);
  if (match === null) {
    fail(`${place}: a line begins with VOLUME:/PATH, or /PATH for the volume default`);
  }
  const names = match![2]!.split('/').filter((name) => name !== '');
  for (const name of names) {
    if (name === '.' || name === '..') fail(`${place}: a path has no . and no ..`);
    if (name.length > nameMaxBytes) fail(`${place}: a name of ${name.length} bytes; ${nameMaxBytes} are possible`);
  }
  return { volume: match![1] ?? 'default', path: names };
}

/** Bytes: in quotes, or with \040 for a space as in /proc/mounts. */
function unquoted(word: string): ByteString {
  const bare = word.replaceAll('"', '').replaceAll(/\\([0-3][0-7]{2})/g, (_, octal: string) => {
    return String.fromCharCode(Number.parseInt(octal, 8));
  });
  // The file is UTF-8, or was read as bytes already.
  return [...bare].every((char) => char.charCodeAt(0) < 256) ? bare : Buffer.from(bare).toString('latin1');
}

function pattern(text: string, fail: Fail): RegExp {
  if (!/^[A-Za-z0-9._@*?-]+$/.test(text)) {
    fail(`${text}: a client is the name in its certificate, where * stands for any characters and ? for one`);
  }
  const source = text.replaceAll('.', '[.]').replaceAll(/\*+/g, '.*').replaceAll('?', '.');
  return new RegExp(`^${source}$`);
}

interface Draft {
  readOnly: boolean;
  squash: Export['squash'];
  anonUid: number;
  anonGid: number;
  readonly uids: IdRange[];
  readonly gids: IdRange[];
}

const switches: Record<string, Partial<Draft>> = {
  ro: { readOnly: true },
  rw: { readOnly: false },
  root_squash: { squash: 'root' },
  no_root_squash: { squash: 'none' },
  all_squash: { squash: 'all' },
  // What NFS has and what is always so here, or means nothing: lines can be taken over.
  sync: {},
  no_subtree_check: {},
  subtree_check: {},
  secure: {},
  insecure: {},
};

function parseOptions(options: readonly string[], path: readonly ByteString[], fail: Fail): Export {
  const draft: Draft = { readOnly: true, squash: 'root', anonUid: nobodyId, anonGid: nobodyId, uids: [], gids: [] };
  for (const option of options) {
    const [name = '', value] = option.split('=', 2);
    const change = Object.hasOwn(switches, name) ? switches[name] : undefined;
    if (change !== undefined) {
      if (value !== undefined) fail(`${option}: ${name} takes no value`);
      Object.assign(draft, change);
    } else if (name === 'anonuid') draft.anonUid = parseId(option, value, fail);
    else if (name === 'anongid') draft.anonGid = parseId(option, value, fail);
    else if (name === 'map_uid') addRange(draft.uids, option, value, fail);
    else if (name === 'map_gid') addRange(draft.gids, option, value, fail);
    else {
      const known = [...Object.keys(switches).slice(0, 5), 'anonuid', 'anongid', 'map_uid', 'map_gid'];
      fail(`${option}: there is no such option; there are ${known.join(', ')}`);
    }
  }
  const { uids, gids, ...rest } = draft;
  return { ...rest, path, uids: new IdMap(uids), gids: new IdMap(gids) };
}

function parseId(option: string, value: string | undefined, fail: Fail): number {
  const id = /^\d{1,10}$/.test(value ?? '') ? Number(value) : Number.NaN;
  if (!(id <= idMax)) fail(`${option}: an id is a number from 0 to ${idMax}`);
  return id;
}

function addRange(ranges: IdRange[], option: string, value: string | undefined, fail: Fail): void {
  const match = /^(\d{1,10}):(\d{1,10}):(\d{1,10})$/.exec(value ?? '');
  const [local, remote, count] = (match?.slice(1) ?? []).map(Number);
  if (local === undefined || remote === undefined || count === undefined || count === 0) {
    fail(`${option}: a range is LOCAL:REMOTE:COUNT, the first id on the volume, the first on the client, how many`);
    return;
  }
  if (Math.max(local, remote) + count - 1 > idMax) fail(`${option}: the largest id is ${idMax}`);
  const range = { local, remote, count };
  if (ranges.some((other) => overlaps(other, range))) fail(`${option}: an id of it is in another range already`);
  if (ranges.length >= idRangesMax) fail(`${option}: more than ${idRangesMax} ranges`);
  ranges.push(range);
}
