import type { Ino } from '#base';
import type { Operation } from './history.ts';
import { type Model, TooManyOrders } from './linearizable.ts';

/** What each name means; no entry: nothing. An inode that a doubtful call made has a negative number until it is seen. */
type Names = ReadonlyMap<string, number>;

export interface NamesFacts {
  /** Directories that are there at the beginning and never go. */
  readonly roots: readonly Ino[];
  /** Inodes that are directories. */
  readonly directories: ReadonlySet<number>;
}

const ok = 'ok';

/** All directories of a volume together, since a rename couples any two: names, and how many each inode has. */
export class NamesModel implements Model<Names> {
  readonly initial: Names = new Map();
  readonly #facts: NamesFacts;
  readonly #doubtfulDirectories = new Set<number>();

  constructor(facts: NamesFacts) {
    this.#facts = facts;
  }

  key(state: Names): string {
    return [...state]
      .map(([name, ino]) => `${name}=${ino}`)
      .sort()
      .join(' ');
  }

  apply(before: Names, operation: Operation): Names | undefined {
    const { input, output } = operation;
    const state = this.#bound(before, operation);
    switch (input.kind) {
      case 'lookup':
        return this.#isGone(state, input.dir)
          ? unless(output !== undefined && output !== 'notFound' && output !== 'stale', state)
          : found(state, keyOf(input.dir, input.name), output as number | undefined | string);
      case 'make':
        return this.#make(state, operation, input);
      case 'unlink':
      case 'rmdir':
        return this.#remove(state, operation, input);
      case 'rename':
        return this.#rename(state, operation, input);
      case 'list':
        return this.#list(state, input.dir, output as ReadonlyMap<string, number> | string);
      case 'links':
        return linksOf(state, input.ino) === output ? state : undefined;
      case 'gone':
        return linksOf(state, input.ino) === 0 ? state : undefined;
      default:
        throw new Error(`names have no ${input.kind}`);
    }
  }

  /**
   * A directory whose making was in doubt may be worked in before anybody looked its name up: what answers as a
   * directory that is there, and has no name, is that one.
   */
  #bound(state: Names, operation: Operation): Names {
    const { input, output } = operation;
    if (isOpen(operation) || output === undefined || goneStatuses.has(output as string)) return state;
    if (!('dir' in input) || !this.#isGone(state, input.dir)) return state;
    const candidates = [...state].filter(([, ino]) => this.#doubtfulDirectories.has(ino));
    if (candidates.length > 1) throw new TooManyOrders();
    const [name] = candidates[0] ?? [];
    return name === undefined ? state : with_(state, name, input.dir);
  }

  #make(
    state: Names,
    operation: Operation,
    input: { dir: Ino; name: string; isDirectory: boolean },
  ): Names | undefined {
    const key = keyOf(input.dir, input.name);
    const right = this.#isGone(state, input.dir) ? 'notFound' : state.has(key) ? 'exists' : ok;
    if (isOpen(operation)) {
      if (input.isDirectory) this.#doubtfulDirectories.add(-operation.began);
      return right === ok ? with_(state, key, -operation.began) : undefined;
    }
    const { output } = operation;
    if (typeof output === 'number') return right === ok ? with_(state, key, output) : undefined;
    return refused(state, right, output);
  }

