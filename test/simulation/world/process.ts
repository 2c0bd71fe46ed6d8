import { below, type Ino, type Random } from '#base';
import { type LockRange, O_ACCMODE, O_APPEND, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } from '#protocol';
import { FairLock } from '../kernel/fair-lock.ts';
import type { KernelInode } from '../kernel/kernel-inode.ts';
import type { WitnessedLock } from './lock-witness.ts';
import { isDirectory, type OpenFile, RecordedCalls, type RecordedCallsOptions } from './recorded-calls.ts';

export interface ProcessOptions extends RecordedCallsOptions {
  readonly random: Random;
}

const filesMax = 2;
const heldDirectoriesMax = 1;
const sizeMax = 120;

/**
 * An application: one system call after the other, on the tree that all share. Where each name belongs to one process
 * (see `Places`), a process changes only its own, and none any more when it does not know what became of a change.
 */
export class Process {
  readonly calls: RecordedCalls;
  readonly #options: ProcessOptions;
  readonly #files: OpenFile[] = [];
  /** Those that stay, and then others that it has in hand, as by an O_PATH descriptor. */
  readonly #directories: KernelInode[] = [];
  /** Undefined: all names are everybody's. */
  readonly #ownNames: readonly string[] | undefined;
  readonly #ownFiles = new Set<Ino>();
  /** The only lock that it has; so processes never wait for each other in a circle. */
  #lock: { readonly file: OpenFile; readonly held: WitnessedLock } | undefined;

  constructor(options: ProcessOptions) {
    this.#options = options;
    this.calls = new RecordedCalls(options);
    this.#ownNames = options.places.namesFor(options.process);
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
    const { random } = this.#options;
    const steps = this.#files.length > 0 && below(random, 3) > 0 ? fileSteps : nameSteps;
    await this[steps[below(random, steps.length)]!]();
  }

