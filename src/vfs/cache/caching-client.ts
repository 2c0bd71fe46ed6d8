import { type Clock, FsError, type Ino, type Maybe } from '#base';
import type { CacheMode, CallOptions, Client, SessionListener } from '#client';
import type { Answer, CallName, Pushes, ReclaimReply, ReplyOf, RequestOf } from '#protocol';
import { directoryEntriesMax } from '#protocol';
import type { ClusterLocks } from '../cluster-locks.ts';
import type { Interrupts } from '../interrupts.ts';
import type { VfsOptions } from '../options.ts';
import type { Doubt } from './cached-object.ts';
import { HeldOpens } from './held-opens.ts';
import { LeaseCache } from './lease-cache.ts';
import type { LeaseSession, SentCall } from './lease-session.ts';
import { learnFrom, shownBy } from './lessons.ts';
import { answerLocally, unknown } from './local-answers.ts';
import type { ObjectTableLimits } from './object-table.ts';
import { changeOf } from './own-changes.ts';

/** The session, as far as the cache calls it. */
export interface CachedSession extends LeaseSession {
  call<N extends CallName>(name: N, request: RequestOf<N>, options: CallOptions): Promise<Answer<ReplyOf<N>>>;
}

export interface CachingClientOptions {
  readonly clock: Clock;
  readonly session: CachedSession;
  readonly mode: CacheMode;
  readonly vfs: VfsOptions;
  readonly interrupts: Interrupts;
  readonly locks: ClusterLocks;
  readonly limits?: ObjectTableLimits;
}

/**
 * The client of a mount that shares its volume: what leases cover is answered from memory, at once; everything else
 * by the session, and what an answer teaches is kept. Equal questions that are asked at the same time are asked once.
 */
export class CachingClient implements Client, SessionListener {
  readonly files = undefined;
  readonly cache: LeaseCache;
  readonly #session: CachedSession;
  readonly #interrupts: Interrupts;
  readonly #locks: ClusterLocks;
  readonly #opens = new HeldOpens();
  /** Lookups and getattrs under way, by what they ask. */
  readonly #flights = new Map<string, Promise<unknown>>();
  /** Inodes that were open and are gone since the server started anew. */
  readonly #lost = new Set<Ino>();

  constructor(options: CachingClientOptions) {
    this.cache = new LeaseCache(options);
    this.#session = options.session;
    this.#interrupts = options.interrupts;
    this.#locks = options.locks;
  }

  call<N extends CallName>(name: N, request: RequestOf<N>): Maybe<ReplyOf<N>> {
    const settling = this.cache.settling();
    if (settling !== undefined) return settling.then(() => this.call(name, request));
    const known = answerLocally(this.cache, name, request);
    return known === unknown ? this.#ask(name, request) : (known as ReplyOf<N>);
  }

  /** Whether what is open of `ino` was lost. */
  isLost(ino: Ino): boolean {
    return this.#lost.has(ino);
  }

  close(): void {
    this.cache.close();
  }

  // ---- what the session tells ----

  recalled(recall: Pushes['recall']): void {
    this.cache.recall(recall);
  }

  lockGranted(request: number): void {
    this.#locks.granted(request);
  }

  leasesEnded(): void {
    this.cache.endAll();
  }

  reattached(): void {
    this.cache.reattached();
    this.#locks.reattached();
  }

  sessionLost(): void {
    this.#opens.clear();
    this.#lost.clear();
    this.#locks.lost();
  }

  heldOpens() {
    return this.#opens.list();
  }

  heldLocks() {
    return this.#locks.list();
  }

  reclaimed({ lostOpens, lostLocks }: ReclaimReply): void {
    for (const ino of lostOpens) {
      this.#lost.add(ino);
      this.#opens.add(ino, Number.NEGATIVE_INFINITY);
    }
    this.#locks.reclaimed(lostLocks);
  }

  // ---- calls ----

  #ask<N extends CallName>(name: N, request: RequestOf<N>): Promise<ReplyOf<N>> {
    const key = questionOf(name, request);
    if (key === undefined) return this.#send(name, request);
    const flight = this.#flights.get(key);
    // What was asked before may have been answered before the latest change: it counts only with the lease it brings.
    if (flight !== undefined) return flight.then(none, none).then(() => this.#answerOrSend(name, request));
    const sent = this.#send(name, request);
    this.#flights.set(key, sent);
    const landed = (): void => void this.#flights.delete(key);
    sent.then(landed, landed);
    return sent;
  }

