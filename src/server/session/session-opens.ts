import type { Ino } from '#base';
import { FMODE_EXEC, O_ACCMODE, O_RDWR, O_WRONLY, type RequestOf } from '#protocol';

/** How an inode was opened, as bits. */
export const opened = { read: 1, write: 2 } as const;

interface HeldInode {
  count: number;
  /** All that was proven since the count was 0: releases do not say which open they end. */
  access: number;
}

/** What one session has open, and what it proved for that. */
export class SessionOpens {
  readonly #held = new Map<Ino, HeldInode>();
  #total = 0;

  /** Opens of all inodes. */
  get total(): number {
    return this.#total;
  }

  add(ino: Ino, access: number, count = 1): void {
    this.#total += count;
    const held = this.#held.get(ino);
    if (held === undefined) this.#held.set(ino, { count, access });
    else {
      held.count += count;
      held.access |= access;
    }
  }

  /** How many of `count` opens end; fewer where the session has not so many. */
  remove(ino: Ino, count: number): number {
    const held = this.#held.get(ino);
    if (held === undefined) return 0;
    const ended = Math.min(count, held.count);
    held.count -= ended;
    this.#total -= ended;
    if (held.count === 0) this.#held.delete(ino);
    return ended;
  }

  has(ino: Ino): boolean {
    return this.#held.has(ino);
  }

  countOf(ino: Ino): number {
    return this.#held.get(ino)?.count ?? 0;
  }

  /** Whether all of `access` was proven. */
  permits(ino: Ino, access: number): boolean {
    return ((this.#held.get(ino)?.access ?? 0) & access) === access;
  }

  *all(): Iterable<{ ino: Ino; count: number }> {
    for (const [ino, { count }] of this.#held) yield { ino, count };
  }
}

/** What an open proves. A program is read by whoever may execute it. */
export function accessOfOpen({ flags }: Pick<RequestOf<'open'>, 'flags'>): number {
  if ((flags & FMODE_EXEC) !== 0) return opened.read;
  switch (flags & O_ACCMODE) {
    case O_RDWR:
      return opened.read | opened.write;
    case O_WRONLY:
      return opened.write;
    default:
      return opened.read;
  }
}
