import type { Ino } from '#base';
import type { NamesFacts } from '../history/names-model.ts';

/** What all applications of a world work on: a small tree, so that they meet often. */
export class Places implements NamesFacts {
  /** Directories that stay. */
  readonly roots: Ino[] = [];
  readonly directories = new Set<number>();
  readonly rootNames = ['a', 'b'];
  readonly names = ['x', 'y', 'z'];
  #tokens = 0;

  /** Bytes that nobody else writes. */
  token(length: number): string {
    const token = `${(this.#tokens++).toString(36)}.`;
    return token.repeat(Math.ceil(length / token.length)).slice(0, length);
  }
}
