import type { Ino } from '#base';
import { CachedObject } from './cached-object.ts';

export interface ObjectTableLimits {
  readonly objects: number;
  readonly bytes: number;
}

/** Objects looked at for eviction after one addition. */
const sweepMax = 64;

/** The cached objects of a mount, bounded; those not looked at for longest go first. */
export class ObjectTable {
  readonly #objects = new Map<Ino, CachedObject>();
  readonly #limits: ObjectTableLimits;
  readonly #onEvicted: (object: CachedObject) => void;
  #bytes = 0;
  readonly #counted = new Map<Ino, number>();

  constructor(limits: ObjectTableLimits, onEvicted: (object: CachedObject) => void) {
    this.#limits = limits;
    this.#onEvicted = onEvicted;
  }

  get size(): number {
    return this.#objects.size;
  }

  get(ino: Ino): CachedObject | undefined {
    const object = this.#objects.get(ino);
    if (object !== undefined) object.isUsed = true;
    return object;
  }

  ensure(ino: Ino): CachedObject {
    let object = this.get(ino);
    if (object === undefined) {
      object = new CachedObject(ino);
      this.#objects.set(ino, object);
    }
    return object;
  }

  /** An object has grown or shrunk. */
  count(object: CachedObject): void {
    const { ino, bytes } = object;
    if (this.#objects.get(ino) !== object) return;
    this.#bytes += bytes - (this.#counted.get(ino) ?? 0);
    this.#counted.set(ino, bytes);
    this.#evict(object);
  }

  values(): Iterable<CachedObject> {
    return this.#objects.values();
  }

  clear(): void {
    for (const object of this.#objects.values()) {
      // What is in doubt stays so until its change is known.
      if (object.isInDoubt) object.end(~0);
      else this.#remove(object);
    }
  }

  #evict(kept: CachedObject): void {
    const { objects, bytes } = this.#limits;
    for (let looked = 0; looked < sweepMax; looked++) {
      if (this.#objects.size <= objects && this.#bytes <= bytes) return;
      const object: CachedObject = this.#objects.values().next().value!;
      if (object.isUsed || object.isInDoubt || object === kept) {
        object.isUsed = false;
        this.#objects.delete(object.ino);
        this.#objects.set(object.ino, object);
      } else {
        this.#remove(object);
        this.#onEvicted(object);
      }
    }
  }

  #remove({ ino }: CachedObject): void {
    this.#objects.delete(ino);
    this.#bytes -= this.#counted.get(ino) ?? 0;
    this.#counted.delete(ino);
  }
}
