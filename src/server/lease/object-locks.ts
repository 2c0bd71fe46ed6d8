import type { Ino } from '#base';

/** What a call does with an object: reads go together, a change goes alone. */
export interface Claim {
  readonly ino: Ino;
  readonly changes: boolean;
}

interface ObjectLock {
  /** How many read it now; -1 while one changes it. */
  readers: number;
  readonly line: Place[];
}

interface Place {
  readonly changes: boolean;
  readonly enter: () => void;
}

/**
 * Locks on objects by inode number, first come first served. Whoever needs several takes them in the order of their
 * numbers, so that no two wait for each other.
 */
export class ObjectLocks {
  readonly #locks = new Map<Ino, ObjectLock>();

  /** Takes all claims at once where nobody is in the way, else in their order. `claims` are sorted, each inode once. */
  take(claims: readonly Claim[]): void | Promise<void> {
    for (let at = 0; at < claims.length; at++) {
      const waiting = this.#enter(claims[at]!);
      if (waiting !== undefined) return this.#takeRest(claims, at + 1, waiting);
    }
  }

  /** Whether nobody is in the way of any of the claims. */
  areFree(claims: readonly Claim[]): boolean {
    if (this.#locks.size === 0) return true;
    for (const { ino, changes } of claims) {
      const lock = this.#locks.get(ino);
      if (lock !== undefined && (changes || lock.readers < 0 || lock.line.length > 0)) return false;
    }
    return true;
  }

  /** Whether somebody changes it now. */
  isChanging(ino: Ino): boolean {
    return this.#locks.size > 0 && (this.#locks.get(ino)?.readers ?? 0) < 0;
  }

  release(claims: readonly Claim[]): void {
    for (const { ino, changes } of claims) {
      const lock = this.#locks.get(ino)!;
      lock.readers = changes ? 0 : lock.readers - 1;
      this.#admit(ino, lock);
    }
  }

  async #takeRest(claims: readonly Claim[], from: number, first: Promise<void>): Promise<void> {
    await first;
    for (let at = from; at < claims.length; at++) await this.#enter(claims[at]!);
  }

  #enter({ ino, changes }: Claim): Promise<void> | undefined {
    const lock = this.#locks.get(ino);
    if (lock === undefined) {
      this.#locks.set(ino, { readers: changes ? -1 : 1, line: [] });
      return undefined;
    }
    if (!changes && lock.readers > 0 && lock.line.length === 0) {
      lock.readers++;
      return undefined;
    }
    return new Promise((enter) => void lock.line.push({ changes, enter }));
  }

  #admit(ino: Ino, lock: ObjectLock): void {
    while (lock.line.length > 0) {
      const { changes, enter } = lock.line[0]!;
      if (changes ? lock.readers !== 0 : lock.readers < 0) return;
      lock.readers = changes ? -1 : lock.readers + 1;
      lock.line.shift();
      enter();
    }
    if (lock.readers === 0) this.#locks.delete(ino);
  }
}

/** Sorted, each inode once, as a change where any of its claims is one. */
export function sortedClaims(claims: Claim[]): readonly Claim[] {
  if (claims.length < 2) return claims;
  claims.sort((a, b) => a.ino - b.ino || Number(b.changes) - Number(a.changes));
  return claims.filter((claim, at) => at === 0 || claims[at - 1]!.ino !== claim.ino);
}
