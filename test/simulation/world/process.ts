import { below, type Clock, type Ino, type Random, sleep } from '#base';
import { O_APPEND, O_RDWR, O_TRUNC, O_WRONLY, S_IFDIR, S_IFMT, superuser } from '#protocol';
import type { Input } from '../history/history.ts';
import { FairLock } from '../kernel/fair-lock.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { KernelFile } from '../kernel/kernel-files.ts';
import { type KernelInode, mtimeOf, stale } from '../kernel/kernel-inode.ts';
import { pageBytes } from '../kernel/page-cache.ts';
import type { Places } from './places.ts';
import { type Part, Recorder, type RecorderOptions } from './recorder.ts';

export interface ProcessOptions extends RecorderOptions {
  readonly kernel: Kernel;
  readonly places: Places;
  /** The process's own time. */
  readonly clock: Clock;
  readonly random: Random;
  /** Of the files of this client, shared by its processes: see `#reading`. */
  readonly fileLock: (ino: Ino) => FairLock;
}

const filesMax = 2;
const sizeMax = 120;

/** An application: one system call after the other on the shared tree, each written down. */
export class Process {
  readonly recorder: Recorder;
  readonly #options: ProcessOptions;
  readonly #files: KernelFile[] = [];
  /** Directories that it has in hand, as by an O_PATH descriptor: those that stay, and the last one found. */
  readonly #directories: KernelInode[] = [];

  constructor(options: ProcessOptions) {
    this.#options = options;
    this.recorder = new Recorder(options);
  }

  async begin(): Promise<void> {
    const { kernel, places } = this.#options;
    const root = await kernel.root();
    for (const name of places.rootNames) {
      const found = await kernel.names.lookup(root, name, 'cached');
      if (found === undefined) throw new Error(`there is no ${name}`);
      this.#directories.push(found);
    }
  }

  async step(): Promise<void> {
    const { random, clock } = this.#options;
    if (below(random, 3) === 0) await sleep(clock, below(random, 2000) / 100);
    const steps = this.#files.length > 0 && below(random, 3) > 0 ? fileSteps : nameSteps;
    await this[steps[below(random, steps.length)]!]();
  }

