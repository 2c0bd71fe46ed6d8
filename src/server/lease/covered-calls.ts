import { type ByteString, chain, FsError, fail, type Ino, type Maybe } from '#base';
import type { Answer, Attributes, CallName, DirectoryEntry, LeaseGrant } from '#protocol';
import type { CallContext } from '#transport';
import { dentrySlot } from '../meta/dentry.ts';
import { getInode, shownAttributes } from '../meta/inode.ts';
import type { Operation } from '../replay.ts';
import type { Epoch } from '../session/epoch.ts';
import type { Session } from '../session/session.ts';
import type { Volume } from '../volume.ts';
import { type Cover, covers, kindsOf, lookEnds, type Named, type Touch } from './covers.table.ts';
import type { LeaseTable } from './lease-table.ts';
import { type Claim, ObjectLocks, sortedClaims } from './object-locks.ts';
import type { Break, Recalls } from './recalls.ts';
import type { Restless } from './restless.ts';
import type { Undurable } from './undurable.ts';

/** A call whose names mean something else each time it is about to run gives up. */
const attemptsMax = 100;
/** How many leases a session gives up at a time when it has too many. */
const shrinkCount = 256;

/** One call on its way through the leases. */
export interface CoveredCall {
  readonly session: Session;
  readonly name: CallName;
  readonly request: unknown;
  readonly operation: Operation;
  /** What the operation works on. */
  readonly volume: Volume;
  /** Whose signal aborts when nobody wants the answer any more; undefined where the call must be carried out in any case. */
  readonly context: Pick<CallContext, 'signal'> | undefined;
}

export interface CoveredCallsParts {
  readonly volume: Volume;
  readonly epoch: Epoch;
  readonly leases: LeaseTable;
  readonly recalls: Recalls;
  readonly restless: Restless;
  readonly undurable: Undurable;
}

/** The objects of one call, as its names meant them when they were looked up. */
interface Touched {
  readonly claims: readonly Claim[];
  readonly breaks: readonly Break[];
  /** What the names of a call mean, in their order. */
  readonly named: readonly (Ino | undefined)[];
  /** Those that it changes. */
  readonly changed: readonly Ino[];
  /** The transactions of the volume when the names were looked up. */
  readonly committed: number;
  isLocked: boolean;
}

type AnyCover = Cover<'lookup'>;

/**
 * Carries out calls so that nobody believes what they make untrue (docs/design/0005-cluster.md): looks up what a call
 * is about, takes back others' leases that stand in its way, locks its objects and runs it, and grants leases with the
 * answer. While a call waits for leases it holds no lock: calls of the holder, on which the return may depend, go on.
 * What it will change is not leased to anybody from before the recall until after the change.
 */
export class CoveredCalls {
  readonly #parts: CoveredCallsParts;
  readonly #locks = new ObjectLocks();
  /** How many calls are about to change each object: it is not leased. */
  readonly #intents = new Map<Ino, number>();

  constructor(parts: CoveredCallsParts) {
    this.#parts = parts;
  }

  /**
   * Fails with what the operation fails with, with `stale` when the session ends before it runs, and with `cancelled`
   * when the signal aborts before.
   */
  run(call: CoveredCall): Maybe<Answer<unknown>> {
    if (call.session.isOver) fail('stale', `session ${call.session.id} is over`);
    const touched = this.#lookUp(call);
    if (touched instanceof Promise) return touched.then((it) => this.#runCarefully(call, it));
    if (this.#isInTheWay(call, touched) || !this.#locks.areFree(touched.claims)) {
      return this.#runCarefully(call, touched);
    }
    // Looking that is done at once needs no lock: nothing comes between.
    if (touched.changed.length > 0) this.#take(touched);
    return this.#carryOut(call, touched);
  }

  #take(touched: Touched): void {
    void this.#locks.take(touched.claims);
    touched.isLocked = true;
  }

