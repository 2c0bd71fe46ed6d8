import type { Survival } from './survival.ts';

/** One name's new meaning; undefined: it has none. */
interface Place {
  readonly directory: number;
  readonly name: string;
  readonly ino: number | undefined;
}

/** A change of names; rename(2) changes two at once. */
interface NameChange {
  readonly at: number;
  readonly places: readonly Place[];
}

/** What each directory says: inode numbers by name. */
export type Directories = Map<number, Map<string, number>>;

/** The names of the recorded disk: those that a power cut cannot take, and the changes since. */
export class RecordedNames {
  readonly #durable: Directories = new Map();
  #pending: NameChange[] = [];

  /** A change at the place `at` of the recording; places only grow. */
  change(at: number, ...places: Place[]): void {
    this.#pending.push({ at, places });
  }

  /** Whether a change before `before` is of a name in the directory `ino`, or names the file `ino`. */
  concerns(ino: number, before: number): boolean {
    return this.#pending.some(
      ({ at, places }) => at < before && places.some((place) => place.directory === ino || place.ino === ino),
    );
  }

  /** A sync of `directory` that began at `before` has ended; undefined: one of all directories. */
  sync(before: number, directory: number | undefined): void {
    const isCovered = ({ at, places }: NameChange): boolean =>
      at < before && (directory === undefined || places.some((place) => place.directory === directory));
    const covered = this.#pending.filter(isCovered);
    this.#pending = this.#pending.filter((change) => !isCovered(change));
    for (const change of covered) apply(this.#durable, change);
  }

  /** What the directories say after a power cut now. */
  afterCut(survival: Survival): Directories {
    const names: Directories = new Map();
    for (const [directory, entries] of this.#durable) names.set(directory, new Map(entries));
    /** Directories, or single names, of which a change is lost: later ones are lost too. */
    const behind = new Set<string>();
    for (const change of this.#pending) {
      const orders = change.places.map(({ directory, name }) =>
        survival.model === 'journal' ? `${directory}` : `${directory}/${name}`,
      );
      if (orders.some((order) => behind.has(order)) || !survival.hits()) for (const order of orders) behind.add(order);
      else apply(names, change);
    }
    return names;
  }
}

function apply(names: Directories, { places }: NameChange): void {
  for (const { directory, name, ino } of places) {
    const entries = names.get(directory) ?? new Map<string, number>();
    names.set(directory, entries);
    if (ino === undefined) entries.delete(name);
    else entries.set(name, ino);
  }
}
