import { FsError, statuses } from '#base';
import {
  type Answer,
  type Caller,
  type CallName,
  calls,
  fromPlainCaller,
  isDoneInSteps,
  type ReplyOf,
  type RequestOf,
  type SessionCallName,
  type SessionFacts,
  type SessionReplyOf,
  type SessionRequestOf,
  sessionCalls,
  sessionSlotsMax,
  toPlainCaller,
} from '#protocol';
import type { CallHeader } from '#transport';
import type { Link } from './link.ts';
import { Patience } from './patience.ts';
import {
  firstPauseMs,
  lastPauseMs,
  SessionKeeper,
  type SessionKeeperOptions,
  type SessionListener,
} from './session-keeper.ts';
import { type Slot, Slots } from './slots.ts';

export interface MountSessionOptions extends SessionKeeperOptions {
  /** How long a call waits; 0: for ever. */
  readonly timeoutMs: number;
  /** Calls that are not idempotent under way at a time, at most `sessionSlotsMax`. */
  readonly slots?: number;
  /** Calls that wait for a slot; one more fails with `busy`. */
  readonly waitingMax?: number;
}

export interface CallOptions {
  /** Aborts when the caller was interrupted: the call fails with `cancelled` unless an answer is near. */
  readonly signal?: AbortSignal | undefined;
  readonly late?: LateOutcome;
}

/** For a change whose caller may give up while its outcome is still unknown. */
export interface LateOutcome {
  /** Set before the call fails: the outcome will be told. */
  isAwaited: boolean;
  /** The answer; undefined where the change failed after all, or nobody will ever know. */
  known(answer: Answer<unknown> | undefined): void;
}

/**
 * The session of one mount: its calls wait for connections, attaching and reclaiming, and survive broken connections
 * and restarts of the server. One that is not idempotent is carried out once: every repetition has the same slot and
 * sequence (NFSv4.1's scheme).
 */
export class MountSession {
  readonly #options: MountSessionOptions;
  readonly #keeper: SessionKeeper;
  /** Of the incarnation with this number. */
  #slots: Slots;
  #slotsOf = 0;
  readonly #waiting = new Set<Patience>();

  constructor(options: MountSessionOptions) {
    this.#options = options;
    this.#keeper = new SessionKeeper(options);
    this.#slots = this.#newSlots();
    this.#keeper.onDisconnected = () => {
      for (const patience of this.#waiting) patience.disconnected();
    };
  }

  /** Creates the session. Fails with what the server refuses it with, or with `timedOut`. */
  start(listener: SessionListener): Promise<SessionFacts> {
    return this.#keeper.start(listener);
  }

  /** Of the latest session. Fails with `disconnected` before the first. */
  get facts(): SessionFacts {
    return this.#keeper.facts;
  }

  get isConnected(): boolean {
    return this.#keeper.isConnected;
  }

  /** Grows with each session that was lost; what was opened in an earlier one is dead. */
  get incarnation(): number {
    return this.#keeper.incarnation;
  }

  /** How long leases certainly count, in milliseconds. */
  leaseLeftMs(): number {
    return this.#keeper.lifetime.leftMs();
  }

  get ttlMs(): number {
    return this.#keeper.lifetime.ttlMs;
  }

