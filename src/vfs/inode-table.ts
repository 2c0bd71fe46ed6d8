import type { Ino } from '#base';
import type { Attributes } from '#protocol';
import type { OpenMode } from './open-mode.ts';

/**
 * What the daemon knows of inodes that the kernel knows: how many references it lent (each entry reply lends one,
 * FORGET returns them in bulk), and of the open ones how they are open. A known inode costs one number; only open
 * inodes cost an object.
 */
export class InodeTable {
  readonly #lookups = new Map<Ino, number>();
  readonly #open = new Map<Ino, OpenInode>();
  /** The content version that the kernel's pages may be of, for files that were open once. */
  readonly #cachedVersions = new Map<Ino, number>();

  readonly #removed = new Map<Ino, Attributes>();

  /** Counts a reference lent to the kernel; before the reply is written, since FORGET may follow at once. */
  remember(ino: Ino): void {
    this.#lookups.set(ino, (this.#lookups.get(ino) ?? 0) + 1);
  }

  /** Takes `count` references back. */
  forget(ino: Ino, count: number): void {
    const left = (this.#lookups.get(ino) ?? 0) - count;
    if (left > 0) {
      this.#lookups.set(ino, left);
      return;
    }
    this.#lookups.delete(ino);
    this.#cachedVersions.delete(ino);
    if (this.#removed.size > 0) this.#removed.delete(ino);
  }

  /** The server has removed an inode; until the kernel forgets it too, this is what it was. */
  bury(attributes: Attributes): void {
    if (this.#lookups.has(attributes.ino)) this.#removed.set(attributes.ino, attributes);
  }

  /** What an inode was that the server has removed and the kernel still knows. */
  removed(ino: Ino): Attributes | undefined {
    return this.#removed.size === 0 ? undefined : this.#removed.get(ino);
  }

  isKnown(ino: Ino): boolean {
    return this.#lookups.has(ino);
  }

  /** The inodes that the kernel knows. */
  known(): Iterable<Ino> {
    return this.#lookups.keys();
  }

  /** How many inodes the kernel knows. */
  get size(): number {
    return this.#lookups.size;
  }

  openInode(ino: Ino): OpenInode | undefined {
    return this.#open.size === 0 ? undefined : this.#open.get(ino);
  }

  setOpenInode(ino: Ino, open: OpenInode | undefined): void {
    if (open === undefined) this.#open.delete(ino);
    else this.#open.set(ino, open);
  }

  /** Whether the kernel's pages are of content `version`; from now on they are taken to be. */
  keepsCache(ino: Ino, version: number): boolean {
    const known = this.#cachedVersions.get(ino);
    if (known !== version) this.#cachedVersions.set(ino, version);
    return known === version;
  }

  /** A write through the page cache made version `to` of `from`: pages of the one are pages of the other. */
  moveCache(ino: Ino, from: number, to: number): void {
    if (this.#cachedVersions.get(ino) === from) this.#cachedVersions.set(ino, to);
  }

  /** The kernel's pages may be older than any version: the next open drops them. */
  dropCache(ino: Ino): void {
    this.#cachedVersions.delete(ino);
  }
}

/** An inode with open handles of a mode that binds it. */
export interface OpenInode {
  /** The kernel's mode for this inode while it is open. */
  mode: OpenMode;
  /** Registered backing file while the mode is passthrough, else 0. */
  backingId: number;
  handles: number;
  /** Those among the handles that write the backing file. */
  writers: number;
}
