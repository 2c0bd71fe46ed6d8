import type { ByteString, Clock, Ino } from '#base';
import type { RecalledLease } from '#protocol';
import type { LeaseTable } from './lease-table.ts';

/** What a change ends of others' leases on one object. */
export interface Break {
  readonly ino: Ino;
  /** Bits of `leases.table.ts`. */
  readonly kinds: number;
  /** Of `entries`: the only name that changes. */
  readonly name: ByteString | undefined;
}

/** How recalls reach a session. */
export interface Holder {
  /** Whether changes wait for its returns. */
  readonly isAwaited: boolean;
  recall(leases: RecalledLease[], awaited: boolean): void;
}

export interface RecallsOptions {
  readonly clock: Clock;
  readonly leases: LeaseTable;
  readonly holderOf: (session: number) => Holder | undefined;
  /** So long a holder that is heard of may keep what was recalled. */
  readonly patienceMs: number;
  /** Somebody's leases on the inode are taken back. */
  readonly recalled: (ino: Ino) => void;
  /** A holder has kept something for too long. */
  readonly overdue: (session: number) => void;
}

/** A holder that goes on flushing is waited for so many times as long. */
const extensionsMax = 4;

interface Pending {
  kinds: number;
  name: ByteString | undefined;
  untilMs: number;
  readonly lastMs: number;
  readonly waiting: (() => void)[];
}

/**
 * Takes leases back. A recall of a session that is awaited lasts until the session has returned what was recalled, or
 * is over; while the session cannot be reached it waits to be said again.
 */
export class Recalls {
  readonly #options: RecallsOptions;
  readonly #leases: LeaseTable;
  /** By session and inode, what has not been returned. */
  readonly #pending = new Map<number, Map<Ino, Pending>>();

  constructor(options: RecallsOptions) {
    this.#options = options;
    this.#leases = options.leases;
  }

  /** Whether others hold what `end` would end. */
  areNeeded(session: number, breaks: readonly Break[]): boolean {
    for (const { ino, kinds } of breaks) if (this.#leases.isHeldByOthers(session, ino, kinds)) return true;
    return false;
  }

  /** Ends others' leases; a promise where somebody must be waited for. Told to each session in one message. */
  end(session: number, breaks: readonly Break[]): undefined | Promise<unknown> {
    const bySession = new Map<number, Break[]>();
    for (const { ino, kinds, name } of breaks) {
      if (!this.#leases.isHeldByOthers(session, ino, kinds)) continue;
      this.#options.recalled(ino);
      for (const { session: holder, kinds: held } of this.#leases.others(session, ino, kinds)) {
        const broken = { ino, kinds: held, name };
        const list = bySession.get(holder);
        if (list === undefined) bySession.set(holder, [broken]);
        else list.push(broken);
      }
    }
    const returns: Promise<void>[] = [];
    for (const [holder, broken] of bySession) this.#recall(holder, broken, returns);
    return returns.length === 0 ? undefined : Promise.all(returns);
  }

  /** Recalls a session's oldest leases; whoever only wants room does not wait for the returns. */
  shrink(session: number, count: number): Promise<unknown> {
    const oldest: Break[] = [];
    for (const ino of this.#leases.oldestOf(session, count)) {
      if (!this.isPending(session, ino))
        oldest.push({ ino, kinds: this.#leases.heldBy(session, ino), name: undefined });
    }
    const returns: Promise<void>[] = [];
    if (oldest.length > 0) this.#recall(session, oldest, returns);
    return Promise.all(returns);
  }

  /** Whether the session was asked for something on the inode and has not returned it: it gets nothing new there. */
  isPending(session: number, ino: Ino): boolean {
    return this.#pending.size > 0 && (this.#pending.get(session)?.has(ino) ?? false);
  }

  /** The session drops these: recalled, or given up unasked. */
  returned(session: number, lease: { ino: Ino; kinds: number; number: number }): void {
    this.#leases.drop(session, lease);
    const ofSession = this.#pending.get(session);
    const pending = ofSession?.get(lease.ino);
    if (ofSession === undefined || pending === undefined) return;
    pending.kinds &= this.#leases.heldBy(session, lease.ino);
    if (pending.kinds === 0) this.#settle(session, ofSession, lease.ino, pending);
  }

  /** The holder needs longer. */
  extend(session: number, ino: Ino): void {
    const pending = this.#pending.get(session)?.get(ino);
    if (pending === undefined) return;
    const { clock, patienceMs } = this.#options;
    pending.untilMs = Math.min(Math.max(pending.untilMs, clock.nowMs() + patienceMs), pending.lastMs);
  }

  /** The session listens anew: what it may not have heard is said again. */
  repeat(session: number): void {
    const pending = this.#pending.get(session);
    if (pending === undefined) return;
    for (const ino of pending.keys()) this.extend(session, ino);
    const recalled = [...pending].map(([ino, { kinds, name }]) => this.#recalled(session, { ino, kinds, name }));
    this.#options.holderOf(session)?.recall(recalled, true);
  }

  /** The session is over, and with it what it held. */
  endSession(session: number): void {
    this.#leases.endSession(session);
    const ofSession = this.#pending.get(session);
    this.#pending.delete(session);
    for (const { waiting } of ofSession?.values() ?? []) for (const goOn of waiting) goOn();
  }

  /** Tells of holders that have kept something for too long. */
  sweep(): void {
    const nowMs = this.#options.clock.nowMs();
    for (const [session, pending] of this.#pending) {
      for (const { untilMs } of pending.values()) {
        if (nowMs < untilMs) continue;
        this.#options.overdue(session);
        break;
      }
    }
  }

  #recall(session: number, breaks: readonly Break[], returns: Promise<void>[]): void {
    const holder = this.#options.holderOf(session);
    const fresh: RecalledLease[] = [];
    for (const broken of breaks) {
      if (holder === undefined || !holder.isAwaited) {
        fresh.push(this.#recalled(session, broken));
        this.#leases.drop(session, { ...broken, number: Number.MAX_SAFE_INTEGER });
        continue;
      }
      if (this.#add(session, broken, returns)) fresh.push(this.#recalled(session, broken));
    }
    if (fresh.length > 0) holder?.recall(fresh, holder.isAwaited);
  }

  /** Whether that asks for more than was asked for before. */
  #add(session: number, { ino, kinds, name }: Break, returns: Promise<void>[]): boolean {
    let ofSession = this.#pending.get(session);
    if (ofSession === undefined) {
      ofSession = new Map();
      this.#pending.set(session, ofSession);
    }
    let pending = ofSession.get(ino);
    const isNew = pending === undefined || (kinds & ~pending.kinds) !== 0 || pending.name !== name;
    if (pending === undefined) {
      const { clock, patienceMs } = this.#options;
      const nowMs = clock.nowMs();
      const lastMs = nowMs + extensionsMax * patienceMs;
      pending = { kinds, name, untilMs: nowMs + patienceMs, lastMs, waiting: [] };
      ofSession.set(ino, pending);
    } else {
      pending.kinds |= kinds;
      if (pending.name !== name) pending.name = undefined;
    }
    const { waiting } = pending;
    returns.push(new Promise((goOn) => void waiting.push(goOn)));
    return isNew;
  }

  #recalled(session: number, { ino, kinds, name }: Break): RecalledLease {
    return { ino, kinds, name, number: this.#leases.numberOf(session, ino) };
  }

  #settle(session: number, ofSession: Map<Ino, Pending>, ino: Ino, { waiting }: Pending): void {
    ofSession.delete(ino);
    if (ofSession.size === 0) this.#pending.delete(session);
    for (const goOn of waiting) goOn();
  }
}
