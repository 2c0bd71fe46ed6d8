import type { LockRange } from '#protocol';

/** Who holds or wants a lock: the owner that a session's kernel named. */
export interface LockOwner {
  readonly session: number;
  readonly owner: string;
}

export interface HeldRange extends LockOwner {
  readonly exclusive: boolean;
  /** Bytes, both included. */
  readonly start: number;
  readonly end: number;
  readonly pid: number;
}

/**
 * The locks that are held on one inode, as fcntl(2) and flock(2) of Linux have them. Locks of the two types do not see
 * each other. One owner's locks of a type never overlap: a new one replaces what it covers of the old.
 */
export class InodeLocks {
  readonly #ranges: HeldRange[] = [];
  readonly #flocks: HeldRange[] = [];

  get isEmpty(): boolean {
    return this.#ranges.length + this.#flocks.length === 0;
  }

  /** How many locks a session holds here. */
  countOf(session: number): number {
    let count = 0;
    for (const list of [this.#ranges, this.#flocks]) for (const held of list) if (held.session === session) count++;
    return count;
  }

  /** The first lock of somebody else that stands in the way; undefined when there is none. */
  conflict(asker: LockOwner, lock: LockRange): HeldRange | undefined {
    return this.#of(lock.type).find((held) => !isSameOwner(held, asker) && conflicts(held, lock));
  }

  /** All of them: whoever waits for the lock waits for each. */
  *conflictsOf(asker: LockOwner, lock: LockRange): Iterable<HeldRange> {
    for (const held of this.#of(lock.type)) {
      if (!isSameOwner(held, asker) && conflicts(held, lock)) yield held;
    }
  }

  /** Sets a lock that nobody stands in the way of. */
  set(asker: LockOwner, lock: LockRange): void {
    const { exclusive, pid } = lock;
    const mine = { session: asker.session, owner: asker.owner, exclusive, pid };
    let { start, end } = spanOf(lock);
    this.remove(asker, lock);
    const list = this.#of(lock.type);
    // What touches it and is of its kind becomes one with it.
    for (let at = list.length - 1; at >= 0; at--) {
      const held = list[at]!;
      if (!isSameOwner(held, asker) || held.exclusive !== exclusive) continue;
      if (held.end + 1 !== start && end + 1 !== held.start) continue;
      start = Math.min(start, held.start);
      end = Math.max(end, held.end);
      list.splice(at, 1);
    }
    list.push({ ...mine, start, end });
  }

  /** Takes the range away from what the owner holds; the rest of it stays. */
  remove(asker: LockOwner, lock: LockRange): void {
    const list = this.#of(lock.type);
    const { start, end } = spanOf(lock);
    for (let at = list.length - 1; at >= 0; at--) {
      const held = list[at]!;
      if (!isSameOwner(held, asker) || held.end < start || end < held.start) continue;
      const rest: HeldRange[] = [];
      if (held.start < start) rest.push({ ...held, end: start - 1 });
      if (held.end > end) rest.push({ ...held, start: end + 1 });
      list.splice(at, 1, ...rest);
    }
  }

  /** Whether the owner holds a flock, and of which kind. */
  flockOf(asker: LockOwner): HeldRange | undefined {
    return this.#flocks.find((held) => isSameOwner(held, asker));
  }

  removeSession(session: number): void {
    for (const list of [this.#ranges, this.#flocks]) {
      for (let at = list.length - 1; at >= 0; at--) if (list[at]!.session === session) list.splice(at, 1);
    }
  }

  #of(type: LockRange['type']): HeldRange[] {
    return type === 'range' ? this.#ranges : this.#flocks;
  }
}

export function isSameOwner(a: LockOwner, b: LockOwner): boolean {
  return a.session === b.session && a.owner === b.owner;
}

function conflicts(held: HeldRange, wanted: LockRange): boolean {
  const { start, end } = spanOf(wanted);
  return (held.exclusive || wanted.exclusive) && held.start <= end && start <= held.end;
}

/** flock(2) knows whole files only. */
function spanOf(lock: LockRange): { start: number; end: number } {
  return lock.type === 'flock' ? { start: 0, end: Number.MAX_SAFE_INTEGER } : lock;
}