  #remove(state: Names, operation: Operation, input: { kind: string; dir: Ino; name: string }): Names | undefined {
    const key = keyOf(input.dir, input.name);
    const right = this.#removalOf(state, state.get(key), input.kind === 'rmdir');
    return outcome(state, right, operation, () => without(state, key));
  }

  #removalOf(state: Names, ino: number | undefined, isRmdir: boolean): string {
    if (ino === undefined) return 'notFound';
    const isDirectory = this.#isDirectory(ino);
    if (isRmdir && !isDirectory) return 'notDirectory';
    if (!isRmdir && isDirectory) return 'isDirectory';
    return isRmdir && !isEmpty(state, ino) ? 'notEmpty' : ok;
  }

  #rename(
    state: Names,
    operation: Operation,
    input: { dir: Ino; name: string; toDir: Ino; toName: string },
  ): Names | undefined {
    const from = keyOf(input.dir, input.name);
    const to = keyOf(input.toDir, input.toName);
    const moved = state.get(from);
    // What would put a directory below itself, or in place of one that it is in, is refused before anything else.
    if (operation.output === 'invalid') return state;
    if (moved === undefined || this.#isGone(state, input.toDir)) return outcome(state, 'notFound', operation, same);
    if (from === to) return outcome(state, ok, operation, () => state);
    const replaced = state.get(to);
    // A directory in the way of what lies below it is refused as full, whatever comes.
    if (operation.output === 'notEmpty' && replaced !== undefined && !isEmpty(state, replaced)) return state;
    const right = this.#replacement(state, moved, replaced);
    return outcome(state, right, operation, () => with_(without(state, from), to, moved));
  }

  #replacement(state: Names, moved: number, replaced: number | undefined): string {
    if (replaced === undefined) return ok;
    if (this.#isDirectory(moved) && !this.#isDirectory(replaced)) return 'notDirectory';
    if (!this.#isDirectory(moved) && this.#isDirectory(replaced)) return 'isDirectory';
    return this.#isDirectory(replaced) && !isEmpty(state, replaced) ? 'notEmpty' : ok;
  }

  #list(state: Names, dir: Ino, output: ReadonlyMap<string, number> | string): Names | undefined {
    const isGone = this.#isGone(state, dir);
    if (typeof output === 'string') return isGone && goneStatuses.has(output) ? state : undefined;
    if (isGone) return output.size === 0 ? state : undefined;
    const prefix = `${dir}/`;
    let next = state;
    let count = 0;
    for (const key of state.keys()) {
      if (!key.startsWith(prefix)) continue;
      count += 1;
      const bound = found(next, key, output.get(key.slice(prefix.length)));
      if (bound === undefined) return undefined;
      next = bound;
    }
    return count === output.size ? next : undefined;
  }

  #isDirectory(ino: number): boolean {
    return this.#facts.directories.has(ino) || this.#doubtfulDirectories.has(ino);
  }

  #isGone(state: Names, dir: Ino): boolean {
    return !this.#facts.roots.includes(dir) && linksOf(state, dir) === 0;
  }
}

function isOpen({ isDoubtful, ended }: Operation): boolean {
  return isDoubtful || ended === Number.POSITIVE_INFINITY;
}

const goneStatuses = new Set(['notFound', 'stale']);

function refused(state: Names, right: string, output: unknown): Names | undefined {
  if (right === 'notFound') return goneStatuses.has(output as string) ? state : undefined;
  return right !== ok && right === output ? state : undefined;
}

/** The state that `right` leads to, if that is what the application was told. */
function outcome(state: Names, right: string, operation: Operation, next: () => Names): Names | undefined {
  if (isOpen(operation)) return right === ok ? next() : undefined;
  if (right === ok) return operation.output === ok ? next() : undefined;
  return refused(state, right, operation.output);
}

/** The name means `output`; an inode whose number was not known gets this one. */
function found(state: Names, key: string, output: number | undefined | string): Names | undefined {
  const ino = state.get(key);
  if (ino === undefined || ino > 0) return ino === output ? state : undefined;
  if (typeof output !== 'number' || [...state.values()].includes(output)) return undefined;
  return new Map([...state].map(([name, each]) => [name, each === ino ? output : each]));
}

function linksOf(state: Names, ino: number): number {
  let count = 0;
  for (const each of state.values()) if (each === ino) count += 1;
  return count;
}

function isEmpty(state: Names, dir: number): boolean {
  const prefix = `${dir}/`;
  for (const key of state.keys()) if (key.startsWith(prefix)) return false;
  return true;
}

function same(): Names {
  throw new Error('a refused call changes nothing');
}

function with_(state: Names, key: string, ino: number): Names {
  return new Map(state).set(key, ino);
}

function without(state: Names, key: string): Names {
  const next = new Map(state);
  next.delete(key);
  return next;
}

function keyOf(dir: Ino, name: string): string {
  return `${dir}/${name}`;
}

function unless(isWrong: boolean, state: Names): Names | undefined {
  return isWrong ? undefined : state;
}