  #release(touched: Touched): void {
    if (touched.isLocked) this.#locks.release(touched.claims);
    touched.isLocked = false;
  }

  /** What the call is about. */
  #lookUp({ name, request }: CoveredCall): Maybe<Touched> {
    const { volume } = this.#parts;
    const cover = covers[name] as AnyCover;
    const touches = cover.touches(request as never);
    const names = cover.names?.(request as never) ?? [];
    const { committed } = volume.store;
    if (names.length === 0) return touchedBy(touches, names, [], committed);
    const meanings = volume.store.read((snapshot) =>
      names.map(({ parent, name }) => {
        try {
          return name === '.'
            ? parent
            : name === '..'
              ? getInode(snapshot, parent)?.parent
              : dentrySlot(snapshot, volume, parent, name).entry?.ino;
        } catch (error) {
          // What cannot be a name fails in the operation, in its order.
          if (error instanceof FsError) return undefined;
          throw error;
        }
      }),
    );
    return chain(meanings, (named) => touchedBy(touches, names, named, committed));
  }

  #isInTheWay({ session }: CoveredCall, { breaks }: Touched): boolean {
    return breaks.length > 0 && this.#parts.recalls.areNeeded(session.id, breaks);
  }

  async #runCarefully(call: CoveredCall, first: Touched): Promise<Answer<unknown>> {
    let touched = first;
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const intended = this.#intend(touched);
      try {
        await this.#recall(call, touched);
        const again = await this.#lock(call, touched);
        if (again === undefined && !this.#isInTheWay(call, touched)) {
          this.#unintend(intended.splice(0));
          this.#requireWanted(call, touched);
          return await this.#carryOut(call, touched);
        }
        this.#release(touched);
        touched = again ?? touched;
      } finally {
        this.#unintend(intended);
      }
      this.#requireWanted(call);
    }
    return fail('conflict', `${call.name}: its names changed ${attemptsMax} times before it could run`);
  }

  /** Locks the objects, and says what the call is about now if its names mean something else: they can no longer change. */
  async #lock(call: CoveredCall, touched: Touched): Promise<Touched | undefined> {
    await this.#locks.take(touched.claims);
    touched.isLocked = true;
    try {
      const again = await this.#lookUp(call);
      return isSame(touched, again) ? undefined : again;
    } catch (error) {
      this.#release(touched);
      throw error;
    }
  }

  async #recall(call: CoveredCall, { breaks }: Touched): Promise<void> {
    const { recalls } = this.#parts;
    const { session, context } = call;
    const signal = context?.signal;
    while (!session.isOver && signal?.aborted !== true && recalls.areNeeded(session.id, breaks)) {
      const returned = recalls.end(session.id, breaks);
      if (returned === undefined) continue;
      await unlessUnwanted(returned, session, signal);
    }
    this.#requireWanted(call);
  }

  /** Fails where the call means nothing any more; gives the locks of `held` back then. */
  #requireWanted({ session, context, name }: CoveredCall, held?: Touched): void {
    if (!session.isOver && context?.signal.aborted !== true) return;
    if (held !== undefined) this.#release(held);
    if (session.isOver) fail('stale', `session ${session.id} is over`);
    fail('cancelled', `${name}: its caller gave up waiting`);
  }

  #intend(touched: Touched): Ino[] {
    const intended = touched.breaks.map(({ ino }) => ino);
    for (const ino of intended) this.#intents.set(ino, (this.#intents.get(ino) ?? 0) + 1);
    return intended;
  }

  #unintend(intended: readonly Ino[]): void {
    for (const ino of intended) {
      const left = this.#intents.get(ino)! - 1;
      if (left === 0) this.#intents.delete(ino);
      else this.#intents.set(ino, left);
    }
  }

  /** Runs the operation; its objects are locked, and are no longer when the result is there. */
  #carryOut(call: CoveredCall, touched: Touched): Maybe<Answer<unknown>> {
    let reply: Maybe<unknown>;
    try {
      reply = call.operation(call.volume, call.request);
    } catch (error) {
      return this.#failed(touched, error);
    }
    if (!(reply instanceof Promise)) return this.#answer(call, touched, reply);
    if (!touched.isLocked) this.#take(touched);
    return this.#answerLater(call, touched, reply);
  }

  async #answerLater(call: CoveredCall, touched: Touched, running: Promise<unknown>): Promise<Answer<unknown>> {
    const { store } = this.#parts.volume;
    let reply: unknown;
    try {
      const { committed } = store;
      reply = await running;
      // The entries of a listing are not locked: what it shows of them must be of this moment.
      if (call.name === 'readdir' && store.committed !== committed) {
        const again = call.operation(call.volume, { ...(call.request as object), noAtime: true });
        reply = again instanceof Promise ? withoutAttributes((await again) as DirectoryEntry[]) : again;
      }
    } catch (error) {
      return this.#failed(touched, error);
    }
    return this.#answer(call, touched, reply);
  }

  #answer(call: CoveredCall, touched: Touched, reply: unknown): Maybe<Answer<unknown>> {
    const cover = covers[call.name] as AnyCover;
    for (const ino of touched.changed) this.#parts.undurable.changed(ino);
    const inos = cover.also?.(call.request as never, reply as never);
    if (inos === undefined) return this.#grant(call, touched, { reply, also: [] });
    const wanted = new Set<Ino>(inos);
    for (const ino of touched.named) if (ino !== undefined) wanted.add(ino);
    const also = this.#attributesOf(wanted);
    if (!(also instanceof Promise)) return this.#grant(call, touched, { reply, also });
    return also.then(
      (later) => this.#grant(call, touched, { reply, also: later }),
      (error: unknown) => this.#failed(touched, error),
    );
  }

  #attributesOf(inos: Iterable<Ino>): Maybe<Attributes[]> {
    const { volume } = this.#parts;
    return volume.store.read((snapshot) => {
      const found: Attributes[] = [];
      for (const ino of inos) {
        const inode = getInode(snapshot, ino);
        if (inode !== undefined) found.push(shownAttributes(volume, inode));
      }
      return found;
    });
  }

  /** Everything that the answer says is true in this turn. */
  #grant(call: CoveredCall, touched: Touched, told: { reply: unknown; also: Attributes[] }): Maybe<Answer<unknown>> {
    const { epoch, undurable } = this.#parts;
    const { serial } = epoch;
    const cover = covers[call.name] as AnyCover;
    this.#release(touched);
    const reply = call.name === 'readdir' ? this.#believable(call, told.reply as DirectoryEntry[]) : told.reply;
    const grants: LeaseGrant[] = [];
    const { session } = call;
    if (session.cacheMode !== 'closeToOpen' && !session.isOver && !session.isLeaving) {
      const lease = (ino: Ino, kinds: number): void => this.#lease(session, { ino, kinds }, grants);
      cover.grants?.(call.request as never, reply as never, lease);
      const granted = grants.length;
      for (const { ino, mode } of told.also) {
        const kinds = kindsOf({ mode });
        if (!isGranted(grants, granted, { ino, kinds })) lease(ino, kinds);
      }
      if (grants.length > 0) this.#shrink(session);
    }
    const answer: Answer<unknown> = { reply, serial, grants, also: told.also };
    if (undurable.isEmpty) return answer;
    const settled = undurable.settled(inosShown(touched, call.name, reply));
    return settled === undefined ? answer : settled.then(() => answer);
  }

  /** Grants what nobody is about to change, and what the session has not to return first. */
  #lease(session: Session, { ino, kinds }: { ino: Ino; kinds: number }, grants: LeaseGrant[]): void {
    const { epoch, leases, recalls, restless } = this.#parts;
    if (this.#isToChange(ino) || recalls.isPending(session.id, ino) || !restless.mayBeLeased(ino)) return;
    if (leases.isHeldByOthers(session.id, ino, lookEnds)) return;
    // One number for all that an answer grants.
    const number = grants[0]?.number ?? epoch.nextGrant();
    const grant = { ino, kinds, number };
    leases.grant(session.id, grant);
    grants.push(grant);
  }

  #shrink(session: Session): void {
    const tooLarge = this.#parts.leases.tooLarge(session.id);
    if (tooLarge !== undefined) void this.#parts.recalls.shrink(tooLarge, shrinkCount);
  }

  #isToChange(ino: Ino): boolean {
    return (this.#intents.size > 0 && this.#intents.has(ino)) || this.#locks.isChanging(ino);
  }

  /** A listing shows nothing of entries that are being changed, or that another session has not flushed. */
  #believable({ session }: CoveredCall, entries: DirectoryEntry[]): DirectoryEntry[] {
    const { leases } = this.#parts;
    const isUncertain = ({ attributes }: DirectoryEntry): boolean =>
      attributes !== undefined &&
      (this.#locks.isChanging(attributes.ino) || leases.isHeldByOthers(session.id, attributes.ino, lookEnds));
    if (!entries.some(isUncertain)) return entries;
    return entries.map((entry) => (isUncertain(entry) ? { ...entry, attributes: undefined } : entry));
  }

  /** A failure, too, tells what is there: it waits until no crash can take that away. */
  #failed(touched: Touched, error: unknown): Maybe<never> {
    // What it did before it failed may be seen.
    if (touched.committed !== this.#parts.volume.store.committed)
      for (const ino of touched.changed) this.#parts.undurable.changed(ino);
    this.#release(touched);
    const settled = this.#parts.undurable.settled(touched.claims.map(({ ino }) => ino));
    if (settled === undefined) throw error;
    return settled.then(() => {
      throw error;
    });
  }
}

