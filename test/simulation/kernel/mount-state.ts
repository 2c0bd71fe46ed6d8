import { below, type Clock, chain, type Ino, type Maybe, type Random, sleep } from '#base';
import type { Attributes } from '#protocol';
import type { Entry, Vfs } from '#vfs';
import { DentryCache } from './dentry-cache.ts';
import { type Counters, KernelInode, stale } from './kernel-inode.ts';

/** Runs what the daemon does: at once, or when it may go on. */
export type Daemon = <T>(request: (vfs: Vfs) => Maybe<T>) => Promise<T>;

export interface KernelOptions {
  readonly daemon: Daemon;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * One mount in the memory of the kernel: inodes, names and counters, and the way of a request to the daemon and back.
 * A reply is written in the turn in which the daemon has it; the caller that waits for it wakes up later, and only
 * then the caches change.
 */
export class MountState implements Counters {
  readonly inodes = new Map<Ino, KernelInode>();
  readonly names = new DentryCache((inode) => this.#evict(inode));
  readonly clock: Clock;
  attributeVersion = 1;
  epoch = 0;
  /** Requests that the daemon got. */
  requests = 0;
  readonly #daemon: Daemon;
  readonly #random: Random;

  constructor({ daemon, clock, random }: KernelOptions) {
    this.#daemon = daemon;
    this.clock = clock;
    this.#random = random;
  }

  /** Sends a request and wakes up some time after its reply was written. */
  async request<T>(call: (vfs: Vfs) => Maybe<T>): Promise<T> {
    this.requests += 1;
    try {
      return await this.#daemon((vfs) => chain(call(vfs), asWritten));
    } finally {
      // Mostly at once; now and then another task runs first.
      if (below(this.#random, 6) === 0) await sleep(this.clock, below(this.#random, 64) / 128);
    }
  }

  /** The inode of a reply that lent a reference. Until the caller gives it back it stays in memory. */
  async enter(entry: Entry, since: number): Promise<KernelInode> {
    const { attributes } = entry;
    let inode = this.inodes.get(attributes.ino);
    if (inode === undefined) {
      inode = new KernelInode(attributes, this);
      this.inodes.set(attributes.ino, inode);
    }
    inode.lookups += 1;
    inode.users += 1;
    await inode.apply(attributes, this.until(entry.attributesValidMs), since);
    return inode;
  }

  /** An inode that somebody below has in hand. */
  require(ino: Ino): KernelInode {
    const inode = this.inodes.get(ino);
    if (inode === undefined) throw new Error(`the caller has given inode ${ino} back`);
    return inode;
  }

  hold(inode: KernelInode): void {
    inode.users += 1;
  }

  letGo(inode: KernelInode): void {
    inode.users -= 1;
    this.#evict(inode);
  }

  until(validMs: number): number {
    return this.clock.nowMs() + validMs;
  }

  /** fuse_update_get_attr: asks unless what matters is valid. Gives the reply, whether or not it was kept. */
  async refresh(inode: KernelInode, mask: number): Promise<Attributes> {
    if (inode.isValid(this.clock.nowMs(), mask)) return { ...inode.attributes, size: inode.size };
    const since = this.attributeVersion;
    const { attributes, attributesValidMs } = await this.request((vfs) => vfs.getattr(inode.ino));
    await inode.apply(attributes, this.until(attributesValidMs), since);
    return attributes;
  }

  /** With `default_permissions` each use of a directory needs its mode, so a directory that changed is asked for again. */
  async permission(inode: KernelInode): Promise<void> {
    await this.refresh(inode, stale.permissions);
  }

  /** fuse_dir_changed: its attributes are stale after each change in it, and so is its kept listing. */
  directoryChanged(inode: KernelInode): void {
    inode.markStale(stale.all);
    inode.directoryVersion += 1;
  }

  #evict(inode: KernelInode): void {
    if (inode.users > 0 || this.inodes.get(inode.ino) !== inode) return;
    this.inodes.delete(inode.ino);
    this.names.dropBelow(inode.ino);
    const { ino, lookups } = inode;
    // FORGET has no answer, and nobody waits for it.
    if (lookups > 0) void this.#daemon((vfs) => vfs.forget(ino, lookups));
  }
}

/** A reply as its bytes are: how long it may be believed is worked out when it is written, and not again. */
function asWritten<T>(reply: T): T {
  if (Array.isArray(reply)) return reply.map(asWritten) as T;
  if (typeof reply !== 'object' || reply === null) return reply;
  if ('entry' in reply) return { ...reply, entry: asWritten(reply.entry) };
  if (!('entryValidMs' in reply)) return reply;
  const { attributes, attributesValidMs, entryValidMs } = reply as unknown as Entry;
  return { attributes, attributesValidMs, entryValidMs } as T;
}
