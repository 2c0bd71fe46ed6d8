import { file } from '#base';

/** An open descriptor. It is closed only when nobody uses it and nobody holds it. */
export interface Descriptor<K> {
  readonly key: K;
  readonly fd: number;
  /** Calls on the thread pool that work with it. */
  users: number;
  /** How often it is lent out; a lent one does not count for the cache's limit. */
  lent: number;
  /** Was used since the cache last looked for a victim. */
  recent: boolean;
  /** Has left the cache: the last user closes it. */
  dropped: boolean;
}

/**
 * Open descriptors by key, at most `limit` that are idle: the one that goes was not used for a full round (second
 * chance), which costs a hit one store instead of a reordering.
 */
export class DescriptorCache<K> {
  readonly #limit: number;
  readonly #open = new Map<K, Descriptor<K>>();
  #lentCount = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many different descriptors are lent. */
  get lentCount(): number {
    return this.#lentCount;
  }

  get(key: K): Descriptor<K> | undefined {
    const found = this.#open.get(key);
    if (found !== undefined) found.recent = true;
    return found;
  }

  add(key: K, fd: number): Descriptor<K> {
    this.#trim(1);
    const added = { key, fd, users: 0, lent: 0, recent: false, dropped: false };
    this.#open.set(key, added);
    return added;
  }

  /** Closes up to `count` idle descriptors; returns how many it closed. */
  evict(count: number): number {
    let closed = 0;
    let looks = Math.min(2 * this.#open.size, looksMax);
    for (const [key, candidate] of this.#open) {
      if (closed === count || looks-- === 0) break;
      if (candidate.recent || candidate.users > 0 || candidate.lent > 0) {
        candidate.recent = false;
        this.#open.delete(key);
        this.#open.set(key, candidate);
      } else {
        this.drop(candidate);
        closed++;
      }
    }
    return closed;
  }

  /** Forgets a descriptor, and closes it as soon as nobody works with it. */
  drop(descriptor: Descriptor<K>): void {
    if (this.#open.get(descriptor.key) === descriptor) this.#open.delete(descriptor.key);
    if (descriptor.dropped) return;
    descriptor.dropped = true;
    if (descriptor.lent > 0) this.#lentCount--;
    if (descriptor.users === 0) file.closeFd(descriptor.fd);
  }

  /** Forgets a descriptor that nobody works with; the caller closes what is returned. */
  release(descriptor: Descriptor<K>): number {
    descriptor.users++;
    this.drop(descriptor);
    return descriptor.fd;
  }

  lend(descriptor: Descriptor<K>): void {
    if (descriptor.lent++ === 0) this.#lentCount++;
  }

  takeBack(descriptor: Descriptor<K>): void {
    if (--descriptor.lent > 0 || descriptor.dropped) return;
    this.#lentCount--;
    this.#trim(0);
  }

  /** Keeps the descriptor open while `work`, which runs on the thread pool, needs it. */
  async using<T>(descriptor: Descriptor<K>, work: (fd: number) => Promise<T>): Promise<T> {
    descriptor.users++;
    try {
      return await work(descriptor.fd);
    } finally {
      descriptor.users--;
      if (descriptor.dropped && descriptor.users === 0) file.closeFd(descriptor.fd);
      this.#trim(0);
    }
  }

  /** Makes room for `more`, as far as enough descriptors are idle. */
  #trim(more: number): void {
    const excess = this.#open.size - this.#lentCount + more - this.#limit;
    if (excess > 0) this.evict(excess);
  }

  close(): void {
    for (const descriptor of [...this.#open.values()]) this.drop(descriptor);
  }
}

/** How many candidates one eviction looks at: when most are in use, the cache rather exceeds its limit for a while. */
const looksMax = 256;
