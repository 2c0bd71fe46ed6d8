import type { Ino } from '#base';

/** How many names all directories together may have in here. */
const namesMax = 262_144;

/**
 * Directories that were made in this run, each with a mark for every name that was ever put into it: a name without
 * a mark is absent, and the store need not be asked. Marks of names that are gone, or whose making was rolled back,
 * do no harm but a question in vain. Bounded: the oldest directories lose their place.
 */
export class NewDirectories {
  readonly #directories = new Map<Ino, NameMarks>();
  #count = 0;

  /** `ino` is a directory that nobody has put anything into. */
  begin(ino: Ino): void {
    this.#directories.set(ino, new NameMarks(this));
    this.counted();
  }

  /** The marks of a directory; undefined when the store must be asked. */
  marksOf(ino: Ino): NameMarks | undefined {
    return this.#directories.get(ino);
  }

  end(ino: Ino): void {
    const marks = this.#directories.get(ino);
    if (marks === undefined) return;
    this.#count -= marks.size + 1;
    this.#directories.delete(ino);
  }

  /** There is one name or directory more. */
  counted(): void {
    this.#count += 1;
    while (this.#count > namesMax) this.end(this.#directories.keys().next().value!);
  }
}

/** The marks of one directory. */
export class NameMarks {
  /** Most directories stay empty for a while, and many for ever. */
  #marks: Set<number> | undefined;
  readonly #all: NewDirectories;

  constructor(all: NewDirectories) {
    this.#all = all;
  }

  get size(): number {
    return this.#marks?.size ?? 0;
  }

  /** Whether a name with this hash may be there. */
  has(hash: number): boolean {
    return this.#marks?.has(smallOf(hash)) ?? false;
  }

  add(hash: number): void {
    const mark = smallOf(hash);
    this.#marks ??= new Set();
    const { size } = this.#marks;
    if (this.#marks.add(mark).size > size) this.#all.counted();
  }
}

/** A small integer of the hash: V8 keeps those without allocating. */
function smallOf(hash: number): number {
  return hash & 0x3fffffff;
}
