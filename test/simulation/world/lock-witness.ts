import type { Ino } from '#base';
import type { LockRange } from '#protocol';

export interface WitnessedLock {
  readonly client: string;
  readonly ino: Ino;
  readonly lock: LockRange;
}

/**
 * Who certainly holds which lock: from when the call that set it has returned until the call that ends it begins, or
 * until something happens to the client by which it may lose its session and never know.
 */
export class LockWitness {
  readonly #held = new Set<WitnessedLock>();

  /** Fails when somebody else certainly holds what excludes this. */
  granted(granted: WitnessedLock): void {
    for (const held of this.#held) {
      if (!excludes(held, granted)) continue;
      throw new Error(`two hold a lock:\n  ${JSON.stringify(held)}\n  ${JSON.stringify(granted)}`);
    }
    this.#held.add(granted);
  }

  released(lock: WitnessedLock): void {
    this.#held.delete(lock);
  }

  /** Of this client nothing is certain any more. */
  doubt(client: string): void {
    for (const held of this.#held) if (held.client === client) this.#held.delete(held);
  }
}

function excludes(a: WitnessedLock, b: WitnessedLock): boolean {
  if (a.ino !== b.ino || a.lock.type !== b.lock.type || a.lock.owner === b.lock.owner) return false;
  if (!a.lock.exclusive && !b.lock.exclusive) return false;
  return a.lock.start <= b.lock.end && b.lock.start <= a.lock.end;
}
