import { fail, type Ino } from '#base';
import type { HeldLock, LockRange, LockRequest } from '#protocol';
import { type HeldRange, InodeLocks, isSameOwner, type LockOwner } from './inode-locks.ts';

/** What a session may hold, and have waiting. */
const heldMax = 65_536;
const waitingMax = 4096;
/** How many requests that were granted late a session is remembered for, in case it cancels one. */
const grantedMax = 1024;

interface Waiting extends LockOwner {
  readonly ino: Ino;
  readonly lock: LockRange;
  readonly request: number;
}

/** One session's part of the table. */
interface Share {
  /** Inodes on which it holds locks, with how many; and how many in all. */
  readonly inos: Map<Ino, number>;
  held: number;
  readonly waiting: Map<number, Waiting>;
  /** Requests that got their lock after waiting, the latest ones. */
  readonly granted: Set<number>;
}

/**
 * All locks of a volume: flock(2), fcntl(2) and open file description locks of every session. Nothing in here waits:
 * a request that has to is queued, and `granted` is told when it has its lock. Those that wait for one inode get it in
 * the order in which they came; a request that nobody stands in the way of waits for no one, as in Linux.
 */
export class LockTable {
  readonly #inodes = new Map<Ino, InodeLocks>();
  /** Those that wait for a lock of an inode, the first first. */
  readonly #queues = new Map<Ino, Waiting[]>();
  readonly #shares = new Map<number, Share>();
  readonly #granted: (session: number, request: number) => void;

  constructor(granted: (session: number, request: number) => void) {
    this.#granted = granted;
  }

  /**
   * Sets or changes a lock; `queued` when somebody stands in the way and the request may wait. Asked again with the
   * same number it answers what has become of it. Fails with `wouldBlock`, with `deadlock` where waiting would never
   * end (range locks only), with `noLocks` when the session has too many.
   */
  lock(session: number, { ino, lock, wait, request }: LockRequest): 'granted' | 'queued' {
    const asker: LockOwner = { session, owner: lock.owner };
    const share = this.#share(session);
    if (share.waiting.has(request)) return 'queued';
    if (share.granted.delete(request)) return 'granted';
    if (lock.type === 'flock') this.#leaveOldFlock(ino, asker, lock);
    const conflict = this.#inodes.get(ino)?.conflict(asker, lock);
    if (conflict === undefined) {
      this.#set(asker, ino, lock);
      // Where it has become less, others may have their turn.
      this.#serve(ino);
      return 'granted';
    }
    if (!wait) fail('wouldBlock', `inode ${ino} is locked by session ${conflict.session}`);
    if (share.waiting.size >= waitingMax) fail('noLocks', `session ${session} waits for ${waitingMax} locks`);
    const waiting: Waiting = { ...asker, ino, lock, request };
    if (lock.type === 'range' && this.#closesCircle(waiting)) {
      fail('deadlock', `inode ${ino}: its lock is held by somebody who waits for this owner`);
    }
    share.waiting.set(request, waiting);
    const queue = this.#queues.get(ino);
    if (queue === undefined) this.#queues.set(ino, [waiting]);
    else queue.push(waiting);
    return 'queued';
  }

  /** A request waits no longer. Whether it had its lock already: then it has it still. */
  cancel(session: number, request: number): { granted: boolean } {
    const share = this.#share(session);
    const waiting = share.waiting.get(request);
    if (waiting === undefined) return { granted: share.granted.delete(request) };
    this.#dequeue(waiting);
    return { granted: false };
  }

  /** Gives up a range of what an owner holds. */
  unlock(session: number, ino: Ino, lock: LockRange): void {
    const locks = this.#inodes.get(ino);
    if (locks === undefined) return;
    locks.remove({ session, owner: lock.owner }, lock);
    this.#recount(session, ino, locks);
    this.#serve(ino);
  }

  /** F_GETLK: the lock that stands in the way; its pid is 0 when it is of another session. */
  test(session: number, ino: Ino, lock: LockRange): LockRange | undefined {
    const conflict = this.#inodes.get(ino)?.conflict({ session, owner: lock.owner }, lock);
    if (conflict === undefined) return undefined;
    const { owner, exclusive, start, end } = conflict;
    return { type: lock.type, owner, exclusive, start, end, pid: conflict.session === session ? conflict.pid : 0 };
  }

