import { fail, type Ino, type Maybe } from '#base';
import { calls, O_TRUNC, type RequestOf, sessionSlotsMax, superuser, type WriteReply } from '#protocol';
import type { CallHeader } from '#transport';
import { CallVolume } from './call-volume.ts';
import { fsync } from './data/fsync.ts';
import { getattr } from './meta/getattr.ts';
import { key } from './meta/keys.ts';
import { open } from './meta/open.ts';
import { countOpen } from './meta/opens.ts';
import { setattr } from './meta/setattr.ts';
import { decodeReplay, encodeReplay, type ReplayRecord, type StoredReply } from './replay-record.ts';
import type { Volume } from './volume.ts';

export type Operation = (volume: Volume, request: unknown) => Maybe<unknown>;
/** Does `rest`, what a call whose effect survived a crash has left to do; the outcome is the call's. */
export type Finishing = (record: ReplayRecord, rest: () => Promise<unknown>) => Maybe<unknown>;

/** So many sessions may have called since the server started. */
const sessionsMax = 10_000;
/** How many records one transaction removes. */
const removedAtOnce = 100;

/** The last call in a slot of a session, as far as this run of the server knows. */
interface Slot {
  /** Undefined until the store was asked. */
  sequence: number | undefined;
  outcome: Promise<unknown> | undefined;
  /** What the last run stored, when its call is still the last. */
  record: ReplayRecord | undefined;
  /** Settles when all calls that came so far are answered: one call at a time works in a slot. */
  turn: Promise<void>;
}

/**
 * Carries out the calls of sessions exactly once (RFC 8881, section 2.10.6). A repeated call, known by its slot and
 * sequence, gets the outcome of the first; a failure is an outcome too.
 *
 * While the server runs it remembers outcomes in memory. For the time after a crash, the transaction that gives a
 * call its effect also stores the reply, under the slot's `R` key: with the effect, the reply survives, and without
 * it the call is carried out anew. A call that failed had no effect and needs no record. A call is answered when its
 * transaction is durable, so a client never knows more than the server after a crash.
 *
 * | call | the transaction that must not be repeated | left to do when it has survived a crash |
 * |---|---|---|
 * | make, makeUnnamed, link, unlink, rmdir, rename, setxattr, removexattr, setflags, setattr without a size | its only one, which returns the reply | count the open of a file just made |
 * | write, fallocate, copyRange | the last, which shows the change: what reached the blob before it is written again | sync, where asked for |
 * | setattr with a size, open with O_TRUNC | the truncation's | all but the truncation, which does no harm twice |
 * | open without O_TRUNC, release | none: what is open is known in memory only | all |
 *
 * A sequence may skip some: the calls of a client that gave up waiting. Those come too late then, and are refused.
 */
export class ReplayCache {
  readonly #volume: Volume;
  readonly #sessions = new Map<number, (Slot | undefined)[]>();

  constructor(volume: Volume) {
    this.#volume = volume;
  }

