import type { Ino } from '#base';
import type { NamesFacts } from '../history/names-model.ts';

/** What all applications of a world work on: a small tree, so that they meet often. */
export class Places implements NamesFacts {
  /** Directories that stay. */
  readonly roots: Ino[] = [];
  readonly directories = new Set<number>();
  readonly rootNames = ['a', 'b'];
  /** Names in the directories. */
  readonly names: string[];
  readonly #owned: boolean;
  #tokens = 0;
  #owners = 1;

  /** `names`: everybody changes all of them, or each process has its own. */
  constructor(names: 'shared' | 'owned') {
    this.#owned = names === 'owned';
    this.names = this.#owned ? [] : ['x', 'y', 'z'];
  }

  /** The names that only `process` changes; undefined where all are shared. */
  namesFor(process: string): string[] | undefined {
    if (!this.#owned) return undefined;
    const own = ['x', 'y'].map((name) => `${name} of ${process}`);
    this.names.push(...own);
    return own;
  }

  /** A lock owner that nobody else is. */
  lockOwner(): string {
    return (this.#owners++).toString(16).padStart(16, '0');
  }

  /** Bytes that nobody else writes. */
  token(length: number): string {
    const token = `${(this.#tokens++).toString(36)}.`;
    return token.repeat(Math.ceil(length / token.length)).slice(0, length);
  }
}