  /** Lets go of what it has open. */
  end(): void {
    for (const file of this.#files.splice(0)) this.#options.kernel.files.close(file);
    for (const inode of this.#directories.splice(0)) this.#options.kernel.state.letGo(inode);
  }

  // ---- names ----

  /** Looks a name up, and the attributes of what it means. */
  async look(): Promise<void> {
    const inode = await this.#lookup(this.#directory(), this.#name());
    if (inode === undefined) return;
    await this.#stat(inode);
    this.#keepOrLetGo(inode);
  }

  async create(): Promise<void> {
    const { kernel } = this.#options;
    const parent = this.#directory();
    const name = this.#name();
    const flags = [O_RDWR, O_WRONLY, O_RDWR | O_APPEND][this.#below(3)]!;
    const input = { kind: 'make', dir: parent.ino, name, isDirectory: false } as const;
    const facts = { flags, mode: 0o644, umask: 0 };
    const made = await this.recorder.one(
      'names',
      input,
      () => kernel.names.create(parent, name, (vfs, dir) => vfs.create(superuser, dir, name, facts)),
      ({ inode }) => inode.ino,
    );
    if (made === undefined) return;
    const { inode, reply } = made;
    const file = kernel.files.opened(inode, reply.file, flags);
    kernel.state.letGo(inode);
    this.#keepOpen(file);
  }

  async mkdir(): Promise<void> {
    const { kernel, places } = this.#options;
    const parent = this.#directory();
    const name = this.#name();
    const input = { kind: 'make', dir: parent.ino, name, isDirectory: true } as const;
    const inode = await this.recorder.one(
      'names',
      input,
      () =>
        kernel.names.make(parent, name, (vfs, dir) =>
          vfs.mkdir(superuser, dir, name, { mode: 0o755, umask: 0, rdev: 0 }),
        ),
      ({ ino }) => ino,
    );
    if (inode === undefined) return;
    places.directories.add(inode.ino);
    this.#keepOrLetGo(inode);
  }

  async unlink(): Promise<void> {
    await this.#remove('unlink');
  }

  async rmdir(): Promise<void> {
    await this.#remove('rmdir');
  }

  async rename(): Promise<void> {
    const { kernel } = this.#options;
    const parent = this.#directory();
    const toParent = this.#directory();
    const name = this.#name();
    const toName = this.#name();
    await this.recorder.one(
      'names',
      { kind: 'rename', dir: parent.ino, name, toDir: toParent.ino, toName },
      () => kernel.names.rename({ parent, name }, { parent: toParent, name: toName }),
      () => 'ok',
    );
  }

  async list(): Promise<void> {
    const { kernel } = this.#options;
    const directory = this.#directory();
    await this.recorder.one(
      'names',
      { kind: 'list', dir: directory.ino },
      () => kernel.names.list(directory),
      (entries) => new Map(entries.map(({ name, ino }) => [name, ino])),
    );
  }

  async open(): Promise<void> {
    const { kernel } = this.#options;
    const inode = await this.#lookup(this.#directory(), this.#name());
    if (inode === undefined) return;
    if (!isDir(inode)) await this.#open(inode);
    kernel.state.letGo(inode);
  }

  async shrink(): Promise<void> {
    this.#options.kernel.shrink(this.#options.random);
  }

  // ---- files ----

  async read(): Promise<void> {
    const { kernel } = this.#options;
    const file = this.#file();
    if ((file.flags & O_WRONLY) !== 0) return this.write();
    const offset = this.#below(2) * this.#below(sizeMax);
    const length = 1 + this.#below(sizeMax);
    const unlock = await this.#options.fileLock(file.inode.ino).take('shared');
    await this.#recordRead(file, offset, length, () => kernel.files.read(file, offset, length));
    unlock();
  }

  async write(): Promise<void> {
    const { kernel, places } = this.#options;
    const file = this.#file();
    const offset = this.#below(sizeMax / 2);
    const data = places.token(1 + this.#below(sizeMax / 2));
    const appends = (file.flags & O_APPEND) !== 0;
    const input = appends ? ({ kind: 'append', data } as const) : ({ kind: 'write', offset, data } as const);
    await this.#changing(file.inode, input, async () => {
      const written = await kernel.files.write(file, offset, Buffer.from(data, 'latin1'));
      if (written !== data.length) throw new Error(`${written} of ${data.length} bytes were written`);
    });
  }

  async truncate(): Promise<void> {
    const { kernel } = this.#options;
    const { inode } = this.#file();
    const size = this.#below(sizeMax / 2);
    await this.#changing(inode, { kind: 'truncate', size }, () =>
      kernel.files.change(inode, { size, hasHandle: true }),
    );
  }

  async chmod(): Promise<void> {
    const { kernel } = this.#options;
    const { inode } = this.#file();
    const mode = 0o600 + this.#below(64);
    await this.recorder.one(
      `mode ${inode.ino}`,
      { kind: 'set', value: mode.toString(8) },
      () => kernel.files.change(inode, { mode: (inode.attributes.mode & S_IFMT) | mode }),
      () => undefined,
    );
  }

  async setXattr(): Promise<void> {
    const { kernel, places } = this.#options;
    const { inode } = this.#file();
    const value = places.token(4);
    await this.recorder.one(
      `xattr ${inode.ino}`,
      { kind: 'set', value },
      () =>
        kernel.state.request((vfs) => vfs.setxattr(superuser, inode.ino, 'user.a', Buffer.from(value, 'latin1'), 0)),
      () => undefined,
    );
  }

  async getXattr(): Promise<void> {
    const { kernel } = this.#options;
    const { inode } = this.#file();
    await this.recorder.one(
      `xattr ${inode.ino}`,
      { kind: 'get' },
      async () => {
        try {
          return await kernel.state.request((vfs) => vfs.getxattr(superuser, inode.ino, 'user.a'));
        } catch (error) {
          if ((error as { status?: string }).status === 'noData') return Buffer.alloc(0);
          throw error;
        }
      },
      (value) => Buffer.from(value).toString('latin1'),
    );
  }

  async fstat(): Promise<void> {
    await this.#stat(this.#file().inode);
  }

  async fsync(): Promise<void> {
    try {
      await this.#options.kernel.files.fsync(this.#file().inode);
    } catch (error) {
      this.recorder.doubts.push(String(error));
    }
  }

  async close(): Promise<void> {
    const [file] = this.#files.splice(this.#below(this.#files.length), 1);
    if (file !== undefined) this.#options.kernel.files.close(file);
  }

  // ---- parts ----

  async #lookup(parent: KernelInode, name: string): Promise<KernelInode | undefined> {
    const { kernel, places } = this.#options;
    const inode = await this.recorder.one(
      'names',
      { kind: 'lookup', dir: parent.ino, name },
      () => kernel.names.lookup(parent, name, 'cached'),
      (found) => found?.ino,
    );
    if (inode !== undefined && isDir(inode)) places.directories.add(inode.ino);
    return inode;
  }

