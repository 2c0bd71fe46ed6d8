import { below, type Clock, FsError, type Random, sleep, statuses, type Timer } from '#base';
import {
  type CreateSessionRequest,
  type HeldLock,
  type HeldOpen,
  type Pushes,
  pushes,
  type ReclaimReply,
  type SessionCallName,
  type SessionFacts,
  type SessionRequestOf,
  sessionCalls,
} from '#protocol';
import type { CallHeader, Connection, ConnectionEvents } from '#transport';
import { Lifetime } from './lifetime.ts';
import { Link } from './link.ts';

export interface SessionKeeperOptions {
  /** Makes a new connection to a server; never fails by itself. */
  readonly connect: (events: ConnectionEvents) => Connection;
  readonly clock: Clock;
  readonly random: Random;
  readonly create: CreateSessionRequest;
  /** Is told in a sentence what people should know. */
  readonly onNews: (sentence: string) => void;
}

/** Whoever caches, opens and locks in a session. Everything is told in the turn in which it became known. */
export interface SessionListener {
  recalled(recall: Pushes['recall']): void;
  lockGranted(request: number): void;
  /** Leases granted so far count no longer; answers to calls that are under way bring none. */
  leasesEnded(): void;
  /** Attached anew: pushes may have been lost. */
  reattached(): void;
  /** The session was lost: what was open and locked is gone. A new one begins. */
  sessionLost(): void;
  heldOpens(): HeldOpen[];
  heldLocks(): HeldLock[];
  reclaimed(reply: ReclaimReply): void;
}

/** The first pause before an attempt; it doubles up to the last. Half of each is chance, so that clients spread. */
export const firstPauseMs = 50;
export const lastPauseMs = 10_000;
/** So long may creating, attaching and reclaiming take before another connection is tried. */
const introductionMs = 15_000;
/** Until the first session is created; then the mount fails. */
const firstSessionMs = 30_000;
/** Opens and locks in one message. */
const reclaimedAtOnce = 1000;

/**
 * Keeps one session alive: creates it, renews it, attaches each new connection to it and reclaims what it held, and
 * creates another when it was lost. One connection at a time; whoever calls waits for `ready`.
 */
export class SessionKeeper {
  readonly lifetime: Lifetime;
  readonly #options: SessionKeeperOptions;
  #listener!: SessionListener;
  /** Undefined when there is no session, or it was lost. */
  #facts: SessionFacts | undefined;
  #lastFacts: SessionFacts | undefined;
  /** The newest link, which may still be introducing itself. */
  #newest: Link | undefined;
  /** Why the last connection was of no use, for whoever waits for the first. */
  #failure: string | undefined;
  #ready = Promise.withResolvers<Link>();
  /** The same, for what a crash of the server may have left half done: such calls go first, while it is in grace. */
  #readyToRepeat = Promise.withResolvers<Link>();
  #isOpenToRepeat = false;
  #introduction: Timer | undefined;
  #link: Link | undefined;
  #incarnation = 0;
  #isClosed = false;
  #verdict: Promise<boolean> | undefined;
  /** The outcomes of calls under way that a crash of the server may have left half done. */
  readonly underWayInSteps = new Set<Promise<unknown>>();
  /** Called when the link broke, before another is tried. */
  onDisconnected: () => void = () => undefined;

  constructor(options: SessionKeeperOptions) {
    this.#options = options;
    this.#ready.promise.catch(() => undefined);
    this.#readyToRepeat.promise.catch(() => undefined);
    this.lifetime = new Lifetime(options.clock, {
      renew: () => void this.sendOnce('renewSession', {}),
      over: () => {
        options.onNews(`session ${this.#facts?.session}: no server has answered; nothing cached is served any more`);
        this.#listener.leasesEnded();
      },
    });
  }