  async #answerOrSend<N extends CallName>(name: N, request: RequestOf<N>): Promise<ReplyOf<N>> {
    const known = answerLocally(this.cache, name, request);
    return known === unknown ? this.#send(name, request) : known;
  }

  async #send<N extends CallName>(name: N, asked: RequestOf<N>): Promise<ReplyOf<N>> {
    const request = bounded(name, asked);
    const change = changeOf(name, request);
    const call: SentByName<N> = {
      name,
      request,
      ...this.cache.sent(),
      namesVersion: name === 'readdir' ? this.cache.namesVersion((request as RequestOf<'readdir'>).ino) : 0,
      meant: change?.names.map((each) => this.cache.meaning(each.parent, each.name)) ?? [],
      doubt: change && this.cache.doubt(change),
    };
    const late = { isAwaited: false, known: (answer: Answer<unknown> | undefined) => this.#late(call, answer) };
    try {
      const answer = await this.#session.call(name, request, { signal: this.#interrupts.signal(), late });
      this.#learn(call, answer);
      if (name === 'rename') await this.cache.namesMoved(change!.names);
      return answer.reply;
    } catch (error) {
      if (!late.isAwaited) this.#failed(call, error);
      if (isKernelsOwn(name, request, error)) return undefined as ReplyOf<N>;
      throw error;
    }
  }

  #learn<N extends CallName>(call: SentByName<N>, answer: Answer<ReplyOf<N>>): void {
    const { name, request, doubt } = call;
    this.cache.learn(call, answer, shownBy(name, answer.reply));
    learnFrom(this.cache, name, { ...call, answer });
    if (doubt !== undefined) this.cache.trust(doubt, answer.serial);
    const opened = openedBy(name, request, answer.reply);
    if (opened !== undefined) this.#opens.add(opened.ino, opened.count);
  }

  #failed<N extends CallName>({ name, request, generation, doubt }: SentByName<N>, error: unknown): void {
    if (doubt !== undefined) this.cache.trust(doubt, 0);
    if (name !== 'getxattr' || !(error instanceof FsError) || error.status !== 'noData') return;
    const asked = request as RequestOf<'getxattr'>;
    this.cache.learnAbsentXattr({ generation }, asked.ino, asked.name);
  }

  /** The outcome of a change whose caller left: nobody has the file that it opened. */
  #late<N extends CallName>(call: SentByName<N>, answer: Answer<unknown> | undefined): void {
    if (answer === undefined) {
      this.#failed(call, undefined);
      return;
    }
    this.#learn(call, answer as Answer<ReplyOf<N>>);
    const opened = openedBy(call.name, call.request, answer.reply as ReplyOf<N>);
    if (opened !== undefined && opened.count > 0) {
      this.#send('release', { ino: opened.ino, count: opened.count }).catch(none);
    }
  }
}

interface SentByName<N extends CallName> extends SentCall {
  readonly name: N;
  readonly request: RequestOf<N>;
  readonly namesVersion: number;
  readonly meant: readonly (Ino | 'absent' | undefined)[];
  readonly doubt: Doubt | undefined;
}

/** The same for equal questions that may share one answer. */
function questionOf<N extends CallName>(name: N, request: RequestOf<N>): string | undefined {
  if (name === 'getattr') return `${(request as RequestOf<'getattr'>).ino}`;
  if (name !== 'lookup') return;
  const { caller, parent, name: child } = request as RequestOf<'lookup'>;
  return caller.checked ? `${parent}/${child}` : undefined;
}

/** One reply brings so many entries; with fewer than were asked for, a listing ends. */
function bounded<N extends CallName>(name: N, request: RequestOf<N>): RequestOf<N> {
  if (name !== 'readdir') return request;
  const listing = request as RequestOf<'readdir'>;
  return { ...listing, limit: Math.min(listing.limit, directoryEntriesMax) } as RequestOf<N>;
}

/**
 * Before a write by somebody without privileges the kernel takes file capabilities away by itself, in the name of the
 * writer (file_remove_privs), who may not do that: the server does it with the write that follows. A removal that the
 * writer asks for is refused by the kernel.
 */
function isKernelsOwn<N extends CallName>(name: N, request: RequestOf<N>, error: unknown): boolean {
  if (name !== 'removexattr' || !(error instanceof FsError) || error.status !== 'notPermitted') return false;
  const { caller, name: xattr } = request as RequestOf<'removexattr'>;
  return caller.checked && xattr === 'security.capability';
}

/** How many opens a call that was answered has added. */
function openedBy<N extends CallName>(
  name: N,
  request: RequestOf<N>,
  reply: ReplyOf<N>,
): { ino: Ino; count: number } | undefined {
  switch (name) {
    case 'open':
      return { ino: (request as RequestOf<'open'>).ino, count: 1 };
    case 'makeUnnamed':
      return { ino: (reply as ReplyOf<'makeUnnamed'>).ino, count: 1 };
    case 'make':
      return (request as RequestOf<'make'>).open ? { ino: (reply as ReplyOf<'make'>).ino, count: 1 } : undefined;
    case 'release': {
      const { ino, count } = request as RequestOf<'release'>;
      return { ino, count: -count };
    }
    default:
      return;
  }
}

function none(): void {
  // Whoever asked first hears of it.
}