  /** Sets a lock that the session had before the server started anew. False when somebody else has it now. */
  reclaim(session: number, { ino, lock }: HeldLock): boolean {
    const asker: LockOwner = { session, owner: lock.owner };
    if (this.#inodes.get(ino)?.conflict(asker, lock) !== undefined) return false;
    this.#set(asker, ino, lock);
    return true;
  }

  /** All that a session holds and waits for is gone. */
  endSession(session: number): void {
    const share = this.#shares.get(session);
    if (share === undefined) return;
    for (const waiting of share.waiting.values()) this.#dequeue(waiting);
    this.#shares.delete(session);
    for (const ino of share.inos.keys()) {
      const locks = this.#inodes.get(ino)!;
      locks.removeSession(session);
      if (locks.isEmpty) this.#inodes.delete(ino);
      this.#serve(ino);
    }
  }

  /** How many locks a session holds. */
  heldBy(session: number): number {
    return this.#shares.get(session)?.held ?? 0;
  }

  /** How many requests of a session wait. */
  waitingOf(session: number): number {
    return this.#shares.get(session)?.waiting.size ?? 0;
  }

  #share(session: number): Share {
    let share = this.#shares.get(session);
    if (share === undefined) {
      share = { inos: new Map(), held: 0, waiting: new Map(), granted: new Set() };
      this.#shares.set(session, share);
    }
    return share;
  }

  #set(asker: LockOwner, ino: Ino, lock: LockRange): void {
    if (this.heldBy(asker.session) >= heldMax) fail('noLocks', `session ${asker.session} holds ${heldMax} locks`);
    let locks = this.#inodes.get(ino);
    if (locks === undefined) {
      locks = new InodeLocks();
      this.#inodes.set(ino, locks);
    }
    locks.set(asker, lock);
    this.#recount(asker.session, ino, locks);
  }

  /** flock(2) is not changed but given up and asked for anew: others may come in between, and without waiting it is lost. */
  #leaveOldFlock(ino: Ino, asker: LockOwner, lock: LockRange): void {
    const held = this.#inodes.get(ino)?.flockOf(asker);
    if (held !== undefined && held.exclusive !== lock.exclusive) this.unlock(asker.session, ino, lock);
  }

  /** Gives those that wait for the inode what nobody stands in the way of any more, in their order. */
  #serve(ino: Ino): void {
    const queue = this.#queues.get(ino);
    if (queue === undefined) return;
    for (const waiting of [...queue]) {
      if (this.#inodes.get(ino)?.conflict(waiting, waiting.lock) !== undefined) continue;
      this.#dequeue(waiting);
      this.#set(waiting, ino, waiting.lock);
      const { granted } = this.#share(waiting.session);
      granted.add(waiting.request);
      if (granted.size > grantedMax) granted.delete(granted.values().next().value!);
      this.#granted(waiting.session, waiting.request);
    }
  }

  #dequeue(waiting: Waiting): void {
    this.#shares.get(waiting.session)?.waiting.delete(waiting.request);
    const queue = this.#queues.get(waiting.ino);
    const at = queue?.indexOf(waiting) ?? -1;
    if (at >= 0) queue!.splice(at, 1);
    if (queue?.length === 0) this.#queues.delete(waiting.ino);
  }

  /** A session's counts follow what the inode's locks are now. */
  #recount(session: number, ino: Ino, locks: InodeLocks): void {
    const share = this.#share(session);
    const count = locks.countOf(session);
    share.held += count - (share.inos.get(ino) ?? 0);
    if (count === 0) share.inos.delete(ino);
    else share.inos.set(ino, count);
    if (locks.isEmpty) this.#inodes.delete(ino);
  }

  /** Whether some holder in the way of `first` waits, over however many others, for its owner. */
  #closesCircle(first: Waiting): boolean {
    const seen = new Set<string>();
    const next: Waiting[] = [first];
    for (let waiting = next.pop(); waiting !== undefined; waiting = next.pop()) {
      for (const held of this.#inodes.get(waiting.ino)?.conflictsOf(waiting, waiting.lock) ?? []) {
        if (isSameOwner(held, first)) return true;
        const name = `${held.session} ${held.owner}`;
        if (seen.has(name)) continue;
        seen.add(name);
        next.push(...this.#waitsOf(held));
      }
    }
    return false;
  }

  /** The range locks that an owner waits for: several, when its threads do. */
  #waitsOf({ session, owner }: HeldRange): Waiting[] {
    const waiting = this.#shares.get(session)?.waiting.values() ?? [];
    return [...waiting].filter((one) => one.owner === owner && one.lock.type === 'range');
  }
}