  /** Creates the session. Fails with what the server refuses it with, or with `timedOut`. */
  async start(listener: SessionListener): Promise<SessionFacts> {
    this.#listener = listener;
    const { clock } = this.#options;
    const first = Promise.withResolvers<never>();
    const timer = clock.after(firstSessionMs, () => {
      const why = this.#failure === undefined ? '' : `: ${this.#failure}`;
      first.reject(new FsError('timedOut', `no server has answered within ${firstSessionMs / 1000} s${why}`));
    });
    try {
      await Promise.race([this.#ready.promise, first.promise, this.#run(first.reject)]);
      return this.facts;
    } catch (error) {
      this.#end();
      throw error;
    } finally {
      timer.cancel();
    }
  }

  get facts(): SessionFacts {
    this.#lastFacts = this.#facts ?? this.#lastFacts;
    if (this.#lastFacts === undefined) throw new FsError('disconnected', 'there is no session yet');
    return this.#lastFacts;
  }

  get isConnected(): boolean {
    return this.#link !== undefined;
  }

  /** Grows with each session that was lost; what was opened in an earlier one is dead. */
  get incarnation(): number {
    return this.#incarnation;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** The link that calls may use, as soon as there is one. Fails with `disconnected` when the session is closed. */
  get ready(): Promise<Link> {
    return this.#ready.promise;
  }

  /** The same for repetitions of calls that are done in steps, which a server in grace carries out too. */
  get readyToRepeat(): Promise<Link> {
    return this.#readyToRepeat.promise;
  }

  get link(): Link | undefined {
    return this.#link;
  }

  /** A call about the session, sent once on the connection that is there: what is lost with it is not repeated. Never fails. */
  async sendOnce<N extends SessionCallName>(name: N, request: SessionRequestOf<N>): Promise<void> {
    const link = this.#link ?? this.#newest;
    if (link === undefined || this.#facts === undefined) return;
    const sentAtMs = this.#options.clock.nowMs();
    try {
      await link.call(this.header(sessionCalls[name].code), request);
      this.answered(link, sentAtMs);
    } catch (error) {
      if (error instanceof FsError && error.status === 'stale') link.close();
    }
  }

  /** Whether a `stale` speaks of the session: the server does not know it any more, or cannot be asked. */
  isOver(link: Link): Promise<boolean> {
    if (link.isBroken) return Promise.resolve(true);
    this.#verdict ??= this.#ask(link).finally(() => {
      this.#verdict = undefined;
    });
    return this.#verdict;
  }

  /** A call that was sent on `link` then has been answered. */
  answered(link: Link, sentAtMs: number): void {
    if (link === this.#newest) this.lifetime.answered(sentAtMs);
  }

  header(code: number): CallHeader {
    return { code, session: this.#facts?.session ?? 0, slot: 0, sequence: 0 };
  }

  pause(pauseMs: number): Promise<void> {
    const { clock, random } = this.#options;
    return sleep(clock, pauseMs / 2 + below(random, pauseMs / 2));
  }

  /** Ends the session, and fails all who wait for a link. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { clock } = this.#options;
    if (this.#link !== undefined) await Promise.race([this.sendOnce('endSession', {}), sleep(clock, introductionMs)]);
    this.#end();
  }

  #end(): void {
    this.#isClosed = true;
    this.lifetime.end();
    this.#newest?.close();
    const closed = new FsError('disconnected', 'the session is closed');
    this.#ready.reject(closed);
    this.#readyToRepeat.reject(closed);
  }

  /** Keeps a link, for as long as the session lives. */
  async #run(refused: (error: unknown) => void): Promise<never> {
    for (let pauseMs = firstPauseMs; !this.#isClosed; ) {
      const link = new Link(this.#options.connect, (from, code, message) => this.#pushed(from, code, message));
      this.#newest = link;
      try {
        await this.#introduce(link);
        pauseMs = firstPauseMs;
        this.#link = link;
        this.#openToRepeat(link);
        this.#ready.resolve(link);
        await link.broken;
        if (!this.#isClosed) this.#options.onNews(`session ${this.facts.session}: the connection broke`);
      } catch (error) {
        if (error instanceof FsError) this.#failure = error.message;
        link.close();
        if (!(error instanceof FsError)) this.#options.onNews(`a bug: ${error}`);
        else if (this.#facts === undefined && this.#incarnation === 0 && isRefusal(error)) refused(error);
      }
      this.#closeGates();
      if (this.#isClosed) break;
      this.onDisconnected();
      await this.pause(pauseMs);
      pauseMs = Math.min(2 * pauseMs, lastPauseMs);
    }
    this.#end();
    throw new FsError('disconnected', 'the session is closed');
  }

  /** Who calls from now on waits for the next link. */
  #closeGates(): void {
    if (this.#link !== undefined) this.#ready = Promise.withResolvers();
    this.#link = undefined;
    this.#ready.promise.catch(() => undefined);
    if (this.#isOpenToRepeat) this.#readyToRepeat = Promise.withResolvers();
    this.#isOpenToRepeat = false;
    this.#readyToRepeat.promise.catch(() => undefined);
  }

  #openToRepeat(link: Link): void {
    this.#isOpenToRepeat = true;
    this.#readyToRepeat.resolve(link);
  }

  /** Creates or attaches the session, and reclaims what it held. */
  async #introduce(link: Link): Promise<void> {
    this.#introduction = this.#options.clock.after(introductionMs, () => link.close());
    try {
      if (this.#facts !== undefined) await this.#attach(link, this.#facts);
      if (this.#facts === undefined) await this.#create(link);
    } finally {
      this.#introduction.cancel();
    }
    if (link.isBroken) throw new FsError('disconnected', 'the connection broke before the session was attached');
  }

  async #create(link: Link): Promise<void> {
    const sentAtMs = this.#options.clock.nowMs();
    const header = { code: sessionCalls.createSession.code, session: 0, slot: 0, sequence: 0 };
    this.#facts = (await link.call(header, this.#options.create)) as SessionFacts;
    this.lifetime.begin(this.#facts.ttlMs, sentAtMs);
    this.#options.onNews(`session ${this.#facts.session} was created`);
  }

  async #attach(link: Link, known: SessionFacts): Promise<void> {
    const { session, secret, epoch } = known;
    const sentAtMs = this.#options.clock.nowMs();
    let facts: SessionFacts;
    try {
      facts = (await link.call(this.header(sessionCalls.attachSession.code), { session, secret })) as SessionFacts;
    } catch (error) {
      if (!(error instanceof FsError) || error.status !== 'stale') throw error;
      this.#lose(session);
      return;
    }
    this.#facts = facts;
    this.answered(link, sentAtMs);
    if (facts.epoch !== epoch) this.#listener.leasesEnded();
    else this.#listener.reattached();
    if (facts.epoch !== epoch || facts.mustReclaim) await this.#reclaim(link);
    this.#options.onNews(`session ${session} is connected again`);
  }

  #lose(session: number): void {
    this.#options.onNews(`session ${session} is over: what was open in it fails`);
    this.#facts = undefined;
    this.lifetime.end();
    this.#incarnation += 1;
    this.#listener.leasesEnded();
    this.#listener.sessionLost();
  }

  /** Takes back what was open and locked, then has done what was under way in steps, then lets others go on. */
  async #reclaim(link: Link): Promise<void> {
    const opens = this.#listener.heldOpens();
    const locks = this.#listener.heldLocks();
    for (let done = false; !done; ) {
      const some = { opens: opens.splice(0, reclaimedAtOnce), locks: locks.splice(0, reclaimedAtOnce) };
      const isAll = opens.length === 0 && locks.length === 0;
      done = isAll && this.underWayInSteps.size === 0;
      await this.#reclaimSome(link, { ...some, done });
      if (done || !isAll) continue;
      this.#openToRepeat(link);
      // The server may wait for others, as long as a session lives.
      this.#introduction?.cancel();
      await Promise.race([Promise.allSettled(this.underWayInSteps), link.broken]);
    }
  }

  async #reclaimSome(link: Link, request: SessionRequestOf<'reclaim'>): Promise<void> {
    const sentAtMs = this.#options.clock.nowMs();
    const reply = (await link.call(this.header(sessionCalls.reclaim.code), request)) as ReclaimReply;
    this.answered(link, sentAtMs);
    this.#listener.reclaimed(reply);
  }

  #pushed(link: Link, code: number, message: unknown): void {
    // What an earlier connection still brings was said again on this one.
    if (link !== this.#newest || this.#facts === undefined) return;
    switch (code) {
      case pushes.recall.code:
        this.#listener.recalled(message as Pushes['recall']);
        return;
      case pushes.lockGranted.code:
        this.#listener.lockGranted((message as Pushes['lockGranted']).request);
        return;
      case pushes.sessionEnded.code:
        this.#options.onNews(`the server ended the session: ${(message as Pushes['sessionEnded']).reason}`);
        link.close();
        return;
      default:
        // A push of a newer server.
        return;
    }
  }

  async #ask(link: Link): Promise<boolean> {
    await this.sendOnce('renewSession', {});
    return link.isBroken;
  }
}

/** A server said no, which another attempt does not change. */
function isRefusal({ status }: FsError): boolean {
  return statuses[status].retry === 'never' && status !== 'busy' && status !== 'stale';
}
