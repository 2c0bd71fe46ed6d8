/**
 * The time after a start until every session that was there before has said what it had open and locked, or is over.
 * Until then nothing is changed that one of them may count on.
 */
export class Grace {
  readonly #missing: Set<number>;
  /** Those that may still believe in leases of before the start. */
  readonly #unheard: Set<number>;
  readonly #over = Promise.withResolvers<void>();
  readonly #heard = Promise.withResolvers<void>();

  constructor(sessions: Iterable<number>) {
    this.#missing = new Set(sessions);
    this.#unheard = new Set(this.#missing);
    if (this.#missing.size > 0) return;
    this.#over.resolve();
    this.#heard.resolve();
  }

  get isOver(): boolean {
    return this.#missing.size === 0;
  }

  /** How many sessions are waited for. */
  get missing(): number {
    return this.#missing.size;
  }

  /** Resolves when it is over. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  /** Whether nobody believes in leases of before the start any more. */
  get areLeasesGone(): boolean {
    return this.#unheard.size === 0;
  }

  /** Resolves when they are gone: what a crash left half done may then be done. */
  get leasesGone(): Promise<void> {
    return this.#heard.promise;
  }

  /** The session has begun to reclaim, and so has dropped all that it had leases on. */
  begun(session: number): void {
    if (this.#unheard.delete(session) && this.#unheard.size === 0) this.#heard.resolve();
  }

  /** The session has reclaimed all it had, or is over. */
  done(session: number): void {
    this.begun(session);
    if (this.#missing.delete(session) && this.#missing.size === 0) this.#over.resolve();
  }
}
