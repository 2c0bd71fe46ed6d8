import { type Clock, FsError, type Ino } from '#base';
import { type History, type Input, isDoubtful, type Operation, type Output } from '../history/history.ts';

export interface RecorderOptions {
  readonly history: History;
  /** The world's, not the client's. */
  readonly clock: Clock;
  readonly client: string;
  readonly process: string;
  /** Whether the client may have lost its session. */
  readonly isTroubled: () => boolean;
}

/** What one part of an operation is about. */
export interface Part<T> {
  readonly object: string;
  readonly input: Input;
  /** What the application was told of it. */
  readonly output: (result: T) => Output;
  readonly openedAt?: number;
}

/** Writes down what one process does. */
export class Recorder {
  readonly #options: RecorderOptions;
  /** Failures that say nothing about the objects. */
  doubts: string[] = [];

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  /** One operation; a status where it was refused. */
  async one<T>(object: string, input: Input, run: () => Promise<T>, output: (result: T) => Output) {
    return this.all([{ object, input, output }], run);
  }

  /**
   * An operation that tells something about several objects at once. With `ino`, being told that this inode is gone
   * is a fact about its names instead.
   */
  async all<T>(parts: readonly Part<T>[], run: () => Promise<T>, ino?: Ino): Promise<T | undefined> {
    const { history, process, clock } = this.#options;
    const gone = ino && this.#begin({ object: 'names', input: { kind: 'gone', ino } });
    const begun = parts.map((part) => ({ part, operation: this.#begin(part) }));
    try {
      const result = await run();
      for (const { part, operation } of begun)
        history.end(operation, { output: part.output(result), atMs: clock.nowMs() });
      if (gone !== undefined) gone.isVoid = true;
      return result;
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      const isGone = error.status === 'stale' || error.status === 'notFound';
      const isDoubt = isDoubtful(error) || (this.#options.isTroubled() && isLost(error));
      if (gone !== undefined) history.end(gone, { output: error.status, atMs: clock.nowMs() });
      for (const { operation } of begun) {
        history.end(operation, { output: error.status, atMs: clock.nowMs() });
        operation.isDoubtful = isDoubt;
        operation.isRefused = true;
        operation.isVoid = isGone && gone !== undefined;
      }
      if (gone !== undefined) gone.isVoid = !isGone;
      if (isDoubt) this.doubts.push(`${process}: ${parts[0]?.input.kind}: ${error.message}`);
      return undefined;
    }
  }

  #begin({ object, input, openedAt }: Omit<Part<never>, 'output'>): Operation {
    const { history, clock, client, process } = this.#options;
    return history.begin({ object, client, process, input, beganAtMs: clock.nowMs(), openedAt });
  }
}

/** What is open in a session that is over is dead, and so may a directory be that was in hand. */
function isLost({ status }: FsError): boolean {
  return status === 'stale' || status === 'badHandle';
}
