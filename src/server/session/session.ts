import type { Ino } from '#base';
import type { CacheMode, HeldLock } from '#protocol';
import type { Peer } from '#transport';
import { SessionOpens } from './session-opens.ts';
import type { SessionRecord } from './session-record.ts';
import type { SessionView } from './session-view.ts';

/** Connections of one session at a time; a client has one and a few for bulk data. The oldest are ended. */
const peersMax = 16;

/** One client's session, as the server knows it in this run. */
export class Session {
  readonly record: SessionRecord;
  readonly id: number;
  readonly cacheMode: CacheMode;
  readonly opens = new SessionOpens();
  /** Of those, what it had open before the server started anew. */
  readonly reclaimed = new Map<Ino, number>();
  /** What of that is gone. */
  readonly lostOpens = new Set<Ino>();
  readonly lostLocks: HeldLock[] = [];
  /** Lock requests that were given up before the time of grace was over. */
  readonly cancelledLocks = new Set<number>();
  /** Decided anew with each attaching. */
  view: SessionView;
  lastHeardMs: number;
  #isOver = false;
  readonly #whenOver = new Set<() => void>();
  /** About to be ended: it is granted nothing any more. */
  isLeaving = false;
  /** The server waits for what it reclaims. */
  mustReclaim: boolean;
  readonly #peers: Peer[] = [];

  constructor(record: SessionRecord, view: SessionView, start: { nowMs: number; mustReclaim: boolean }) {
    this.record = record;
    this.id = record.session;
    this.cacheMode = record.cacheMode;
    this.view = view;
    this.lastHeardMs = start.nowMs;
    this.mustReclaim = start.mustReclaim;
  }

  /** Its leases, locks and opens are gone or go now, and its calls fail. */
  get isOver(): boolean {
    return this.#isOver;
  }

  end(): void {
    this.#isOver = true;
    for (const run of this.#whenOver) run();
    this.#whenOver.clear();
  }

  /**
   * Calls `run` once when the session is over; not any more after the function that is returned was called. A promise
   * would keep everybody who ever waited.
   */
  whenOver(run: () => void): () => void {
    this.#whenOver.add(run);
    return () => void this.#whenOver.delete(run);
  }

  /** Connections that speak for the session, the newest last. */
  get peers(): readonly Peer[] {
    return this.#peers;
  }

  addPeer(peer: Peer): void {
    this.removePeer(peer);
    this.#peers.push(peer);
    if (this.#peers.length > peersMax) this.#peers.shift()!.close(`session ${this.id} has ${peersMax} connections`);
  }

  removePeer(peer: Peer): void {
    const at = this.#peers.indexOf(peer);
    if (at >= 0) this.#peers.splice(at, 1);
  }

  /** The client talks on this connection: it is told of things there. */
  prefer(peer: Peer): void {
    if (this.#peers.at(-1) === peer || !this.#peers.includes(peer)) return;
    this.removePeer(peer);
    this.#peers.push(peer);
  }

  /** Tells the client; on its newest connection, or the one on which it talks. */
  push(code: number, message: unknown): void {
    this.#peers.at(-1)?.push(code, message);
  }
}

/** What `cfs admin sessions` shows. */
export interface SessionSummary {
  readonly session: number;
  readonly name: string;
  readonly volume: string;
  readonly identity: string | undefined;
  /** Of its newest connection; undefined while it has none. */
  readonly address: string | undefined;
  readonly cacheMode: CacheMode;
  readonly readOnly: boolean;
  readonly createdSec: number;
  readonly silentMs: number;
  readonly leases: number;
  readonly locks: number;
  readonly opens: number;
  readonly slots: number;
  readonly mustReclaim: boolean;
}