  /**
   * A call of the volume. Fails with what the server fails with; with `timedOut` and `cancelled` when the caller gives
   * up, and with `io` when the session was lost with the call under way, so that its outcome is unknown.
   */
  async call<N extends CallName>(
    name: N,
    request: RequestOf<N>,
    { signal, late }: CallOptions = {},
  ): Promise<Answer<ReplyOf<N>>> {
    const { code, idempotent } = calls[name];
    const patience = this.#patience(name, signal);
    let message = request as { caller?: Caller; data?: Uint8Array };
    try {
      for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, lastPauseMs)) {
        try {
          const answer = idempotent
            ? await this.#repeat(patience, code, message)
            : await this.#inSlot(
                newSlotCall({ patience, code, late, message, isInSteps: isDoneInSteps(name, request) }),
              );
          return answer as Answer<ReplyOf<N>>;
        } catch (error) {
          const { retry } = error instanceof FsError ? statuses[error.status] : { retry: 'never' };
          if (retry !== 'always' || patience.failure !== undefined) throw error;
          if ((error as FsError).status !== 'needsIdentity') await patience.for(this.#keeper.pause(pauseMs));
          else if (message !== request) throw error;
          else message = { ...message, caller: withIdentity(message.caller!) };
        }
      }
    } finally {
      this.#waiting.delete(patience);
      patience.end();
    }
  }

  /** A call about the session, repeated until it is answered. Fails as `call` does. */
  async sessionCall<N extends SessionCallName>(
    name: N,
    request: SessionRequestOf<N>,
    { signal }: Pick<CallOptions, 'signal'> = {},
  ): Promise<SessionReplyOf<N>> {
    const patience = this.#patience(name, signal);
    const incarnation = this.#keeper.incarnation;
    try {
      const stay = (): void => {
        if (incarnation !== this.#keeper.incarnation) throw lost(name);
      };
      return (await this.#repeat(patience, sessionCalls[name].code, request, stay)) as SessionReplyOf<N>;
    } finally {
      this.#waiting.delete(patience);
      patience.end();
    }
  }

  /** The same, but sent once on the connection that is there: what is lost with it is not repeated. Never fails. */
  sendOnce<N extends SessionCallName>(name: N, request: SessionRequestOf<N>): Promise<void> {
    return this.#keeper.sendOnce(name, request);
  }

  /** Ends the session, and fails calls under way with `disconnected`, and all that come. */
  close(): Promise<void> {
    return this.#keeper.close();
  }

  /** Calls until there is an answer. `stay` throws when the call means nothing any more. */
  async #repeat(patience: Patience, code: number, request: unknown, stay?: () => void): Promise<unknown> {
    for (;;) {
      const link = await patience.for(this.#keeper.ready);
      stay?.();
      const { answer } = await patience.for(this.#attempt(link, this.#keeper.header(code), request, patience.signal));
      if (answer !== undefined) return answer.value;
    }
  }

  /** One attempt; without an answer when it is to be repeated. */
  async #attempt(link: Link, header: CallHeader, request: unknown, signal?: AbortSignal): Promise<Attempt> {
    const sentAtMs = this.#options.clock.nowMs();
    try {
      const value = await link.call(header, request, signal);
      this.#keeper.answered(link, sentAtMs);
      return { answer: { value } };
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      if (error.status === 'disconnected') {
        if (this.#keeper.isClosed) throw error;
        return { answer: undefined };
      }
      // `stale` may speak of the inode, or of the session.
      if (error.status === 'stale' && (await this.#keeper.isOver(link))) return { answer: undefined };
      if (error.status !== 'stale') this.#keeper.answered(link, sentAtMs);
      throw error;
    }
  }

  async #inSlot(call: SlotCall): Promise<unknown> {
    const { patience } = call;
    for (;;) {
      const slots = this.#currentSlots();
      const line = slots.take();
      patience.onGivenUp = line.leave;
      const slot = await line.slot;
      patience.onGivenUp = undefined;
      try {
        await patience.for(this.#keeper.ready);
      } catch (error) {
        slots.giveBack(slot);
        throw error;
      }
      if (slots !== this.#currentSlots()) {
        slots.giveBack(slot);
        continue;
      }
      const outcome = this.#carryOut(call, slot).finally(() => {
        this.#keeper.underWayInSteps.delete(outcome);
        slots.giveBack(slot);
      });
      if (call.isInSteps) this.#keeper.underWayInSteps.add(outcome);
      return this.#unlessGivenUp(call, outcome);
    }
  }

  async #unlessGivenUp(call: SlotCall, outcome: Promise<unknown>): Promise<unknown> {
    const { patience, late } = call;
    try {
      return await (call.message.data === undefined
        ? patience.for(outcome)
        : Promise.race([outcome, call.left.promise]));
    } catch (error) {
      if (patience.failure === error && late !== undefined) {
        late.isAwaited = true;
        outcome.then(
          (answer) => late.known(answer as Answer<unknown>),
          () => late.known(undefined),
        );
      }
      throw error;
    }
  }

  /** Repeats the call in its slot until its outcome is known; the caller may have left meanwhile. */
  async #carryOut(call: SlotCall, slot: Slot): Promise<unknown> {
    const incarnation = this.#keeper.incarnation;
    // The sequence goes up whatever became of the call before: the server skips one that never reached it.
    slot.sequence += 1;
    const header = { ...this.#keeper.header(call.code), slot: slot.index, sequence: slot.sequence };
    for (let isFirst = true; ; isFirst = false) {
      const link = isFirst ? this.#keeper.link : await this.#nextLink(call);
      if (incarnation !== this.#keeper.incarnation) throw lost(`call ${call.code}`);
      if (link === undefined) continue;
      const { answer } = await this.#attempt(link, header, call.message);
      if (answer !== undefined) return answer.value;
    }
  }

  /**
   * Bulk data lies where the caller put it, so a caller that gives up leaves only here, where no connection reads it,
   * and with a copy made.
   */
  async #nextLink(call: SlotCall): Promise<Link> {
    const { patience, message } = call;
    const next = (): Promise<Link> => (call.isInSteps ? this.#keeper.readyToRepeat : this.#keeper.ready);
    if (message.data === undefined || call.hasLeft) return next();
    try {
      return await patience.for(next());
    } catch (error) {
      if (patience.failure !== error) throw error;
      call.message = { ...message, data: Uint8Array.prototype.slice.call(message.data) };
      call.hasLeft = true;
      call.left.reject(patience.failure);
      return next();
    }
  }

  /** Slots belong to a session. */
  #currentSlots(): Slots {
    if (this.#slotsOf !== this.#keeper.incarnation) {
      this.#slotsOf = this.#keeper.incarnation;
      this.#slots = this.#newSlots();
    }
    return this.#slots;
  }

  #patience(what: string, signal: AbortSignal | undefined): Patience {
    const { clock, timeoutMs } = this.#options;
    const patience = new Patience({ clock, what, timeoutMs, signal, isConnected: () => this.isConnected });
    this.#waiting.add(patience);
    return patience;
  }

  #newSlots(): Slots {
    const { slots = sessionSlotsMax, waitingMax = 4096 } = this.#options;
    return new Slots(slots, waitingMax);
  }
}

interface Attempt {
  readonly answer: { readonly value: unknown } | undefined;
}

interface SlotCall {
  readonly patience: Patience;
  readonly code: number;
  readonly late: CallOptions['late'];
  /** A crash of the server may leave it half done. */
  readonly isInSteps: boolean;
  message: { readonly caller?: Caller; readonly data?: Uint8Array };
  /** Of a call with bulk data: fails when the caller has left. */
  readonly left: PromiseWithResolvers<never>;
  hasLeft: boolean;
}

function newSlotCall(call: Omit<SlotCall, 'left' | 'hasLeft'>): SlotCall {
  const left = Promise.withResolvers<never>();
  left.promise.catch(() => undefined);
  return { ...call, left, hasLeft: false };
}

function lost(what: string): FsError {
  return new FsError('io', `${what}: the session was lost, and the outcome is unknown`);
}

/** The same caller, with everything looked up that a server may want to know. */
function withIdentity(caller: Caller): Caller {
  return fromPlainCaller(toPlainCaller(caller, 'known'));
}
