import { chain, fail, type Ino, type Maybe, rootIno, sleep } from '#base';
import {
  type Answer,
  type Attributes,
  type CallName,
  calls,
  isDoneInSteps,
  O_ACCMODE,
  O_RDONLY,
  O_TRUNC,
  pushes,
  type RecalledLease,
  type RequestOf,
  type SessionFacts,
} from '#protocol';
import type { CallContext, CallHeader } from '#transport';
import { CoveredCalls } from './lease/covered-calls.ts';
import { type LeaseLimits, LeaseTable } from './lease/lease-table.ts';
import { LockTable } from './lease/lock-table.ts';
import { Recalls } from './lease/recalls.ts';
import { Restless } from './lease/restless.ts';
import { Undurable } from './lease/undurable.ts';
import { removeOrphans } from './meta/format.ts';
import { getattr } from './meta/getattr.ts';
import { readU64 } from './meta/keys.ts';
import { uncountOpens } from './meta/opens.ts';
import { release } from './meta/release.ts';
import type { ServedVolume } from './open-volume.ts';
import { type Operation, ReplayCache } from './replay.ts';
import type { ReplayRecord } from './replay-record.ts';
import { byCode, isIdempotent } from './server.ts';
import type { Session, SessionSummary } from './session/session.ts';
import { accessOfOpen, opened } from './session/session-opens.ts';
import { opensMax, type SessionParts } from './session/session-operations.ts';
import { SessionTable } from './session/session-table.ts';
import type { Volume } from './volume.ts';

export interface ClusterVolumeOptions {
  /** A session that is silent for so long is over. Default 30,000. */
  readonly ttlMs?: number;
  /** So long a client that is heard of may take to return a lease, before its session ends. Default: the TTL. */
  readonly recallMs?: number;
  readonly leases?: LeaseLimits;
  /** Is told in a sentence what people should know. */
  readonly onNews?: (sentence: string) => void;
}

const defaultTtlMs = 30_000;
/** Leases in one message. */
const recalledAtOnce = 4096;
/** So much of a TTL may a client that is evicted take to return its leases. */
const evictionShare = 8;

const nameByCode: (CallName | undefined)[] = [];
for (const [name, { code }] of Object.entries(calls)) nameByCode[code] = name as CallName;

/** Connections for bulk data are not those on which a client talks. */
const bulkCodes = new Set<number>([calls.read.code, calls.write.code]);

/** A volume that several clients share: their sessions, leases and locks, and the way of a call through them. */
export class ClusterVolume implements SessionParts {
  readonly volume: ServedVolume;
  readonly sessions: SessionTable;
  readonly leases: LeaseTable;
  readonly recalls: Recalls;
  readonly locks: LockTable;
  readonly #replies: ReplayCache;
  readonly #covered: CoveredCalls;