function touchedBy(
  touches: readonly Touch[],
  names: readonly Named[],
  named: readonly (Ino | undefined)[],
  committed: number,
): Touched {
  const claims: Claim[] = [];
  const breaks: Break[] = [];
  const changed: Ino[] = [];
  const add = (ino: Ino, ends: number, name: ByteString | undefined): void => {
    claims.push({ ino, changes: ends !== 0 });
    breaks.push({ ino, kinds: ends === 0 ? lookEnds : ends, name });
    if (ends !== 0) changed.push(ino);
  };
  for (const { ino, ends, name } of touches) add(ino, ends, name);
  for (const [at, { ends }] of names.entries()) if (named[at] !== undefined) add(named[at], ends, undefined);
  return { claims: sortedClaims(claims), breaks, named, changed, committed, isLocked: false };
}

function isSame(a: Touched, b: Touched): boolean {
  return a === b || a.named.every((ino, at) => ino === b.named[at]);
}

/** Whether one of the first `count` grants covers it already; they are few where an answer brings attributes. */
function isGranted(grants: readonly LeaseGrant[], count: number, { ino, kinds }: Omit<LeaseGrant, 'number'>): boolean {
  for (let at = 0; at < count; at++) {
    if (grants[at]!.ino === ino && (grants[at]!.kinds & kinds) === kinds) return true;
  }
  return false;
}

function withoutAttributes(entries: readonly DirectoryEntry[]): DirectoryEntry[] {
  return entries.map((entry) => ({ ...entry, attributes: undefined }));
}

function* inosShown({ claims }: Touched, name: CallName, reply: unknown): Iterable<Ino> {
  for (const { ino } of claims) yield ino;
  if (name !== 'readdir') return;
  for (const { attributes } of reply as DirectoryEntry[]) if (attributes !== undefined) yield attributes.ino;
}

/** Waits for `returned` until the session is over or the signal aborts. */
async function unlessUnwanted(returned: Promise<unknown>, session: Session, signal?: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = (): void => resolve();
  const stay = session.whenOver(stop);
  signal?.addEventListener('abort', stop);
  await Promise.race([returned, promise]);
  stay();
  signal?.removeEventListener('abort', stop);
}
