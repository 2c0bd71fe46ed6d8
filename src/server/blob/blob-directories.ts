import { mkdirSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { FsError, file, fromErrno } from '#base';
import { type Descriptor, DescriptorCache } from './descriptor-cache.ts';

const { errno } = constants;
/** O_RDONLY | O_DIRECTORY | O_CLOEXEC. */
const openDirectoryFlags = 0o200000 | 0o2000000;
/** How many directories of blobs are kept open. */
const openDirectoriesMax = 64;
/** Blobs whose numbers agree but for these low bits share a directory. */
const blobsPerDirectoryBits = 12;
const directoriesMax = 65_536;

/**
 * The directories `xx/yy` that blobs lie in. Blobs with consecutive numbers share one, up to 4,096 of them: a
 * directory is made once per 4,096 new blobs and not once for nearly each, and blobs made together lie together on
 * the disk.
 */
export class BlobDirectories {
  readonly root: string;
  readonly #open = new DescriptorCache<string>(openDirectoriesMax);
  /** Directories whose list of names has changed since they were last synced, with the generation of the change. */
  readonly #changed = new Map<string, number>();
  #generation = 0;

  constructor(root: string) {
    this.root = root;
  }

  nameOf(id: number): string {
    const group = Math.floor(id / 2 ** blobsPerDirectoryBits);
    return `${hexByte(Math.floor(group / 256))}/${hexByte(group)}`;
  }

  /** The directories that blobs of a range of numbers may lie in, each once. */
  namesOf(range: { from: number; to: number }): string[] {
    const names = new Set<string>();
    const step = 2 ** blobsPerDirectoryBits;
    for (let id = Math.floor(range.from / step) * step; id < range.to && names.size < directoriesMax; id += step) {
      names.add(this.nameOf(id));
    }
    return [...names];
  }

  /** The descriptor of a directory; undefined when it does not exist and is not to be made. */
  get(name: string, options: { make: boolean }): Descriptor<string> | undefined {
    return this.#open.get(name) ?? this.#openOrMake(name, options.make);
  }

  /** A name has come or gone in the directory, which a power cut could undo. */
  changed(name: string): void {
    this.#changed.set(name, ++this.#generation);
  }

  /** Syncs the directory and those above it, as far as they have changed. */
  async sync(name: string): Promise<void> {
    for (const each of [name, name.slice(0, 2), '']) {
      const generation = this.#changed.get(each);
      if (generation === undefined) continue;
      const directory = this.get(each, { make: false });
      if (directory === undefined) throw new FsError('io', `directory ${join(this.root, each)} has vanished`);
      await this.#open.using(directory, (fd) => file.fsync(fd, false, join(this.root, each)));
      if (this.#changed.get(each) === generation) this.#changed.delete(each);
    }
  }

  /** Syncs the file system that holds all directories. */
  async syncAll(): Promise<void> {
    const generation = this.#generation;
    const root = this.get('', { make: false })!;
    await this.#open.using(root, (fd) => file.syncfs(fd, this.root));
    for (const [name, changed] of this.#changed) if (changed <= generation) this.#changed.delete(name);
  }

  /** Closes up to `count` idle descriptors; returns how many. */
  evict(count: number): number {
    return this.#open.evict(count);
  }

  close(): void {
    this.#open.close();
  }

  #openOrMake(name: string, make: boolean): Descriptor<string> | undefined {
    const path = join(this.root, name);
    let fd = file.openAt(file.AT_FDCWD, path, openDirectoryFlags, 0);
    if (fd === -errno.ENOENT && make) {
      this.#make(name);
      fd = file.openAt(file.AT_FDCWD, path, openDirectoryFlags, 0);
    }
    if (fd === -errno.ENOENT) return undefined;
    file.check(fd, 'open directory', path);
    return this.#open.add(name, fd);
  }

  #make(name: string): void {
    const above = name.slice(0, 2);
    try {
      if (mkdirSync(join(this.root, above), { recursive: true, mode: 0o700 }) !== undefined) this.changed('');
      mkdirSync(join(this.root, name), { mode: 0o700 });
    } catch (cause) {
      const number = (cause as NodeJS.ErrnoException).errno ?? -errno.EIO;
      throw fromErrno(-number, `make directory ${join(this.root, name)}`);
    }
    this.changed(above);
  }
}

function hexByte(value: number): string {
  return (value & 255).toString(16).padStart(2, '0');
}
