import { FsError, type Ino } from '#base';
import { type Attributes, S_IFMT, S_IFREG } from '#protocol';
import { FairLock } from './fair-lock.ts';
import { PageCache } from './page-cache.ts';

/** Which attributes of an inode the kernel knows to be stale although their time is not over (`inval_mask`). */
export const stale = { permissions: 1, size: 2, times: 4, atime: 8, links: 16, all: 31 } as const;

/** What a write changes (FUSE_STATX_MODSIZE). */
export const writeStales = stale.size | stale.times;

/** What one mount counts for all of its inodes. */
export interface Counters {
  /** Grows with each change of attributes that the kernel sees (`fc->attr_version`). */
  attributeVersion: number;
  /** Names of an earlier epoch are looked up again (INC_EPOCH). */
  epoch: number;
}

export interface ListedName {
  readonly name: string;
  readonly ino: Ino;
  /** File type bits of the mode. */
  readonly type: number;
}

/** A listing that the kernel kept (FOPEN_CACHE_DIR): good while the directory's mtime and version are what they were. */
export interface KeptListing {
  readonly entries: readonly ListedName[];
  readonly mtime: string;
  readonly version: number;
}

/** One inode in the kernel's memory: `struct fuse_inode`. */
export class KernelInode {
  readonly ino: Ino;
  readonly #counters: Counters;
  /** References lent by replies, which FORGET gives back. */
  lookups = 0;
  /** Names, open files and callers that hold it; without any the inode is evicted. */
  users = 0;
  /** `i_rwsem`: of a directory, held while names in it are looked up (shared) or changed; of a file, while it is changed. */
  readonly lock = new FairLock();
  readonly pages = new PageCache();
  attributes: Attributes;
  size: number;
  validUntilMs = 0;
  stale: number = stale.all;
  version = 0;
  /** A change of the size is under way, so that no other reply may set it (FUSE_I_SIZE_UNSTABLE). */
  sizeIsUnstable = false;
  /** Of a directory: grows with each change through this kernel, and each notification. */
  directoryVersion = 0;
  listing: KeptListing | undefined;

  constructor(attributes: Attributes, counters: Counters) {
    this.ino = attributes.ino;
    this.attributes = attributes;
    this.size = attributes.size;
    this.#counters = counters;
  }

  /** Whether attributes are believed without a question; `mask` are those that matter. */
  isValid(nowMs: number, mask: number): boolean {
    return nowMs < this.validUntilMs && (this.stale & mask) === 0;
  }

  markStale(mask: number): void {
    this.stale |= mask;
  }

  /** A change that this kernel made itself, or was told of: replies that were asked for before are not taken. */
  changed(mask: number): void {
    this.version = ++this.#counters.attributeVersion;
    this.markStale(mask);
  }

  /**
   * fuse_change_attributes: takes a reply that was asked for at `since`, unless the inode has changed after that; 0
   * takes it always. Pages go when size or mtime turn out to be others (AUTO_INVAL_DATA).
   */
  async apply(attributes: Attributes, validUntilMs: number, since: number): Promise<void> {
    if ((attributes.mode & S_IFMT) !== (this.attributes.mode & S_IFMT)) {
      throw new FsError('io', `inode ${this.ino} changed its type`);
    }
    if (since !== 0 && (this.version > since || this.sizeIsUnstable)) return;
    const old = this.attributes;
    const oldSize = this.size;
    this.version = ++this.#counters.attributeVersion;
    this.attributes = attributes;
    this.size = attributes.size;
    this.validUntilMs = validUntilMs;
    this.stale = 0;
    if ((attributes.mode & S_IFMT) !== S_IFREG) return;
    if (oldSize !== attributes.size) await this.pages.cut(attributes.size);
    if (oldSize !== attributes.size || mtimeOf(old) !== mtimeOf(attributes)) await this.dropPages();
  }

  dropPages(): Promise<void> {
    return this.pages.drop(0, Number.MAX_SAFE_INTEGER);
  }
}

export function mtimeOf({ mtimeSec, mtimeNsec }: Attributes): string {
  return `${mtimeSec}.${mtimeNsec}`;
}