  /** All names, attributes and contents in the directories that stay. */
  async lookAtEverything(): Promise<void> {
    const { calls } = this;
    for (const directory of [...this.#directories]) {
      await calls.list(directory);
      for (const name of this.#options.places.names) {
        const inode = await calls.lookup(directory, name);
        if (inode === undefined) continue;
        await calls.stat(inode);
        const file = isDirectory(inode) ? undefined : await calls.open(inode, O_RDONLY);
        if (file !== undefined) {
          await calls.read(file, 0, 2 * sizeMax);
          await calls.close(file);
        }
        calls.letGo(inode);
      }
    }
  }

  /** Lets go of what it has open. */
  async end(): Promise<void> {
    for (const file of this.#files.splice(0)) await this.#close(file);
    for (const inode of this.#directories.splice(0)) this.calls.letGo(inode);
  }

  // ---- names ----

  /** Looks a name up, and the attributes of what it means. */
  async look(): Promise<void> {
    const inode = await this.calls.lookup(this.#directory(), this.#anyName());
    if (inode === undefined) return;
    await this.calls.stat(inode);
    this.#keepOrLetGo(inode);
  }

  async create(): Promise<void> {
    const name = this.#nameToChange();
    if (name === undefined) return;
    const flags = [O_RDWR, O_WRONLY, O_RDWR | O_APPEND][this.#below(3)]!;
    const opened = await this.calls.create(this.#directory(), name, flags);
    if (opened === undefined) return;
    this.#ownFiles.add(opened.file.inode.ino);
    await this.#keepOpen(opened);
  }

  async mkdir(): Promise<void> {
    if (this.#ownNames !== undefined) return;
    const inode = await this.calls.mkdir(this.#directory(), this.#anyName());
    if (inode !== undefined) this.#keepOrLetGo(inode);
  }

  async unlink(): Promise<void> {
    const name = this.#nameToChange();
    if (name !== undefined) await this.calls.remove(this.#directory(), name, 'unlink');
  }

  async rmdir(): Promise<void> {
    if (this.#ownNames === undefined) await this.calls.remove(this.#directory(), this.#anyName(), 'rmdir');
  }

  async rename(): Promise<void> {
    if (this.#ownNames !== undefined) return;
    const from = { parent: this.#directory(), name: this.#anyName() };
    await this.calls.rename(from, { parent: this.#directory(), name: this.#anyName() });
  }

  async list(): Promise<void> {
    await this.calls.list(this.#directory());
  }

  async open(): Promise<void> {
    const inode = await this.calls.lookup(this.#directory(), this.#anyName());
    if (inode === undefined) return;
    if (!isDirectory(inode)) {
      const flags = [O_RDWR, O_RDWR, O_RDONLY, O_WRONLY, O_RDWR | O_APPEND, O_RDWR | O_TRUNC][this.#below(6)]!;
      const opened = await this.calls.open(inode, this.#mayChange(inode.ino) ? flags : O_RDONLY);
      if (opened !== undefined) await this.#keepOpen(opened);
    }
    this.calls.letGo(inode);
  }

  /** Memory runs short. */
  async shrink(): Promise<void> {
    this.#options.kernel.shrink(this.#options.random);
  }

  // ---- files ----

  async read(): Promise<void> {
    const offset = this.#below(2) * this.#below(sizeMax);
    await this.calls.read(this.#file(), offset, 1 + this.#below(sizeMax));
  }

  async write(): Promise<void> {
    const file = this.#fileToChange();
    const data = this.#options.places.token(1 + this.#below(sizeMax / 2));
    if (file !== undefined) await this.calls.write(file, this.#below(sizeMax / 2), data);
  }

  async truncate(): Promise<void> {
    const file = this.#fileToChange();
    if (file !== undefined) await this.calls.truncate(file, this.#below(sizeMax / 2));
  }

  async chmod(): Promise<void> {
    const file = this.#fileToChange();
    if (file !== undefined) await this.calls.chmod(file, 0o600 + this.#below(64));
  }

  async setXattr(): Promise<void> {
    const file = this.#fileToChange();
    if (file !== undefined) await this.calls.setXattr(file, this.#options.places.token(4));
  }

  async getXattr(): Promise<void> {
    await this.calls.getXattr(this.#file());
  }

  async fstat(): Promise<void> {
    await this.calls.stat(this.#file().file.inode);
  }

  async fsync(): Promise<void> {
    await this.calls.fsync(this.#file());
  }

  async close(): Promise<void> {
    const [file] = this.#files.splice(this.#below(this.#files.length), 1);
    if (file !== undefined) await this.#close(file);
  }

  /** A lock of some bytes (fcntl) or of the whole (flock), at once or after a wait. */
  async lock(): Promise<void> {
    if (this.#lock !== undefined) return this.unlock();
    const file = this.#file();
    const start = this.#below(sizeMax);
    const isRange = this.#below(2) === 0;
    const lock: LockRange = {
      type: isRange ? 'range' : 'flock',
      owner: isRange ? this.calls.lockOwner : file.flockOwner,
      exclusive: this.#below(3) > 0,
      start: isRange ? start : 0,
      end: isRange ? start + this.#below(sizeMax) : Number.MAX_SAFE_INTEGER,
      pid: 1,
    };
    // Bytes are locked for writing by those who may write, and likewise for reading.
    const access = file.file.flags & O_ACCMODE;
    if (isRange && access === (lock.exclusive ? O_RDONLY : O_WRONLY)) return;
    const held = await this.calls.lock(file, lock, this.#below(2) === 0 ? 'wait' : 'set');
    if (held !== undefined) this.#lock = { file, held };
  }

  async unlock(): Promise<void> {
    const lock = this.#lock;
    this.#lock = undefined;
    if (lock !== undefined) await this.calls.unlock(lock.file, lock.held);
  }

  /** Whatever descriptor of a file a process closes, its range locks of the file end. */
  async #close(file: OpenFile): Promise<void> {
    const lock = this.#lock;
    const isRange = lock?.held.lock.type === 'range' && lock.file.file.inode === file.file.inode;
    if (lock !== undefined && (isRange || lock.file === file)) {
      this.#options.locks?.released(lock.held);
      this.#lock = undefined;
    }
    await this.calls.close(file);
  }

  async #keepOpen(file: OpenFile): Promise<void> {
    this.#files.push(file);
    if (this.#files.length > filesMax) await this.#close(this.#files.shift()!);
  }

  #keepOrLetGo(inode: KernelInode): void {
    if (!isDirectory(inode) || this.#below(3) > 0) {
      this.calls.letGo(inode);
      return;
    }
    this.#directories.push(inode);
    const stay = this.#options.places.rootNames.length;
    if (this.#directories.length > stay + heldDirectoriesMax) this.calls.letGo(this.#directories.splice(stay, 1)[0]!);
  }

  #mayChange(ino: Ino): boolean {
    return this.#ownNames === undefined || (this.#ownFiles.has(ino) && this.calls.recorder.doubts.length === 0);
  }

  #nameToChange(): string | undefined {
    if (this.#ownNames === undefined) return this.#anyName();
    if (this.calls.recorder.doubts.length > 0) return undefined;
    return this.#ownNames[this.#below(this.#ownNames.length)];
  }

  #fileToChange(): OpenFile | undefined {
    const file = this.#file();
    return this.#mayChange(file.file.inode.ino) ? file : undefined;
  }

  #anyName(): string {
    const { names } = this.#options.places;
    return names[this.#below(names.length)]!;
  }

  #directory(): KernelInode {
    return this.#directories[this.#below(this.#directories.length)]!;
  }

  #file(): OpenFile {
    return this.#files[this.#below(this.#files.length)]!;
  }

  #below(limit: number): number {
    return below(this.#options.random, limit);
  }
}

/** The locks of the files of one client: see `RecordedCalls`. */
export function fileLocks(): (ino: Ino) => FairLock {
  const locks = new Map<Ino, FairLock>();
  return (ino) => {
    const lock = locks.get(ino) ?? new FairLock();
    locks.set(ino, lock);
    return lock;
  };
}

/** Steps as often as they stand here. */
const nameSteps = [
  ...(['look', 'look', 'look', 'look', 'create', 'create', 'create', 'open', 'open', 'open', 'list'] as const),
  ...(['unlink', 'mkdir', 'rmdir', 'rename', 'shrink'] as const),
];
const fileSteps = [
  ...(['read', 'read', 'read', 'read', 'write', 'write', 'write', 'fstat', 'fstat'] as const),
  ...(['truncate', 'chmod', 'setXattr', 'getXattr', 'fsync', 'close', 'lock', 'lock', 'unlock'] as const),
];
