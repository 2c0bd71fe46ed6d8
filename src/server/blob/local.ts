import { close as closeFile, statfsSync, unlink } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { FsError, file, fromErrno, type Maybe } from '#base';
import {
  FALLOC_FL_KEEP_SIZE as keepSize,
  FALLOC_FL_PUNCH_HOLE as punchHole,
  FALLOC_FL_ZERO_RANGE as zeroRange,
} from '#protocol';
import { BlobDirectories } from './blob-directories.ts';
import type { BlobStat, BlobStatistics, BlobTime, FileBlobStore } from './blob-store.ts';
import { type Descriptor, DescriptorCache } from './descriptor-cache.ts';
import { ReadBuffers } from './read-buffers.ts';

const { errno } = constants;
const { statField } = file;
/** O_RDWR | O_CLOEXEC | O_LARGEFILE. */
const openFlags = 0o2 | 0o2000000 | 0o100000;
/** With O_CREAT | O_EXCL. */
const createFlags = openFlags | 0o100 | 0o200;
/** What statfs(2) calls a tmpfs (linux/magic.h). */
const tmpfsMagic = 0x01021994;
/** How many idle descriptors are closed when the process has run out of them. */
const evictedWhenOut = 64;

export interface LocalBlobStoreOptions {
  /** Idle descriptors that are kept open. */
  openMax?: number;
  /** Descriptors that are lent at one time; far below what a process may have on a modest machine (20,000). */
  lentMax?: number;
}

/**
 * Blobs as sparse files `DIRECTORY/xx/yy/<id in hex>` on a local disk. What lies in the page cache is read at once;
 * everything that may wait for the disk runs on the thread pool. So do all writes: a write into the page cache is
 * quick until the kernel makes the writer wait for the disk (balance_dirty_pages), for up to 200 ms.
 *
 * A file that was never synced is after a power cut missing, empty or short: sizes and bytes come to the disk in
 * this order on ext4 (data=ordered), XFS and btrfs, and a file's blocks are never shown before they are written.
 */
export class LocalBlobStore implements FileBlobStore {
  readonly #directories: BlobDirectories;
  readonly #files: DescriptorCache<number>;
  readonly #lentMax: number;
  readonly #stat = new Float64Array(file.fstatFields);
  readonly #statfs = new Float64Array(file.fstatfsFields);
  /** Reads what needs no disk, else -EAGAIN. A tmpfs never needs one, and refuses to be asked. */
  readonly #readCached: (fd: number, into: Uint8Array, offset: number) => number;
  readonly #buffers = new ReadBuffers();
  /** Files whose name may not be durable yet. */
  readonly #new = new Set<number>();

  constructor(directory: string, options: LocalBlobStoreOptions = {}) {
    this.#directories = new BlobDirectories(directory);
    this.#files = new DescriptorCache(options.openMax ?? 1024);
    this.#lentMax = options.lentMax ?? 8192;
    if (this.#directories.get('', { make: false }) === undefined) {
      throw new FsError('notFound', `blob directory ${directory} does not exist`);
    }
    this.#readCached = statfsSync(directory).type === tmpfsMagic ? file.readSync : file.readNowait;
  }

  create(id: number): void {
    const name = this.#directories.nameOf(id);
    const directory = this.#directories.get(name, { make: true });
    if (directory === undefined) throw new FsError('io', `directory ${name} of blob ${id} has vanished`);
    const fd = this.#open(directory.fd, id, createFlags);
    this.#directories.changed(name);
    this.#new.add(id);
    this.#files.add(id, fd);
  }

