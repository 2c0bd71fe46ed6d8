import type { Ino } from '#base';
import type { HeldOpen } from '#protocol';

/** How often the session has each inode open, as far as the server has acknowledged it. */
export class HeldOpens {
  readonly #counts = new Map<Ino, number>();

  add(ino: Ino, count: number): void {
    const now = (this.#counts.get(ino) ?? 0) + count;
    if (now > 0) this.#counts.set(ino, now);
    else this.#counts.delete(ino);
  }

  clear(): void {
    this.#counts.clear();
  }

  list(): HeldOpen[] {
    return [...this.#counts].map(([ino, count]) => ({ ino, count }));
  }
}