  async #remove(kind: 'unlink' | 'rmdir'): Promise<void> {
    const { kernel } = this.#options;
    const parent = this.#directory();
    const name = this.#name();
    await this.recorder.one(
      'names',
      { kind, dir: parent.ino, name },
      () => kernel.names.remove(parent, name, kind),
      () => 'ok',
    );
  }

  async #stat(inode: KernelInode): Promise<void> {
    const { kernel } = this.#options;
    const { ino } = inode;
    type Stat = Awaited<ReturnType<typeof kernel.state.refresh>>;
    const parts: Part<Stat>[] = [
      { object: `mode ${ino}`, input: { kind: 'get' }, output: ({ mode }) => (mode & 0o7777).toString(8) },
    ];
    if (!isDir(inode)) {
      parts.push(
        {
          object: `file ${ino}`,
          input: { kind: 'stat' },
          output: (stat) => ({ size: stat.size, mtime: mtimeOf(stat) }),
        },
        { object: 'names', input: { kind: 'links', ino }, output: ({ nlink }) => nlink },
      );
    }
    await this.recorder.all(parts, () => kernel.state.refresh(inode, stale.all), ino);
  }

  async #open(inode: KernelInode): Promise<void> {
    const { kernel } = this.#options;
    const flags = [O_RDWR, O_RDWR, 0, O_WRONLY, O_RDWR | O_APPEND, O_RDWR | O_TRUNC][this.#below(6)]!;
    const parts: Part<KernelFile>[] =
      (flags & O_TRUNC) === 0
        ? []
        : [{ object: `file ${inode.ino}`, input: { kind: 'truncate', size: 0 }, output: () => undefined }];
    const unlock = parts.length > 0 ? await this.#options.fileLock(inode.ino).take('alone') : undefined;
    const file = await this.recorder.all(parts, () => kernel.files.open(inode, flags), inode.ino);
    unlock?.();
    if (file !== undefined) this.#keepOpen(file);
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

  async #recordRead(file: KernelFile, offset: number, length: number, run: () => Promise<Uint8Array>): Promise<void> {
    const object = `file ${file.inode.ino}`;
    const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
    const parts: Part<Uint8Array>[] = [
      { object, input: { kind: 'end', offset, length }, output: ({ length: count }) => count },
    ];
    for (let at = offset; at < offset + length; ) {
      const until = Math.min((Math.floor(at / pageBytes) + 1) * pageBytes, offset + length);
      const [start, count] = [at - offset, until - at];
      parts.push({
        object,
        input: { kind: 'bytes', offset: at },
        output: (bytes) => text(bytes.subarray(start, start + count)),
      });
      at = until;
    }
    await this.recorder.all(parts, run);
  }

  #keepOpen(file: KernelFile): void {
    this.#files.push(file);
    if (this.#files.length > filesMax) this.#options.kernel.files.close(this.#files.shift()!);
  }

  #keepOrLetGo(inode: KernelInode): void {
    const { state } = this.#options.kernel;
    if (!isDir(inode) || this.#below(3) > 0) {
      state.letGo(inode);
      return;
    }
    this.#directories.push(inode);
    // Those that stay are the first.
    if (this.#directories.length > 3) state.letGo(this.#directories.splice(2, 1)[0]!);
  }

  #directory(): KernelInode {
    return this.#directories[this.#below(this.#directories.length)]!;
  }

  #file(): KernelFile {
    return this.#files[this.#below(this.#files.length)]!;
  }

  #name(): string {
    const { names } = this.#options.places;
    return names[this.#below(names.length)]!;
  }

  #below(limit: number): number {
    return below(this.#options.random, limit);
  }
}

/** The locks of the files of one client: see `Process`. */
export function fileLocks(): (ino: Ino) => FairLock {
  const locks = new Map<Ino, FairLock>();
  return (ino) => {
    const lock = locks.get(ino) ?? new FairLock();
    locks.set(ino, lock);
    return lock;
  };
}

function isDir({ attributes }: KernelInode): boolean {
  return (attributes.mode & S_IFMT) === S_IFDIR;
}

/** Steps as often as they stand here. */
const nameSteps = [
  'look',
  'look',
  'look',
  'look',
  'create',
  'create',
  'create',
  'open',
  'open',
  'open',
  'list',
  'unlink',
  'mkdir',
  'rmdir',
  'rename',
  'shrink',
] as const;
const fileSteps = [
  'read',
  'read',
  'read',
  'read',
  'write',
  'write',
  'write',
  'fstat',
  'fstat',
  'truncate',
  'chmod',
  'setXattr',
  'getXattr',
  'fsync',
  'close',
] as const;
