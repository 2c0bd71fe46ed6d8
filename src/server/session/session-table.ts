import { timingSafeEqual } from 'node:crypto';
import { type ByteString, type Clock, fail, sleep, type Timer } from '#base';
import { type CreateSessionRequest, pushes } from '#protocol';
import type { Peer } from '#transport';
import { encodeNumber } from '../meta/ino-allocator.ts';
import { key, readU64 } from '../meta/keys.ts';
import type { Volume } from '../volume.ts';
import { Epoch, numberIn } from './epoch.ts';
import { Grace } from './grace.ts';
import { Session } from './session.ts';
import { decodeSession, encodeSession, type SessionRecord } from './session-record.ts';
import { type SessionView, wholeVolume } from './session-view.ts';

/** Sessions of one volume at a time. */
const sessionsMax = 10_000;
const secretBytes = 16;
/** So many times the TTL may those that were there before take to reclaim, however often they renew. */
const graceTtlsMax = 3;
/** Sessions are looked through so often within a TTL: one timer for all. */
const sweepsPerTtl = 32;

export interface SessionTableOptions {
  readonly ttlMs: number;
  /** Whether the session holds anything that others wait for, or could be given. */
  readonly holdsSomething: (session: Session) => boolean;
  /** The session is durably over: takes away all that it held. */
  readonly ended: (session: Session) => Promise<void>;
  /** Is told in a sentence what people should know. */
  readonly onNews: (sentence: string) => void;
  /** A connection of the session broke, and others are left. */
  readonly peerLost: (session: Session) => void;
  /** Called with each look through the sessions. */
  readonly swept: () => void;
}

/** The sessions of a volume: created, attached to connections, renewed by calls, and ended when they are silent. */
export class SessionTable {
  readonly epoch: Epoch;
  readonly grace: Grace;
  readonly ttlMs: number;
  readonly #volume: Volume;
  readonly #clock: Clock;
  readonly #options: SessionTableOptions;
  readonly #sessions = new Map<number, Session>();
  readonly #byPeer = new WeakMap<Peer, Session>();
  /** Connections whose end is listened for, once however often they attach. */
  readonly #watched = new WeakSet<Peer>();
  readonly #sweepMs: number;
  #timer: Timer | undefined;
  readonly #startedAtMs: number;
  #sweptAtMs: number;
  /** Until then nobody is taken for silent: the server itself was. */
  #mercyUntilMs = 0;
  #isClosed = false;

