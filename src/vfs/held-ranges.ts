import type { Ino } from '#base';
import type { HeldLock, LockRange } from '#protocol';

/** The ranges that the owners of a mount hold, by POSIX's rules: of one owner a new lock takes the place of older ones. */
export class HeldRanges {
  readonly #ranges = new Map<string, { readonly ino: Ino; locks: LockRange[] }>();

  has(ino: Ino, lock: LockRange): boolean {
    const held = this.#ranges.get(keyOf(ino, lock));
    return held?.locks.some((each) => overlap(each, lock)) ?? false;
  }

  add(ino: Ino, lock: LockRange): void {
    this.remove(ino, lock);
    const key = keyOf(ino, lock);
    const held = this.#ranges.get(key);
    if (held === undefined) this.#ranges.set(key, { ino, locks: [lock] });
    else held.locks = merged([...held.locks, lock]);
  }

  remove(ino: Ino, lock: LockRange): void {
    const key = keyOf(ino, lock);
    const held = this.#ranges.get(key);
    if (held === undefined) return;
    held.locks = held.locks.flatMap((each) => without(each, lock));
    if (held.locks.length === 0) this.#ranges.delete(key);
  }

  clear(): void {
    this.#ranges.clear();
  }

  list(): HeldLock[] {
    return [...this.#ranges.values()].flatMap(({ ino, locks }) => locks.map((lock) => ({ ino, lock })));
  }
}

const keyOf = (ino: Ino, { type, owner }: LockRange): string => `${ino} ${type} ${owner}`;

const overlap = (a: LockRange, b: LockRange): boolean => a.start <= b.end && b.start <= a.end;

/** What is left of `held` outside `taken`. */
function without(held: LockRange, taken: LockRange): LockRange[] {
  if (!overlap(held, taken)) return [held];
  const left: LockRange[] = [];
  if (held.start < taken.start) left.push({ ...held, end: taken.start - 1 });
  if (held.end > taken.end) left.push({ ...held, start: taken.end + 1 });
  return left;
}

/** Neighbours of one kind become one. */
function merged(locks: LockRange[]): LockRange[] {
  locks.sort((a, b) => a.start - b.start);
  const result: LockRange[] = [];
  for (const lock of locks) {
    const last = result.at(-1);
    const joins = last !== undefined && last.exclusive === lock.exclusive && last.end + 1 >= lock.start;
    if (joins) result[result.length - 1] = { ...last, end: Math.max(last.end, lock.end) };
    else result.push(lock);
  }
  return result;
}
