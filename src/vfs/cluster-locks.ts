import { type Clock, FsError, type Ino, sleep } from '#base';
import type { HeldLock, LockRange, SessionCallName, SessionReplyOf, SessionRequestOf } from '#protocol';
import { HeldRanges } from './held-ranges.ts';

/** The session, as far as locks call it. */
export interface LockSession {
  sessionCall<N extends SessionCallName>(
    name: N,
    request: SessionRequestOf<N>,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<SessionReplyOf<N>>;
}

interface WaitingLock {
  readonly ino: Ino;
  readonly lock: LockRange;
  readonly granted: () => void;
  readonly failed: (error: unknown) => void;
}

/** How long an interrupted wait waits for the server to say whether the lock was granted meanwhile. */
const farewellMs = 1000;
/** Blocking lock requests of one mount under way; one more fails with `noLocks`. */
const waitingMax = 65_536;

/**
 * The locks of a mount (flock, fcntl and OFD), which the server arbitrates among all. They are held by the session,
 * and remembered here to reclaim them from a server that started anew.
 */
export class ClusterLocks {
  readonly #session: LockSession;
  readonly #clock: Clock;
  readonly #held = new HeldRanges();
  readonly #waiting = new Map<number, WaitingLock>();
  #next = 1;

  constructor(session: LockSession, clock: Clock) {
    this.#session = session;
    this.#clock = clock;
  }

  /**
   * Sets a lock. Fails with `wouldBlock` where another conflicts; with `wait` it waits, and fails with `deadlock`
   * where that would never end and with `cancelled` when `signal` aborts first.
   */
  async set(ino: Ino, lock: LockRange, options: { wait: boolean; signal?: AbortSignal | undefined }): Promise<void> {
    const request = this.#next++;
    if (!options.wait) {
      await this.#session.sessionCall('lock', { ino, lock, wait: false, request }, options);
      this.#held.add(ino, lock);
      return;
    }
    if (this.#waiting.size >= waitingMax) throw new FsError('noLocks', `${waitingMax} lock requests wait`);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    promise.catch(() => undefined);
    const cancel = (): void => void this.#cancel(request);
    this.#waiting.set(request, { ino, lock, granted: resolve, failed: reject });
    options.signal?.addEventListener('abort', cancel);
    if (options.signal?.aborted) cancel();
    this.#request(request);
    try {
      await promise;
      this.#held.add(ino, lock);
    } finally {
      options.signal?.removeEventListener('abort', cancel);
      this.#waiting.delete(request);
    }
  }

  /** The lock that conflicts, if any. */
  test(ino: Ino, lock: LockRange): Promise<LockRange | undefined> {
    return this.#session.sessionCall('testLock', { ino, lock });
  }

  async unlock(ino: Ino, lock: LockRange): Promise<void> {
    if (!this.#held.has(ino, lock)) return;
    await this.#session.sessionCall('unlock', { ino, lock });
    this.#held.remove(ino, lock);
  }

  /** All that `owner` has on an inode; costs nothing where that is nothing. */
  async unlockAll(ino: Ino, type: LockRange['type'], owner: string): Promise<void> {
    await this.unlock(ino, { type, owner, exclusive: false, start: 0, end: Number.MAX_SAFE_INTEGER, pid: 0 });
  }

  list(): HeldLock[] {
    return this.#held.list();
  }

  // ---- what the session tells ----

  granted(request: number): void {
    this.#waiting.get(request)?.granted();
  }

  /** A push may have been lost, and so may the queue: those who wait ask again. */
  reattached(): void {
    for (const request of this.#waiting.keys()) this.#request(request);
  }

  reclaimed(lost: readonly HeldLock[]): void {
    for (const { ino, lock } of lost) this.#held.remove(ino, lock);
    this.reattached();
  }

  /** The session is gone, and all locks with it. */
  lost(): void {
    this.#held.clear();
    for (const { failed } of this.#waiting.values()) failed(new FsError('io', 'the session was lost'));
  }

  #request(request: number): void {
    const waiting = this.#waiting.get(request);
    if (waiting === undefined) return;
    const { ino, lock, granted, failed } = waiting;
    this.#session.sessionCall('lock', { ino, lock, wait: true, request }).then((outcome) => {
      if (outcome === 'granted') granted();
    }, failed);
  }

  /**
   * The caller was interrupted. The server's answer decides: a lock that was granted meanwhile is the caller's, and
   * otherwise nobody stands in the queue any more. Where the server is far away the caller goes without it, and a
   * lock that turns out to have been granted is given up.
   */
  async #cancel(request: number): Promise<void> {
    const waiting = this.#waiting.get(request);
    if (waiting === undefined) return;
    const interrupted = new FsError('cancelled', 'the wait for a lock was interrupted');
    let isGone = false;
    void sleep(this.#clock, farewellMs).then(() => {
      isGone = true;
      waiting.failed(interrupted);
    });
    const { ino, lock } = waiting;
    try {
      const { granted } = await this.#session.sessionCall('cancelLock', { request });
      if (!granted) waiting.failed(interrupted);
      else if (!isGone) waiting.granted();
      else await this.#session.sessionCall('unlock', { ino, lock });
    } catch (error) {
      // A session that is lost holds no locks.
      waiting.failed(interrupted);
      if (!(error instanceof FsError)) throw error;
    }
  }
}