  private constructor(volume: Volume, epoch: Epoch, records: readonly SessionRecord[], options: SessionTableOptions) {
    this.epoch = epoch;
    this.ttlMs = options.ttlMs;
    this.#volume = volume;
    this.#clock = volume.clock;
    this.#options = options;
    this.#sweepMs = Math.max(1, Math.floor(options.ttlMs / sweepsPerTtl));
    const nowMs = this.#clock.nowMs();
    this.#startedAtMs = nowMs;
    this.#sweptAtMs = nowMs;
    for (const record of records) {
      this.#sessions.set(record.session, new Session(record, wholeVolume, { nowMs, mustReclaim: true }));
    }
    this.grace = new Grace(this.#sessions.keys());
    this.#sweepLater();
  }

  /** Begins a new epoch with the sessions that the store knows. Fails as the store does, and with `corrupted`. */
  static async start(volume: Volume, options: SessionTableOptions): Promise<SessionTable> {
    const records: SessionRecord[] = [];
    for await (const pair of volume.store.scan('S')) records.push(decodeSession(readU64(pair.key, 1), pair.value));
    return new SessionTable(volume, await Epoch.begin(volume.store), records, options);
  }

  /** A new session that `peer` speaks for, durable. Fails with `tooManyOpenSystem`. */
  async create(peer: Peer, request: CreateSessionRequest, view: SessionView): Promise<Session> {
    if (this.#sessions.size >= sessionsMax) fail('tooManyOpenSystem', `${sessionsMax} sessions are there`);
    const { random, store } = this.#volume;
    this.#clock.readWall();
    const facts = {
      ...request,
      secret: secretOf(Array.from({ length: secretBytes / 4 }, () => random.u32())),
      identity: peer.identity ?? null,
      createdSec: this.#clock.wallSec,
    };
    const record = await store.transact((tx) => {
      const session = numberIn(tx, 'lastSession') + 1;
      tx.put(key.volume('lastSession'), encodeNumber(session));
      const record: SessionRecord = { session, ...facts };
      tx.put(key.session(session), encodeSession(record));
      return record;
    });
    const session = new Session(record, view, { nowMs: this.#clock.nowMs(), mustReclaim: false });
    this.#sessions.set(session.id, session);
    await store.flush();
    session.lastHeardMs = this.#clock.nowMs();
    this.#bind(peer, session);
    return session;
  }

  /** The session with this number, if `secret` proves that the asker may speak for it. */
  proven(id: number, secret: ByteString): Session | undefined {
    const session = this.#sessions.get(id);
    if (session === undefined || session.isOver) return undefined;
    const known = Buffer.from(session.record.secret, 'hex');
    const given = Buffer.from(secret, 'latin1');
    return given.length === known.length && timingSafeEqual(given, known) ? session : undefined;
  }

  /** From now on `peer` speaks for the session. */
  attach(peer: Peer, session: Session, view: SessionView): void {
    session.view = view;
    session.lastHeardMs = this.#clock.nowMs();
    this.#bind(peer, session);
  }

  /** The session that the connection speaks for, which this renews; fails with `stale` when there is none. */
  renewed(peer: Peer, id: number): Session {
    const session = this.#byPeer.get(peer);
    if (session === undefined || session.isOver || (id !== 0 && session.id !== id)) {
      return fail('stale', `session ${id} is over, or the connection does not speak for it`);
    }
    session.lastHeardMs = this.#clock.nowMs();
    return session;
  }

  get(id: number): Session | undefined {
    return this.#sessions.get(id);
  }

  get all(): Iterable<Session> {
    return this.#sessions.values();
  }

  get count(): number {
    return this.#sessions.size;
  }

  /**
   * Ends the session: its calls fail from now on. What it held is taken away once its client believes in nothing any
   * more, which is at once when the client has ended it itself, and when no crash can bring it back. Resolves then.
   * Idempotent.
   */
  async end(session: Session, reason: string, by: 'client' | 'server' = 'server'): Promise<void> {
    if (session.isOver) return;
    session.end();
    session.push(pushes.sessionEnded.code, { reason });
    for (const peer of session.peers) this.#byPeer.delete(peer);
    if (by === 'server' && this.#options.holdsSomething(session)) await this.#outlive(session);
    // The next server of the volume finds it, and waits for it.
    if (this.#isClosed) return;
    const { store } = this.#volume;
    try {
      await store.transact((tx) => tx.delete(key.session(session.id)));
      await store.flush();
    } catch (error) {
      // A store that takes nothing must not keep all others waiting for what a dead client held.
      this.#options.onNews(`session ${session.id}: its end could not be stored: ${error}`);
    }
    this.#sessions.delete(session.id);
    await this.#options.ended(session);
    this.grace.done(session.id);
  }

  /** Whether the client has heard of the end or not, a TTL after its last call it serves nothing cached any more. */
  async #outlive({ lastHeardMs }: Session): Promise<void> {
    const leftMs = lastHeardMs + this.ttlMs - this.#clock.nowMs();
    if (leftMs > 0) await sleep(this.#clock, leftMs);
  }

  /** Ends the session for what it did not do; everybody may go on. */
  expire(session: Session, reason: string): void {
    this.#options.onNews(`session ${session.id} (${session.record.name}) is over: ${reason}`);
    this.end(session, reason).catch((error: unknown) => {
      this.#options.onNews(`session ${session.id} could not be ended in order: ${error}`);
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #bind(peer: Peer, session: Session): void {
    const other = this.#byPeer.get(peer);
    if (other !== session) other?.removePeer(peer);
    this.#byPeer.set(peer, session);
    session.addPeer(peer);
    if (peer.closed.aborted) session.removePeer(peer);
    else if (!this.#watched.has(peer)) this.#watch(peer);
  }

  #watch(peer: Peer): void {
    this.#watched.add(peer);
    const lost = (): void => {
      const session = this.#byPeer.get(peer);
      session?.removePeer(peer);
      if (session !== undefined && session.peers.length > 0 && !session.isOver) this.#options.peerLost(session);
    };
    peer.closed.addEventListener('abort', lost, { once: true });
  }

  #sweepLater(): void {
    this.#timer = this.#clock.after(this.#sweepMs, () => {
      this.#sweep();
      if (!this.#isClosed) this.#sweepLater();
    });
  }

  #sweep(): void {
    const nowMs = this.#clock.nowMs();
    // A server that slept has heard nobody; what they sent meanwhile is still to be read.
    if (nowMs - this.#sweptAtMs > 3 * this.#sweepMs) this.#mercyUntilMs = nowMs + 2 * this.#sweepMs;
    this.#sweptAtMs = nowMs;
    if (nowMs < this.#mercyUntilMs) return;
    const isLate = !this.grace.isOver && nowMs - this.#startedAtMs >= graceTtlsMax * this.ttlMs;
    for (const session of this.#sessions.values()) {
      if (session.isOver) continue;
      if (nowMs - session.lastHeardMs >= this.ttlMs)
        this.expire(session, `nothing was heard of it for ${this.ttlMs} ms`);
      else if (isLate && session.mustReclaim) this.expire(session, 'it did not reclaim what it held in time');
    }
    this.#options.swept();
  }
}

function secretOf(words: number[]): string {
  return Buffer.from(Uint32Array.from(words).buffer).toString('hex');
}
