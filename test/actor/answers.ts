import { constants } from 'node:os';
import { S } from './constants.ts';

/** What one system call answered: the number that it returned, and the values that it filled in. */
export interface Answer {
  value: number;
  values: string[];
}

/** A system call failed. `code` is the errno's name, or `SIGBUS` for a memory access that faulted. */
export class CallError extends Error {
  readonly code: string;

  constructor(call: string, code: string) {
    super(`${call}: ${code}`);
    this.name = 'CallError';
    this.code = code;
  }
}

const namesByErrno = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));
// Linux has two names for each of these numbers; the tests use these.
for (const name of ['EAGAIN', 'EOPNOTSUPP'] as const) namesByErrno.set(constants.errno[name], name);
// The actor's word for a fault, see mappings.cc.
namesByErrno.set(112, 'SIGBUS');

/** Reads the line that answers one request; throws CallError when the call failed. */
export function parseAnswer(call: string, line: string): Answer {
  const [status, value, ...values] = line.split('\t');
  if (status === 'ok') return { value: Number(value), values };
  throw new CallError(call, namesByErrno.get(Number(value)) ?? `errno ${value}`);
}

/** `ok` when the call succeeded, else the name of its errno: for tables of expected outcomes. */
export async function outcome(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'ok';
  } catch (error) {
    if (error instanceof CallError) return error.code;
    throw error;
  }
}

export interface Stat {
  /** Which fields the file system filled in (STATX_). */
  mask: number;
  blockSize: number;
  attributes: number;
  nlink: number;
  uid: number;
  gid: number;
  /** Permission bits, without the kind. */
  mode: number;
  /** S_IF kind. */
  kind: number;
  ino: bigint;
  size: number;
  blocks: number;
  /** Nanoseconds since 1970. */
  atime: bigint;
  mtime: bigint;
  ctime: bigint;
  btime: bigint;
  rdev: string;
  dev: string;
}

export function parseStat({ values }: Answer): Stat {
  const number = (index: number) => Number(values[index]);
  const time = (index: number) => BigInt(values[index]!) * 1_000_000_000n + BigInt(values[index + 1]!);
  return {
    mask: number(0),
    blockSize: number(1),
    attributes: number(2),
    nlink: number(3),
    uid: number(4),
    gid: number(5),
    mode: number(6) & ~S.IFMT,
    kind: number(6) & S.IFMT,
    ino: BigInt.asUintN(64, BigInt(values[7]!)),
    size: number(8),
    blocks: number(9),
    atime: time(11),
    mtime: time(13),
    ctime: time(15),
    btime: time(17),
    rdev: `${values[19]}:${values[20]}`,
    dev: `${values[21]}:${values[22]}`,
  };
}

export interface Statfs {
  type: number;
  blockSize: number;
  blocks: number;
  freeBlocks: number;
  availableBlocks: number;
  files: number;
  freeFiles: number;
  nameLimit: number;
  fragmentSize: number;
  flags: number;
}

export function parseStatfs({ values }: Answer): Statfs {
  const [type, blockSize, blocks, freeBlocks, availableBlocks, files, freeFiles, nameLimit, fragmentSize, flags] =
    values.map(Number) as [number, number, number, number, number, number, number, number, number, number];
  return { type, blockSize, blocks, freeBlocks, availableBlocks, files, freeFiles, nameLimit, fragmentSize, flags };
}

export interface Entry {
  name: string;
  /** The name's bytes, which need not be UTF-8. */
  bytes: Buffer;
  ino: bigint;
  /** DT_ type. */
  type: number;
  /** Where the listing continues after this entry: a value for lseek. */
  cookie: bigint;
}

export function parseEntries({ values }: Answer): Entry[] {
  const entries: Entry[] = [];
  for (let at = 0; at < values.length; at += 4) {
    const bytes = Buffer.from(values[at + 3]!, 'hex');
    const ino = BigInt.asUintN(64, BigInt(values[at]!));
    entries.push({ name: bytes.toString(), bytes, ino, cookie: BigInt(values[at + 1]!), type: Number(values[at + 2]) });
  }
  return entries;
}

export interface LockAnswer {
  type: number;
  whence: number;
  start: number;
  length: number;
  pid: number;
}

export function parseLock({ values }: Answer): LockAnswer {
  const [type, whence, start, length, pid] = values.map(Number) as [number, number, number, number, number];
  return { type, whence, start, length, pid };
}

export function parseBytes({ values }: Answer): Buffer {
  return Buffer.from(values[0] ?? '', 'hex');
}