  read(id: number, offset: number, length: number): Maybe<Uint8Array> {
    const descriptor = this.#require(id);
    const bytes = this.#buffers.take(length);
    const cached = this.#readCached(descriptor.fd, bytes, offset);
    if (cached === length) return bytes;
    if (cached > 0 && offset + cached >= this.#sizeOf(descriptor, id)) return bytes.subarray(0, cached);
    return this.#readRest(descriptor, { bytes, offset, done: Math.max(cached, 0) });
  }

  reuse(bytes: Uint8Array): void {
    this.#buffers.giveBack(bytes);
  }

  write(id: number, offset: number, data: Uint8Array): Maybe<number> {
    return this.#files.using(this.#require(id), (fd) => file.write(fd, data, offset, this.#which(id)));
  }

  async truncate(id: number, size: number): Promise<void> {
    await this.#files.using(this.#require(id), (fd) => file.truncate(fd, size, this.#which(id)));
  }

  async fallocate(id: number, mode: number, offset: number, length: number): Promise<void> {
    const range = { offset, length };
    const which = this.#which(id);
    await this.#files.using(this.#require(id), async (fd) => {
      try {
        await file.fallocate(fd, mode, range, which);
      } catch (cause) {
        if ((mode & zeroRange) === 0 || !isUnsupported(cause)) throw cause;
        // tmpfs and others cannot zero a range, but punch a hole and allocate what is in it.
        await file.fallocate(fd, punchHole | keepSize, range, which);
        await file.fallocate(fd, mode & keepSize, range, which);
      }
    });
  }

  seek(id: number, offset: number, whence: 3 | 4): Promise<number> {
    return this.#files.using(this.#require(id), (fd) => file.seek(fd, offset, whence, this.#which(id)));
  }

  async copyRange(from: number, fromOffset: number, to: number, toOffset: number, length: number): Promise<number> {
    return this.#files.using(this.#require(from), (source) =>
      this.#files.using(this.#require(to), (target) =>
        file.copyRange({ fd: source, offset: fromOffset }, { fd: target, offset: toOffset }, length, this.#which(to)),
      ),
    );
  }

  stat(id: number): BlobStat {
    return this.#statOf(this.#require(id), id);
  }

  setTimes(id: number, times: { atime?: BlobTime; mtime?: BlobTime }): void {
    const { atime, mtime } = times;
    const result = file.setTimes(
      this.#require(id).fd,
      atime?.sec ?? 0,
      atime?.nsec ?? file.UTIME_OMIT,
      mtime?.sec ?? 0,
      mtime?.nsec ?? file.UTIME_OMIT,
    );
    file.check(result, 'set times of', this.#which(id));
  }

  async sync(id: number, dataOnly: boolean): Promise<void> {
    await this.#files.using(this.#require(id), (fd) => file.fsync(fd, dataOnly, this.#which(id)));
    if (!this.#new.has(id)) return;
    await this.#directories.sync(this.#directories.nameOf(id));
    this.#new.delete(id);
  }

  async syncAll(): Promise<void> {
    const unsynced = [...this.#new];
    await this.#directories.syncAll();
    for (const id of unsynced) this.#new.delete(id);
  }

  /** On the thread pool, since the last close of a large file frees its blocks before it returns. */
  async remove(id: number): Promise<void> {
    const open = this.#files.get(id);
    if (open !== undefined && open.users === 0) {
      await closeLater(this.#files.release(open));
    } else if (open !== undefined) {
      this.#files.drop(open);
    }
    this.#new.delete(id);
    const path = String(this.#which(id));
    await new Promise<void>((resolve, reject) => {
      unlink(path, (error) => {
        if (error === null) this.#directories.changed(this.#directories.nameOf(id));
        if (error === null || error.code === 'ENOENT') resolve();
        else reject(fromErrno(-(error.errno ?? -errno.EIO), `remove ${path}`));
      });
    });
  }

  async syncRemoved(ids: readonly number[]): Promise<void> {
    for (const name of new Set(ids.map((id) => this.#directories.nameOf(id)))) await this.#directories.sync(name);
  }

  async *list(range?: { from: number; to: number }): AsyncIterable<number> {
    const { root } = this.#directories;
    const names = range === undefined ? allDirectories(root) : this.#directories.namesOf(range);
    for await (const name of names) {
      for (const blob of await namesIn(join(root, name))) {
        const id = Number.parseInt(blob, 16);
        const inRange = range === undefined || (id >= range.from && id < range.to);
        if (inRange && idName(id) === blob) yield id;
      }
    }
  }

  statistics(): BlobStatistics {
    const out = this.#statfs;
    const field = file.statfsField;
    const root = this.#directories.get('', { make: false })!;
    file.check(file.fstatfs(root.fd, out), 'statistics of', this.#directories.root);
    return {
      blockSize: out[field.blockSize]!,
      blocks: out[field.blocks]!,
      blocksFree: out[field.free]!,
      blocksAvailable: out[field.available]!,
      files: out[field.files]!,
      filesFree: out[field.filesFree]!,
    };
  }

  lendFd(id: number): number {
    const descriptor = this.#require(id);
    if (descriptor.lent === 0 && this.#files.lentCount >= this.#lentMax) {
      throw new FsError('tooManyOpen', `${this.#lentMax} files are lent for passthrough already`);
    }
    this.#files.lend(descriptor);
    return descriptor.fd;
  }

  returnFd(id: number): void {
    const descriptor = this.#files.get(id);
    if (descriptor !== undefined) this.#files.takeBack(descriptor);
  }

  statLent(id: number): BlobStat {
    return this.stat(id);
  }

  async close(): Promise<void> {
    this.#files.close();
    this.#directories.close();
  }

  async #readRest(
    descriptor: Descriptor<number>,
    rest: { bytes: Buffer; offset: number; done: number },
  ): Promise<Uint8Array> {
    const { bytes, offset, done } = rest;
    const more = await this.#files.using(descriptor, (fd) =>
      file.read(fd, bytes.subarray(done), offset + done, this.#which(descriptor.key)),
    );
    return done + more === bytes.length ? bytes : bytes.subarray(0, done + more);
  }

  #require(id: number): Descriptor<number> {
    const open = this.#files.get(id);
    if (open !== undefined) return open;
    const directory = this.#directories.get(this.#directories.nameOf(id), { make: false });
    if (directory === undefined) throw new FsError('notFound', `blob ${this.#which(id)} does not exist`);
    return this.#files.add(id, this.#open(directory.fd, id, openFlags));
  }

  /** Opens a file; when the process is out of descriptors, once more with fewer of them in the caches. */
  #open(directoryFd: number, id: number, flags: number): number {
    const name = idName(id);
    let fd = file.openAt(directoryFd, name, flags, 0o600);
    if ((fd === -errno.EMFILE || fd === -errno.ENFILE) && this.#files.evict(evictedWhenOut) > 0) {
      fd = file.openAt(directoryFd, name, flags, 0o600);
    }
    return file.check(fd, 'open blob', this.#which(id));
  }

  #sizeOf(descriptor: Descriptor<number>, id: number): number {
    file.check(file.fstat(descriptor.fd, this.#stat), 'stat', this.#which(id));
    return this.#stat[statField.size]!;
  }

  #statOf(descriptor: Descriptor<number>, id: number): BlobStat {
    const out = this.#stat;
    file.check(file.fstat(descriptor.fd, out), 'stat', this.#which(id));
    return {
      size: out[statField.size]!,
      blocks: out[statField.blocks]!,
      mtime: { sec: out[statField.mtimeSec]!, nsec: out[statField.mtimeNsec]! },
      atime: { sec: out[statField.atimeSec]!, nsec: out[statField.atimeNsec]! },
    };
  }

  #which(id: number): BlobPath {
    return new BlobPath(this.#directories, id);
  }
}

/** Spells the path of a blob's file only when somebody wants to read it. */
class BlobPath {
  readonly #directories: BlobDirectories;
  readonly #id: number;

  constructor(directories: BlobDirectories, id: number) {
    this.#directories = directories;
    this.#id = id;
  }

  toString(): string {
    return join(this.#directories.root, this.#directories.nameOf(this.#id), idName(this.#id));
  }
}

function isUnsupported(cause: unknown): boolean {
  return cause instanceof FsError && cause.status === 'notSupported';
}

function idName(id: number): string {
  return id.toString(16).padStart(14, '0');
}

async function* allDirectories(root: string): AsyncIterable<string> {
  for (const above of await namesIn(root)) {
    for (const below of await namesIn(join(root, above))) yield `${above}/${below}`;
  }
}

/** Names in a directory, none when it is none. */
async function namesIn(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw new FsError('io', `list ${path}: ${code}`, { cause });
  }
}

function closeLater(fd: number): Promise<void> {
  return new Promise((resolve) => closeFile(fd, () => resolve()));
}