  private constructor(volume: ServedVolume, sessions: SessionTable, options: ClusterVolumeOptions) {
    const { clock } = volume;
    this.volume = volume;
    this.sessions = sessions;
    this.leases = new LeaseTable(options.leases);
    const restless = new Restless(clock);
    this.recalls = new Recalls({
      clock,
      leases: this.leases,
      holderOf: (session) => this.#holderOf(session),
      patienceMs: options.recallMs ?? sessions.ttlMs,
      recalled: (ino) => restless.recalled(ino),
      overdue: (session) => this.#overdue(session),
    });
    this.locks = new LockTable((session, request) => {
      sessions.get(session)?.push(pushes.lockGranted.code, { request });
    });
    this.#replies = new ReplayCache(volume);
    const undurable = new Undurable(volume.store);
    const { epoch } = sessions;
    this.#covered = new CoveredCalls({
      volume,
      epoch,
      leases: this.leases,
      recalls: this.recalls,
      restless,
      undurable,
    });
  }

  /**
   * Begins to serve a volume that was opened with `keepOrphans`: a new epoch, with the sessions that were there before.
   * Fails as the store does.
   */
  static async start(volume: ServedVolume, options: ClusterVolumeOptions = {}): Promise<ClusterVolume> {
    const { ttlMs = defaultTtlMs, onNews = () => undefined } = options;
    let served: ClusterVolume | undefined;
    const sessions = await SessionTable.start(volume, {
      ttlMs,
      onNews,
      holdsSomething: ({ id }) =>
        served !== undefined && served.leases.countOf(id) + served.locks.heldBy(id) + served.locks.waitingOf(id) > 0,
      ended: async (session) => {
        if (served !== undefined) await served.#ended(session);
      },
      peerLost: (session) => served?.recalls.repeat(session.id),
      swept: () => served?.recalls.sweep(),
    });
    served = new ClusterVolume(volume, sessions, options);
    void served.#afterGrace(onNews);
    return served;
  }

  /** Answers a call of the volume; `context.peer` speaks for the session in the header. */
  answer(header: CallHeader, request: unknown, context: CallContext): Maybe<Answer<unknown>> {
    const name = nameByCode[header.code] ?? fail('notImplemented', `call ${header.code}`);
    const session = this.sessions.renewed(context.peer, header.session);
    if (!bulkCodes.has(header.code)) session.prefer(context.peer);
    const { view, opens } = session;
    const asked = request as RequestOf<CallName>;
    const translated = view.translate(name, asked);
    if (view.readOnly || session.record.readOnly) requireReading(name, translated);
    const answer = isIdempotent[header.code]
      ? chain(view.permit(name, translated, opens), (permitted) =>
          this.#run(session, name, permitted, { operation: byCode[header.code]!, context }),
        )
      : this.#runOnce(session, name, header, translated);
    return chain(answer, (told) => view.show(name, asked, told));
  }

  /** What the client is told when it has created its session, or attached a connection to it. */
  async factsOf(session: Session): Promise<SessionFacts> {
    const { view, record } = session;
    const { epoch, ttlMs } = this.sessions;
    const root = await getattr(this.volume, { ino: view.root });
    const shown = view.show('getattr', { ino: rootIno }, unleased(root));
    return {
      session: session.id,
      secret: Buffer.from(record.secret, 'hex').toString('latin1'),
      epoch: epoch.number,
      ttlMs,
      root: shown.reply as Attributes,
      volumeUuid: this.volume.uuid,
      readOnly: view.readOnly || record.readOnly,
      mustReclaim: session.mustReclaim,
    };
  }

  list(): SessionSummary[] {
    const nowMs = this.volume.clock.nowMs();
    return [...this.sessions.all].map((session) => {
      const { id, record, view, lastHeardMs, mustReclaim } = session;
      const { name, volume, cacheMode, readOnly, identity, createdSec } = record;
      return {
        session: id,
        name,
        volume,
        identity: identity ?? undefined,
        address: session.peers.at(-1)?.address,
        cacheMode,
        readOnly: readOnly || view.readOnly,
        createdSec,
        silentMs: nowMs - lastHeardMs,
        leases: this.leases.countOf(id),
        locks: this.locks.heldBy(id),
        opens: session.opens.total,
        slots: this.#replies.slotsOf(id),
        mustReclaim,
      };
    });
  }

  /**
   * Ends a session; what it held is free when its client cannot believe in it any more. Resolves when its calls fail.
   * False when there is none with this number.
   */
  async evict(id: number, reason = 'an administrator has ended it'): Promise<boolean> {
    const session = this.sessions.get(id);
    if (session === undefined || session.isOver || session.isLeaving) return false;
    session.isLeaving = true;
    // A client that answers is rid of its leases at once; others must be outlived.
    const returned = this.recalls.shrink(id, Number.POSITIVE_INFINITY);
    await Promise.race([returned, sleep(this.volume.clock, this.sessions.ttlMs / evictionShare)]);
    this.sessions.expire(session, reason);
    return true;
  }

  /** Tells all clients that the server is about to stop. */
  drain(): void {
    for (const session of this.sessions.all) session.push(pushes.draining.code, {});
  }

  /** Sessions are looked after no more; they stay in the store. The volume is still to be closed. */
  close(): void {
    this.sessions.close();
  }

  #run(
    session: Session,
    name: CallName,
    request: unknown,
    { operation, volume = this.volume, context }: { operation: Operation; volume?: Volume; context?: CallContext },
  ): Maybe<Answer<unknown>> {
    const { view, opens } = session;
    const guarded: Operation =
      view.confirm === undefined
        ? operation
        : (on, asked) => chain(view.confirm!(asked, opens), () => operation(on, asked));
    return this.#covered.run({ session, name, request, operation: guarded, volume, context });
  }

  /** Calls that have an effect, by their slots. A repetition brings no lease: it may have been taken back meanwhile. */
  async #runOnce(session: Session, name: CallName, header: CallHeader, request: unknown): Promise<Answer<unknown>> {
    let isFirst = false;
    const outcome = await this.#replies.answer(
      header,
      request,
      (volume, asked) => {
        isFirst = true;
        return this.#carryOut(session, name, asked, { operation: byCode[header.code]!, volume });
      },
      (record, rest) => this.#finish(session, name, request, record, rest),
    );
    const answer = outcome as Answer<unknown>;
    return isFirst ? answer : { ...answer, grants: [] };
  }

  #carryOut(
    session: Session,
    name: CallName,
    request: unknown,
    { operation, volume }: { operation: Operation; volume: Volume },
  ): Maybe<Answer<unknown>> {
    if (name === 'release') return this.#release(session, request as RequestOf<'release'>);
    if (session.opens.total >= opensMax && opens(name, request)) {
      fail('tooManyOpen', `session ${session.id} has ${opensMax} opens`);
    }
    const counted: Operation = (on, asked) =>
      chain(operation(on, asked), (reply) => chain(this.#opened(session, name, request, reply), () => reply));
    const run = (): Maybe<Answer<unknown>> =>
      chain(session.view.permit(name, request as RequestOf<CallName>, session.opens), (permitted) =>
        this.#run(session, name, permitted, { operation: counted, volume }),
      );
    const { grace } = this.sessions;
    if (grace.isOver || isOpenOnly(name, request)) return run();
    if (!session.mustReclaim || !isDoneInSteps(name, request as RequestOf<CallName>)) return grace.over.then(run);
    // What a crash left half done is done before others may change it; its session says that it is done after that.
    return grace.areLeasesGone ? run() : grace.leasesGone.then(run);
  }

  /** A call whose effect survived a crash: there are no leases of that time, and nothing is granted with its reply. */
  #finish(
    session: Session,
    name: CallName,
    request: unknown,
    _record: ReplayRecord,
    rest: () => Promise<unknown>,
  ): Maybe<Answer<unknown>> {
    if (changesMore(name, request)) {
      return this.#carryOut(session, name, request, { operation: rest, volume: this.volume });
    }
    return rest().then((reply) => chain(this.#opened(session, name, request, reply), () => unleased(reply)));
  }

  /** Counts the open that a call was; one of a session that is over is given back. */
  #opened(session: Session, name: CallName, request: unknown, reply: unknown): Maybe<void> {
    if (!opens(name, request)) return;
    const { ino } = (name === 'open' ? request : reply) as { ino: Ino };
    if (!session.isOver) session.opens.add(ino, accessOf(name, request));
    else return chain(this.#giveBack(ino, 1), () => fail('stale', `session ${session.id} is over`));
  }

  #release(session: Session, { ino, count }: RequestOf<'release'>): Maybe<Answer<unknown>> {
    return chain(this.#giveBack(ino, session.opens.remove(ino, count)), unleased);
  }

  /** Ends opens. During grace inodes stay, since others may have them open: they go when it is over. */
  #giveBack(ino: Ino, count: number): Maybe<void> {
    if (count === 0) return;
    if (this.sessions.grace.isOver) return release(this.volume, { ino, count });
    uncountOpens(this.volume, ino, count);
  }

  /** The session is durably over: everybody else may have what it held. */
  async #ended(session: Session): Promise<void> {
    this.recalls.endSession(session.id);
    this.locks.endSession(session.id);
    for (const { ino, count } of [...session.opens.all()]) await this.#giveBack(ino, session.opens.remove(ino, count));
    await this.#replies.end(session.id);
  }

  async #afterGrace(onNews: (sentence: string) => void): Promise<void> {
    await this.sessions.grace.over;
    try {
      await removeOrphans(this.volume);
      this.volume.collectSoon();
      await this.#forgetReplies();
    } catch (error) {
      // They are found again at the next start.
      onNews(`what the last run left could not be removed: ${error}`);
    }
  }

  /** Replies of sessions that ended while something of them was still under way. */
  async #forgetReplies(): Promise<void> {
    const over = new Set<number>();
    for await (const { key } of this.volume.store.scan('R')) {
      const session = readU64(key, 1);
      if (this.sessions.get(session) === undefined) over.add(session);
    }
    for (const session of over) await this.#replies.end(session);
  }

  #holderOf(id: number) {
    const session = this.sessions.get(id);
    if (session === undefined) return undefined;
    const isAwaited = session.cacheMode === 'strict';
    return { isAwaited, recall: (leases: RecalledLease[], awaited: boolean) => this.#recall(session, leases, awaited) };
  }

  #recall(session: Session, recalled: readonly RecalledLease[], awaited: boolean): void {
    const leases: RecalledLease[] = [];
    for (const lease of recalled) {
      const ino = session.view.outward(lease.ino);
      // What the client does not see it has not cached.
      if (ino === undefined) this.recalls.returned(session.id, lease);
      else leases.push(ino === lease.ino ? lease : { ...lease, ino });
    }
    for (let at = 0; at < leases.length; at += recalledAtOnce) {
      session.push(pushes.recall.code, { leases: leases.slice(at, at + recalledAtOnce), awaited });
    }
  }

  #overdue(id: number): void {
    const session = this.sessions.get(id);
    if (session !== undefined && !session.isOver) this.sessions.expire(session, 'it did not return a lease in time');
  }
}

