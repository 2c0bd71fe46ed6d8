/**
 * The time after a start until every session that was there before has said what it had open and locked, or is over.
 * Until then nothing is changed that one of them may count on.
 */
export class Grace {
  readonly #missing: Set<number>;
  readonly #over = Promise.withResolvers<void>();

  constructor(sessions: Iterable<number>) {
    this.#missing = new Set(sessions);
    if (this.#missing.size === 0) this.#over.resolve();
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

  /** The session has reclaimed all it had, or is over. */
  done(session: number): void {
    if (this.#missing.delete(session) && this.#missing.size === 0) this.#over.resolve();
  }
}
