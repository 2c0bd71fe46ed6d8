import type { Ino, Maybe } from '#base';

/**
 * One at a time per inode: work on content that has to wait for something keeps those that come later waiting, in
 * their order. Work that is done at once costs one look into a map that is mostly empty.
 */
export class InodeTurns {
  /** The end of the last turn that was asked for; it never fails. */
  readonly #last = new Map<Ino, Promise<void>>();

  exclusively<T>(ino: Ino, body: () => Maybe<T>): Maybe<T> {
    const before = this.#last.size === 0 ? undefined : this.#last.get(ino);
    const result = before === undefined ? body() : before.then(body);
    if (result instanceof Promise) this.#hold(ino, result);
    return result;
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#last.size > 0) await Promise.all(this.#last.values());
  }

  #hold(ino: Ino, result: Promise<unknown>): void {
    const done = (): void => {
      if (this.#last.get(ino) === last) this.#last.delete(ino);
    };
    const last: Promise<void> = result.then(done, done);
    this.#last.set(ino, last);
  }
}