function unleased(reply: unknown): Answer<unknown> {
  return { reply, serial: 0, grants: [], also: [] };
}

/** Whether the call is an open of this session. */
function opens(name: CallName, request: unknown): boolean {
  return name === 'open' || name === 'makeUnnamed' || (name === 'make' && (request as RequestOf<'make'>).open);
}

/** What an open proves; whoever makes a file may do both. */
function accessOf(name: CallName, request: unknown): number {
  return name === 'open' ? accessOfOpen(request as RequestOf<'open'>) : opened.read | opened.write;
}

/** An open that changes nothing need not wait until the time of grace is over. */
function isOpenOnly(name: CallName, request: unknown): boolean {
  if (name !== 'open') return false;
  const { flags, killPrivileges } = request as RequestOf<'open'>;
  return (flags & O_TRUNC) === 0 && !killPrivileges;
}

/** Whether a call whose effect survived a crash has changes left to do. */
function changesMore(name: CallName, request: unknown): boolean {
  return name === 'open' || (name === 'setattr' && (request as RequestOf<'setattr'>).changes.size !== undefined);
}

function requireReading(name: CallName, request: unknown): void {
  if (isIdempotent[calls[name].code] || name === 'release') return;
  if (name === 'open') {
    const { flags } = request as RequestOf<'open'>;
    if ((flags & O_ACCMODE) === O_RDONLY && (flags & O_TRUNC) === 0) return;
  }
  fail('readOnly', `${name}: the session may only read`);
}
