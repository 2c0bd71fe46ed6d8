import type { Clock, Ino } from '#base';
import { type LockRange, O_ACCMODE, O_APPEND, O_TRUNC, O_WRONLY, S_IFDIR, S_IFMT, superuser } from '#protocol';
import type { History, Input } from '../history/history.ts';
import type { FairLock } from '../kernel/fair-lock.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { KernelFile } from '../kernel/kernel-files.ts';
import { type KernelInode, mtimeOf, stale } from '../kernel/kernel-inode.ts';
import { pageBytes } from '../kernel/page-cache.ts';
import type { LockWitness, WitnessedLock } from './lock-witness.ts';
import type { Places } from './places.ts';
import { type Part, Recorder } from './recorder.ts';

export interface RecordedCallsOptions {
  readonly kernel: Kernel;
  readonly places: Places;
  readonly history: History;
  /** The world's. */
  readonly clock: Clock;
  readonly client: string;
  readonly process: string;
  readonly isTroubled: () => boolean;
  /** Undefined where the kernel keeps locks for itself. */
  readonly locks: LockWitness | undefined;
  /** Of the files of this client, shared by its processes: see `#changing`. */
  readonly fileLock: (ino: Ino) => FairLock;
}

/** A descriptor, and the moment when its open began. */
export interface OpenFile {
  readonly file: KernelFile;
  readonly openedAt: number;
  /** Whose its flock(2) is: a description's, not a process's. */
  readonly flockOwner: string;
}

type Stat = Awaited<ReturnType<Kernel['state']['refresh']>>;

/** The system calls of one process, each written down as what it tells of which objects. Undefined: it was refused. */
export class RecordedCalls {
  readonly recorder: Recorder;
  readonly #options: RecordedCallsOptions;
  /** Of this process: 16 hexadecimal digits. */
  readonly lockOwner: string;
  readonly #kernel: Kernel;

  constructor(options: RecordedCallsOptions) {
    this.lockOwner = options.places.lockOwner();
    this.#options = options;
    this.#kernel = options.kernel;
    this.recorder = new Recorder(options);
  }

  /** The inode is held. */
  async lookup(parent: KernelInode, name: string): Promise<KernelInode | undefined> {
    const inode = await this.recorder.one(
      'names',
      { kind: 'lookup', dir: parent.ino, name },
      () => this.#kernel.names.lookup(parent, name, 'cached'),
      (found) => found?.ino,
    );
    if (inode !== undefined && isDirectory(inode)) this.#options.places.directories.add(inode.ino);
    return inode;
  }

