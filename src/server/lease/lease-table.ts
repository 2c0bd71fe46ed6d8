import type { Ino } from '#base';

/** What bounds the leases. */
export interface LeaseLimits {
  /** Leases of one session, and of all: one inode in one session is one lease, whatever its kinds. */
  readonly perSession: number;
  readonly inAll: number;
}

export const leaseLimits: LeaseLimits = { perSession: 262_144, inAll: 4_194_304 };

/** A change of what a session holds on an inode, by the grant with this number or up to it. */
export interface Lease {
  readonly ino: Ino;
  /** Bits of `leases.table.ts`. */
  readonly kinds: number;
  readonly number: number;
}

/**
 * A lease in one number: the kinds below, the number of its latest grant above. Kinds are below 64, and numbers of
 * grants below 2^47.
 */
const kindsSpan = 64;

/**
 * Who holds leases on one inode: session, lease, session, lease, and so on. Nearly always one or two, which take a
 * third of the memory of a map so.
 */
type Holders = number[];

/** Which sessions may cache what: leases by inode and by session, as bits of `leases.table.ts`. */
export class LeaseTable {
  readonly #limits: LeaseLimits;
  readonly #byInode = new Map<Ino, Holders>();
  /** Each session's, the oldest first. */
  readonly #bySession = new Map<number, Set<Ino>>();
  #size = 0;

  constructor(limits: LeaseLimits = leaseLimits) {
    this.#limits = limits;
  }

  /** Adds kinds to what the session holds on the inode. */
  grant(session: number, { ino, kinds, number }: Lease): void {
    const holders = this.#byInode.get(ino);
    const at = holders === undefined ? -1 : placeOf(holders, session);
    if (at >= 0) {
      holders![at + 1] = (kindsOf(holders![at + 1]!) | kinds) + number * kindsSpan;
      return;
    }
    if (holders === undefined) this.#byInode.set(ino, [session, kinds + number * kindsSpan]);
    else holders.push(session, kinds + number * kindsSpan);
    this.#size += 1;
    const own = this.#bySession.get(session);
    if (own === undefined) this.#bySession.set(session, new Set([ino]));
    else own.add(ino);
  }

  /** Takes kinds away from what was granted to the session up to `number`. */
  drop(session: number, { ino, kinds, number }: Lease): void {
    const holders = this.#byInode.get(ino);
    const at = holders === undefined ? -1 : placeOf(holders, session);
    if (at < 0) return;
    const lease = holders![at + 1]!;
    if (numberIn(lease) > number) return;
    const left = kindsOf(lease) & ~kinds;
    if (left === 0) this.#remove(session, ino);
    else holders![at + 1] = left + numberIn(lease) * kindsSpan;
  }

  /** What a session holds on an inode. */
  heldBy(session: number, ino: Ino): number {
    return kindsOf(this.#leaseOf(session, ino));
  }

  /** The number of the latest grant of what it holds there. */
  numberOf(session: number, ino: Ino): number {
    return numberIn(this.#leaseOf(session, ino));
  }

  /** Whether a session other than `session` holds any of `kinds` on the inode. */
  isHeldByOthers(session: number, ino: Ino, kinds: number): boolean {
    const holders = this.#byInode.get(ino);
    if (holders === undefined) return false;
    for (let at = 0; at < holders.length; at += 2) {
      if (holders[at] !== session && (kindsOf(holders[at + 1]!) & kinds) !== 0) return true;
    }
    return false;
  }

  /** Sessions other than `session` that hold any of `kinds` on the inode, each with those that it holds. */
  others(session: number, ino: Ino, kinds: number): { readonly session: number; readonly kinds: number }[] {
    const holders = this.#byInode.get(ino) ?? [];
    const found: { session: number; kinds: number }[] = [];
    for (let at = 0; at < holders.length; at += 2) {
      const held = kindsOf(holders[at + 1]!) & kinds;
      if (holders[at] !== session && held !== 0) found.push({ session: holders[at]!, kinds: held });
    }
    return found;
  }

  endSession(session: number): void {
    for (const ino of this.#bySession.get(session) ?? []) this.#remove(session, ino);
    this.#bySession.delete(session);
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

  #leaseOf(session: number, ino: Ino): number {
    const holders = this.#byInode.get(ino);
    const at = holders === undefined ? -1 : placeOf(holders, session);
    return at < 0 ? 0 : holders![at + 1]!;
  }

  #remove(session: number, ino: Ino): void {
    const holders = this.#byInode.get(ino)!;
    if (holders.length === 2) this.#byInode.delete(ino);
    else holders.splice(placeOf(holders, session), 2);
    this.#size -= 1;
    const own = this.#bySession.get(session);
    own?.delete(ino);
    if (own?.size === 0) this.#bySession.delete(session);
  }
}

function placeOf(holders: Holders, session: number): number {
  for (let at = 0; at < holders.length; at += 2) if (holders[at] === session) return at;
  return -1;
}

function kindsOf(lease: number): number {
  return lease % kindsSpan;
}

function numberIn(lease: number): number {
  return Math.floor(lease / kindsSpan);
}
