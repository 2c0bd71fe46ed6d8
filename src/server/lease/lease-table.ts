import type { Ino } from '#base';

/** What bounds the leases. */
export interface LeaseLimits {
  /** Leases of one session, and of all: one inode in one session is one lease, whatever its kinds. */
  readonly perSession: number;
  readonly inAll: number;
}

export const leaseLimits: LeaseLimits = { perSession: 262_144, inAll: 4_194_304 };

/**
 * A lease in one number: the kinds below, the number of its latest grant above. Kinds are below 64, and numbers of
 * grants below 2^47.
 */
const kindsSpan = 64;

/** Which sessions may cache what: leases by inode and by session, as bits of `leases.table.ts`. */
export class LeaseTable {
  readonly #limits: LeaseLimits;
  readonly #byInode = new Map<Ino, Map<number, number>>();
  /** Each session's, the oldest first. */
  readonly #bySession = new Map<number, Set<Ino>>();
  #size = 0;

  constructor(limits: LeaseLimits = leaseLimits) {
    this.#limits = limits;
  }

  /** Adds kinds to what the session holds on the inode, by the grant with this number. */
  grant(session: number, { ino, kinds, number }: { ino: Ino; kinds: number; number: number }): void {
    let holders = this.#byInode.get(ino);
    if (holders === undefined) {
      holders = new Map();
      this.#byInode.set(ino, holders);
    }
    const lease = holders.get(session);
    if (lease === undefined) {
      this.#size += 1;
      const own = this.#bySession.get(session);
      if (own === undefined) this.#bySession.set(session, new Set([ino]));
      else own.add(ino);
    }
    holders.set(session, (((lease ?? 0) % kindsSpan) | kinds) + number * kindsSpan);
  }

  /** Takes kinds away from what was granted to the session up to `number`. */
  drop(session: number, { ino, kinds, number }: { ino: Ino; kinds: number; number: number }): void {
    const holders = this.#byInode.get(ino);
    const lease = holders?.get(session);
    if (holders === undefined || lease === undefined || numberOf(lease) > number) return;
    const left = (lease % kindsSpan) & ~kinds;
    if (left === 0) this.#remove(session, ino, holders);
    else holders.set(session, left + numberOf(lease) * kindsSpan);
  }

  /** What a session holds on an inode. */
  heldBy(session: number, ino: Ino): number {
    return (this.#byInode.get(ino)?.get(session) ?? 0) % kindsSpan;
  }

  /** The number of the latest grant of what it holds there. */
  numberOf(session: number, ino: Ino): number {
    return numberOf(this.#byInode.get(ino)?.get(session) ?? 0);
  }

  /** Whether a session other than `session` holds any of `kinds` on the inode. */
  isHeldByOthers(session: number, ino: Ino, kinds: number): boolean {
    const holders = this.#byInode.get(ino);
    if (holders === undefined) return false;
    for (const [holder, lease] of holders) if (holder !== session && ((lease % kindsSpan) & kinds) !== 0) return true;
    return false;
  }

  /** Sessions other than `session` that hold any of `kinds` on the inode, each with those that it holds. */
  *others(session: number, ino: Ino, kinds: number): Iterable<readonly [session: number, kinds: number]> {
    for (const [holder, lease] of this.#byInode.get(ino) ?? []) {
      const held = (lease % kindsSpan) & kinds;
      if (holder !== session && held !== 0) yield [holder, held];
    }
  }

  endSession(session: number): void {
    for (const ino of this.#bySession.get(session) ?? []) this.#remove(session, ino, this.#byInode.get(ino)!);
    this.#bySession.delete(session);
  }

  /** Nobody can ask for the inode any more. */
  forget(ino: Ino): void {
    const holders = this.#byInode.get(ino);
    for (const session of holders?.keys() ?? []) this.#remove(session, ino, holders!);
  }

  countOf(session: number): number {
    return this.#bySession.get(session)?.size ?? 0;
  }

  get size(): number {
    return this.#size;
  }

  /** The session that should give up its oldest leases, now that `session` was granted more; undefined: none. */
  tooLarge(session: number): number | undefined {
    if (this.countOf(session) > this.#limits.perSession) return session;
    if (this.#size <= this.#limits.inAll) return undefined;
    let largest = session;
    for (const [other, own] of this.#bySession) if (own.size > this.countOf(largest)) largest = other;
    return largest;
  }

  /** A session's oldest leases. */
  oldestOf(session: number, count: number): Ino[] {
    const oldest: Ino[] = [];
    for (const ino of this.#bySession.get(session) ?? []) {
      if (oldest.length === count) break;
      oldest.push(ino);
    }
    return oldest;
  }

  #remove(session: number, ino: Ino, holders: Map<number, number>): void {
    holders.delete(session);
    if (holders.size === 0) this.#byInode.delete(ino);
    this.#size -= 1;
    const own = this.#bySession.get(session);
    own?.delete(ino);
    if (own?.size === 0) this.#bySession.delete(session);
  }
}

function numberOf(lease: number): number {
  return Math.floor(lease / kindsSpan);
}