  async create(parent: KernelInode, name: string, flags: number): Promise<OpenFile | undefined> {
    const openedAt = this.#options.history.tick();
    const facts = { flags, mode: 0o644, umask: 0 };
    const made = await this.recorder.one(
      'names',
      { kind: 'make', dir: parent.ino, name, isDirectory: false },
      () => this.#kernel.names.create(parent, name, (vfs, dir) => vfs.create(superuser, dir, name, facts)),
      ({ inode }) => inode.ino,
    );
    if (made === undefined) return undefined;
    const file = this.#kernel.files.opened(made.inode, made.reply.file, flags);
    this.letGo(made.inode);
    return { file, openedAt, flockOwner: this.#options.places.lockOwner() };
  }

  /** The inode is held. */
  async mkdir(parent: KernelInode, name: string): Promise<KernelInode | undefined> {
    const facts = { mode: 0o755, umask: 0, rdev: 0 };
    const inode = await this.recorder.one(
      'names',
      { kind: 'make', dir: parent.ino, name, isDirectory: true },
      () => this.#kernel.names.make(parent, name, (vfs, dir) => vfs.mkdir(superuser, dir, name, facts)),
      ({ ino }) => ino,
    );
    if (inode !== undefined) this.#options.places.directories.add(inode.ino);
    return inode;
  }

  async remove(parent: KernelInode, name: string, kind: 'unlink' | 'rmdir'): Promise<void> {
    await this.recorder.one(
      'names',
      { kind, dir: parent.ino, name },
      () => this.#kernel.names.remove(parent, name, kind),
      () => 'ok',
    );
  }

  async rename(from: { parent: KernelInode; name: string }, to: { parent: KernelInode; name: string }): Promise<void> {
    await this.recorder.one(
      'names',
      { kind: 'rename', dir: from.parent.ino, name: from.name, toDir: to.parent.ino, toName: to.name },
      () => this.#kernel.names.rename(from, to),
      () => 'ok',
    );
  }

  /**
   * POSIX lets a listing miss what comes and show what goes meanwhile, name by name. So it tells of each name, at some
   * moment of its own, whether it was there.
   */
  async list(directory: KernelInode): Promise<void> {
    const { names, directories } = this.#options.places;
    const parts = names.map(
      (name): Part<ReadonlyMap<string, Ino>> => ({
        object: 'names',
        input: { kind: 'lookup', dir: directory.ino, name },
        output: (found) => found.get(name),
      }),
    );
    const found = await this.recorder.all(parts, async () => {
      const entries = await this.#kernel.names.list(directory);
      for (const { ino, type } of entries) if (type === S_IFDIR) directories.add(ino);
      return new Map(entries.map(({ name, ino }) => [name, ino]));
    });
    for (const name of found?.keys() ?? []) if (!names.includes(name)) throw new Error(`nobody has made ${name}`);
  }

  async stat(inode: KernelInode): Promise<void> {
    const { ino } = inode;
    const parts: Part<Stat>[] = [
      { object: `mode ${ino}`, input: { kind: 'get' }, output: ({ mode }) => (mode & 0o7777).toString(8) },
    ];
    if (!isDirectory(inode)) {
      const output = (stat: Stat) => ({ size: stat.size, mtime: mtimeOf(stat) });
      parts.push(
        { object: `file ${ino}`, input: { kind: 'stat' }, output },
        { object: 'names', input: { kind: 'links', ino }, output: ({ nlink }) => nlink },
      );
    }
    await this.recorder.all(parts, () => this.#kernel.state.refresh(inode, stale.all), ino);
  }

  async open(inode: KernelInode, flags: number): Promise<OpenFile | undefined> {
    const { ino } = inode;
    const openedAt = this.#options.history.tick();
    const truncation = {
      object: `file ${ino}`,
      input: { kind: 'truncate', size: 0 },
      output: () => undefined,
    } as const;
    const truncates = (flags & O_TRUNC) !== 0;
    const unlock = truncates ? await this.#options.fileLock(ino).take('alone') : undefined;
    const parts = truncates ? [truncation] : [];
    const file = await this.recorder.all(parts, () => this.#kernel.files.open(inode, flags), ino);
    unlock?.();
    return file && { file, openedAt, flockOwner: this.#options.places.lockOwner() };
  }

  async close({ file }: OpenFile): Promise<void> {
    await this.recorder.all([], () => this.#kernel.files.close(file, this.lockOwner));
    this.#options.history.closed(`file ${file.inode.ino}`, this.#options.process);
  }

  async read({ file, openedAt }: OpenFile, offset: number, length: number): Promise<void> {
    if ((file.flags & O_ACCMODE) === O_WRONLY) return;
    const object = `file ${file.inode.ino}`;
    const end: Part<Uint8Array> = {
      object,
      input: { kind: 'end', offset, length },
      output: ({ length: count }) => count,
      openedAt,
    };
    const pages = piecesOf(offset, length).map(
      ({ start, until }): Part<Uint8Array> => ({
        object,
        input: { kind: 'bytes', offset: start },
        output: (bytes) => Buffer.from(bytes.subarray(start - offset, until - offset)).toString('latin1'),
        openedAt,
      }),
    );
    const unlock = await this.#options.fileLock(file.inode.ino).take('shared');
    await this.recorder.all([end, ...pages], () => this.#kernel.files.read(file, offset, length));
    unlock();
  }

  /** Writes at `offset`, or at the end where the file was opened so. */
  async write({ file }: OpenFile, offset: number, data: string): Promise<void> {
    const appends = (file.flags & O_APPEND) !== 0;
    const input = appends ? ({ kind: 'append', data } as const) : ({ kind: 'write', offset, data } as const);
    await this.#changing(file.inode, input, async () => {
      const written = await this.#kernel.files.write(file, offset, Buffer.from(data, 'latin1'));
      if (written !== data.length) throw new Error(`${written} of ${data.length} bytes were written`);
    });
  }

  async truncate({ file }: OpenFile, size: number): Promise<void> {
    const { inode } = file;
    await this.#changing(inode, { kind: 'truncate', size }, () =>
      this.#kernel.files.change(inode, { size, hasHandle: true }),
    );
  }

  async chmod({ file }: OpenFile, mode: number): Promise<void> {
    const { inode } = file;
    await this.recorder.one(
      `mode ${inode.ino}`,
      { kind: 'set', value: mode.toString(8) },
      () => this.#kernel.files.change(inode, { mode: (inode.attributes.mode & S_IFMT) | mode }),
      () => undefined,
    );
  }

  async setXattr({ file }: OpenFile, value: string): Promise<void> {
    const { ino } = file.inode;
    const bytes = Buffer.from(value, 'latin1');
    await this.recorder.one(
      `xattr ${ino}`,
      { kind: 'set', value },
      () => this.#kernel.state.request((vfs) => vfs.setxattr(superuser, ino, 'user.a', bytes, 0)),
      () => undefined,
    );
  }

  async getXattr({ file }: OpenFile): Promise<void> {
    const { ino } = file.inode;
    await this.recorder.one(
      `xattr ${ino}`,
      { kind: 'get' },
      async () => {
        const names = await this.#kernel.state.request((vfs) => vfs.listxattr(superuser, ino));
        if (!names.includes('user.a')) return nothing;
        return this.#kernel.state.request((vfs) => vfs.getxattr(superuser, ino, 'user.a'));
      },
      (value) => Buffer.from(value).toString('latin1'),
    );
  }

  /** Sets a lock; undefined when somebody else has one that excludes it. */
  async lock({ file }: OpenFile, lock: LockRange, kind: 'set' | 'wait'): Promise<WitnessedLock | undefined> {
    const { client, locks } = this.#options;
    if (locks === undefined) return undefined;
    const set = await this.recorder.all([], async () => {
      await this.#kernel.files.lock(file, lock, kind);
      return true;
    });
    if (set === undefined) return undefined;
    const witnessed = { client, ino: file.inode.ino, lock };
    locks.granted(witnessed);
    return witnessed;
  }

  async unlock({ file }: OpenFile, held: WitnessedLock): Promise<void> {
    this.#options.locks?.released(held);
    await this.recorder.all([], () => this.#kernel.files.lock(file, held.lock, 'unlock'));
  }

  async fsync({ file }: OpenFile): Promise<void> {
    await this.recorder.all([], () => this.#kernel.files.fsync(file.inode));
  }

  letGo(inode: KernelInode): void {
    this.#kernel.state.letGo(inode);
  }

  /**
   * Linux lets a reader see what a write under way on the same machine has put into the page cache, before the file
   * system has it. That is between the two of them; so within a client, reads and changes of a file take turns.
   */
  async #changing(inode: KernelInode, input: Input, run: () => Promise<void>): Promise<void> {
    const unlock = await this.#options.fileLock(inode.ino).take('alone');
    await this.recorder.one(`file ${inode.ino}`, input, run, () => undefined);
    unlock();
  }
}

const nothing = new Uint8Array(0);

export function isDirectory({ attributes }: KernelInode): boolean {
  return (attributes.mode & S_IFMT) === S_IFDIR;
}

/** A range, cut where pages begin. */
function piecesOf(offset: number, length: number): { start: number; until: number }[] {
  const pieces = [];
  for (let start = offset; start < offset + length; ) {
    const until = Math.min((Math.floor(start / pageBytes) + 1) * pageBytes, offset + length);
    pieces.push({ start, until });
    start = until;
  }
  return pieces;
}