  /**
   * The outcome of the call, from now or from before. Fails with `stale` when the slot has gone on to a later call,
   * with `invalid` when slot or sequence are none, and with whatever the operation fails with.
   */
  answer(header: CallHeader, request: unknown, operation: Operation, finishing?: Finishing): Promise<unknown> {
    const slot = this.#slot(header);
    const answer = slot.turn.then(() => this.#inTurn(slot, header, request, operation, finishing));
    slot.turn = answer.then(nothing, nothing);
    return answer;
  }

  /** How many slots of a session have been used in this run. */
  slotsOf(session: number): number {
    return this.#sessions.get(session)?.filter((slot) => slot !== undefined).length ?? 0;
  }

  /** The session is over: nothing of it will be repeated. */
  async end(session: number): Promise<void> {
    this.#sessions.delete(session);
    const prefix = key.replays(session);
    const remove = (): Maybe<number> =>
      this.#volume.store.transact((tx) => {
        const pairs = tx.list(prefix, prefix, removedAtOnce);
        for (const pair of pairs) tx.delete(pair.key);
        return pairs.length;
      });
    while ((await remove()) === removedAtOnce);
  }

  #slot({ session, slot: index, sequence }: CallHeader): Slot {
    if (!(index >= 0 && index < sessionSlotsMax) || !(sequence > 0)) {
      fail('invalid', `session ${session}: slot ${index}, sequence ${sequence}`);
    }
    let slots = this.#sessions.get(session);
    if (slots === undefined) {
      if (this.#sessions.size >= sessionsMax) fail('tooManyOpenSystem', `${sessionsMax} sessions are known`);
      slots = [];
      this.#sessions.set(session, slots);
    }
    slots[index] ??= { sequence: undefined, outcome: undefined, record: undefined, turn: Promise.resolve() };
    return slots[index];
  }

  async #inTurn(
    slot: Slot,
    header: CallHeader,
    request: unknown,
    operation: Operation,
    finishing: Finishing = (_record, rest) => rest(),
  ): Promise<unknown> {
    if (slot.sequence === undefined) {
      slot.record = await this.#load(header);
      slot.sequence = slot.record?.sequence ?? 0;
    }
    const { session, slot: index, sequence, code } = header;
    if (sequence < slot.sequence) {
      fail('stale', `session ${session}, slot ${index}: ${sequence} comes after ${slot.sequence}`);
    }
    if (sequence > slot.sequence) {
      slot.sequence = sequence;
      slot.record = undefined;
      slot.outcome = this.#carryOut(header, request, operation);
    } else if (slot.record !== undefined) {
      if (slot.record.code !== code) fail('invalid', `session ${session}, slot ${index}: call ${code} repeats another`);
      const { record } = slot;
      slot.outcome = Promise.resolve(finishing(record, () => finish(this.#volume, record, request)));
      slot.record = undefined;
    }
    return slot.outcome;
  }

  async #load({ session, slot }: CallHeader): Promise<ReplayRecord | undefined> {
    const bytes = await this.#volume.store.read((snapshot) => snapshot.get(key.replay(session, slot)));
    return bytes && decodeReplay(bytes);
  }

  async #carryOut(header: CallHeader, request: unknown, operation: Operation): Promise<unknown> {
    const { session, slot, sequence, code } = header;
    const recordKey = key.replay(session, slot);
    const volume = new CallVolume(
      this.#volume,
      (tx, reply) => tx.put(recordKey, encodeReplay({ sequence, code, reply: reply as StoredReply })),
      keptBy(code, request),
    );
    const reply = await operation(volume, request);
    await this.#volume.store.flush();
    return reply;
  }
}

/** See the table above. */
function keptBy(code: number, request: unknown): 'transaction' | 'operation' {
  switch (code) {
    case calls.setattr.code:
      return (request as RequestOf<'setattr'>).changes.size === undefined ? 'transaction' : 'operation';
    case calls.write.code:
    case calls.fallocate.code:
    case calls.copyRange.code:
    case calls.open.code:
    case calls.release.code:
      return 'operation';
    default:
      return 'transaction';
  }
}

/** Does what a call whose effect survived a crash has left to do, and gives its reply. */
async function finish(volume: Volume, { code, reply }: ReplayRecord, request: unknown): Promise<unknown> {
  switch (code) {
    case calls.make.code:
      if ((request as RequestOf<'make'>).open) countOpen(volume, (reply as { ino: Ino }).ino);
      return reply;
    case calls.makeUnnamed.code:
      countOpen(volume, (reply as { ino: Ino }).ino);
      return reply;
    case calls.write.code: {
      const { sync, ino } = request as RequestOf<'write'>;
      if (sync) await fsync(volume, { ino, dataOnly: true });
      return reply;
    }
    case calls.copyRange.code:
      // What went through memory was recorded by a write.
      return typeof reply === 'number' ? reply : (reply as WriteReply).written;
    case calls.setattr.code:
      return (request as RequestOf<'setattr'>).changes.size === undefined
        ? reply
        : changeRest(volume, request as RequestOf<'setattr'>);
    case calls.open.code:
      return openRest(volume, request as RequestOf<'open'>);
    default:
      return reply;
  }
}

function changeRest(volume: Volume, { caller, ino, changes }: RequestOf<'setattr'>): Maybe<unknown> {
  const { mode, uid, gid, atime, mtime, killPrivileges } = changes;
  const rest = mode ?? uid ?? gid ?? atime ?? killPrivileges;
  if (rest === undefined && typeof mtime !== 'object') return getattr(volume, { ino });
  const { size: _done, ...others } = changes;
  return setattr(volume, { caller, ino, changes: { mtime: 'now', ...others } });
}

async function openRest(volume: Volume, request: RequestOf<'open'>): Promise<unknown> {
  const { ino, flags, killPrivileges } = request;
  if (killPrivileges) await setattr(volume, { caller: superuser, ino, changes: { killPrivileges } });
  return open(volume, { ...request, flags: flags & ~O_TRUNC });
}

function nothing(): void {
  // A turn ends however the call did.
}
