import { type Clock, FsError, type Timer } from '#base';

export interface PatienceOptions {
  readonly clock: Clock;
  /** What is waited for, as a failure names it. */
  readonly what: string;
  /** 0: for ever. */
  readonly timeoutMs: number;
  /** Aborts when the caller would rather not wait any longer. */
  readonly signal: AbortSignal | undefined;
  /** Whether a server is there that could answer. */
  readonly isConnected: () => boolean;
}

/**
 * A server that is there answers soon, and what it answers is better than EINTR, which applications take for a
 * failure: so long an interrupted call goes on waiting.
 */
const interruptedMs = 2000;

/** How long one caller waits: until its time is over, or it is interrupted and no answer is near. */
export class Patience {
  readonly #options: PatienceOptions;
  readonly #givenUp = Promise.withResolvers<never>();
  readonly #timer: Timer | undefined;
  readonly #controller: AbortController | undefined;
  readonly #onAbort = (): void => this.interrupt();
  #interrupted: Timer | undefined;
  /** Why the caller waits no longer. */
  failure: FsError | undefined;
  /** Called when the caller gives up. */
  onGivenUp: (() => void) | undefined;

  constructor(options: PatienceOptions) {
    this.#options = options;
    const { clock, timeoutMs, signal, what } = options;
    this.#givenUp.promise.catch(() => undefined);
    if (timeoutMs > 0) {
      const giveUp = (): void => this.#giveUp(new FsError('timedOut', `${what}: no reply within ${timeoutMs} ms`));
      this.#timer = clock.after(timeoutMs, giveUp);
    }
    if (signal === undefined) return;
    this.#controller = new AbortController();
    if (signal.aborted) this.interrupt();
    else signal.addEventListener('abort', this.#onAbort);
  }

  /** For whoever carries the call: aborts when the caller has given up. */
  get signal(): AbortSignal | undefined {
    return this.#controller?.signal;
  }

  /** What `result` gives, unless the caller gives up before. */
  for<T>(result: Promise<T>): Promise<T> {
    return Promise.race([result, this.#givenUp.promise]);
  }

  /** The connection broke: whoever was interrupted waits for no other. */
  disconnected(): void {
    if (this.#interrupted !== undefined) this.#giveUp(this.#cancelled());
  }

  interrupt(): void {
    if (!this.#options.isConnected()) this.#giveUp(this.#cancelled());
    else this.#interrupted ??= this.#options.clock.after(interruptedMs, () => this.#giveUp(this.#cancelled()));
  }

  /** The call is over, one way or the other. */
  end(): void {
    this.#timer?.cancel();
    this.#interrupted?.cancel();
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
  }

  #cancelled(): FsError {
    return new FsError('cancelled', `${this.#options.what}: the caller was interrupted`);
  }

  #giveUp(failure: FsError): void {
    if (this.failure !== undefined) return;
    this.failure = failure;
    this.onGivenUp?.();
    this.#givenUp.reject(failure);
    this.#controller?.abort();
  }
}
