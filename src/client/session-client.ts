import { strict as assert } from 'node:assert';
import { below, type Clock, FsError, type Random, sleep } from '#base';
import { type CallName, calls, type ReplyOf, type RequestOf, sessionSlotsMax } from '#protocol';
import type { CallHeader, Connection } from '#transport';
import type { Client } from './client.ts';
import { Slots } from './slots.ts';

export interface SessionClientOptions {
  /** Above 0, below 2^53, and no other client's. */
  readonly session: number;
  /** Makes a new connection to the server; never fails by itself. */
  readonly connect: () => Connection;
  readonly clock: Clock;
  readonly random: Random;
  /** Calls that are not idempotent under way at a time, at most `sessionSlotsMax`. */
  readonly slots?: number;
  /** Calls that wait for a slot; one more fails with `busy`. */
  readonly waitingMax?: number;
  /** A call without a reply after so long fails with `timedOut`, and may yet be carried out. */
  readonly deadlineMs?: number;
}

/** The first pause before a repetition; it doubles up to the last. Half of each is chance, so that clients spread. */
const firstPauseMs = 50;
const lastPauseMs = 10_000;

/**
 * A client whose calls survive broken connections and server restarts. An idempotent call is simply repeated. Any
 * other takes a slot and its next sequence, and every repetition carries the same two, by which the server knows
 * that it has the reply already: the call is carried out once (NFSv4.1's scheme).
 */
export class SessionClient implements Client {
  readonly files = undefined;
  readonly #options: SessionClientOptions;
  readonly #deadlineMs: number;
  readonly #slots: Slots;
  #connection: Connection | undefined;
  #closed = false;

  constructor(options: SessionClientOptions) {
    const { session, slots = sessionSlotsMax, waitingMax = 4096, deadlineMs = 60_000 } = options;
    assert(Number.isSafeInteger(session) && session > 0, `session ${session}`);
    assert(slots > 0 && slots <= sessionSlotsMax, `${slots} slots`);
    this.#options = options;
    this.#deadlineMs = deadlineMs;
    this.#slots = new Slots(slots, waitingMax);
  }

  call<N extends CallName>(name: N, request: RequestOf<N>): Promise<ReplyOf<N>> {
    const row = calls[name];
    const reply = this.#withDeadline(name, (call) =>
      row.idempotent
        ? this.#repeat(call, { code: row.code, session: this.#options.session, slot: 0, sequence: 0 }, request)
        : this.#inSlot(call, row.code, request),
    );
    return reply as Promise<ReplyOf<N>>;
  }

  /** Fails calls under way with `disconnected`, and all that come. */
  close(): void {
    this.#closed = true;
    this.#connection?.close();
    this.#connection = undefined;
  }

  async #inSlot(call: CallUnderWay, code: number, request: unknown): Promise<unknown> {
    const waiting = this.#slots.take();
    call.onGivenUp = waiting.leave;
    const slot = await waiting.slot;
    try {
      // The sequence goes up whatever became of the call before: the server skips one that never reached it.
      slot.sequence += 1;
      const { index, sequence } = slot;
      return await this.#repeat(call, { code, session: this.#options.session, slot: index, sequence }, request);
    } finally {
      this.#slots.giveBack(slot);
    }
  }

  async #repeat(call: CallUnderWay, header: CallHeader, request: unknown): Promise<unknown> {
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, lastPauseMs)) {
      if (this.#closed) throw new FsError('disconnected', `session ${this.#options.session} is closed`);
      this.#connection ??= this.#options.connect();
      const connection = this.#connection;
      try {
        return await Promise.race([connection.call(header, request), call.givenUp]);
      } catch (error) {
        if (!(error instanceof FsError && error.status === 'disconnected') || this.#closed) throw error;
        if (this.#connection === connection) this.#connection = undefined;
      }
      const { clock, random } = this.#options;
      await Promise.race([sleep(clock, pauseMs / 2 + below(random, pauseMs / 2)), call.givenUp]);
    }
  }

  async #withDeadline<T>(name: CallName, run: (call: CallUnderWay) => Promise<T>): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => undefined);
    const call: CallUnderWay = { givenUp: promise, onGivenUp: undefined };
    const timer = this.#options.clock.after(this.#deadlineMs, () => {
      reject(new FsError('timedOut', `${name}: no reply within ${this.#deadlineMs} ms`));
      call.onGivenUp?.();
    });
    try {
      return await Promise.race([run(call), promise]);
    } finally {
      timer.cancel();
    }
  }
}

interface CallUnderWay {
  /** Fails when the deadline is there. */
  readonly givenUp: Promise<never>;
  onGivenUp: (() => void) | undefined;
}
