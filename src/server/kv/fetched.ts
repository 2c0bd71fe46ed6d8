import type { ByteString } from '#base';
import type { KvPair } from './engine.ts';

/** Thrown through a body whose value the engine can only give later. */
export class Missing extends Error {
  readonly of: string;
  readonly answer: Promise<Uint8Array | undefined> | Promise<KvPair[]>;
  readonly epoch: number;

  constructor(of: string, answer: Missing['answer'], epoch: number) {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super('a value must be fetched first');
    Error.stackTraceLimit = limit;
    this.of = of;
    this.answer = answer;
    this.epoch = epoch;
    // It may be that nobody waits: a body that throws something else is not run again.
    this.answer.catch(() => undefined);
  }
}

/**
 * What the engine has answered to one body's earlier attempts. True as long as no value went over from memory to the
 * engine since the question (`epoch`): what is in memory goes before it, and only then can a newer value be gone
 * from memory.
 */
export class Fetched {
  readonly values = new Map<ByteString, Uint8Array | undefined>();
  readonly ranges = new Map<string, KvPair[]>();
  #epoch = -1;

  static rangeName(from: ByteString, to: ByteString, limit: number): string {
    return `${limit} ${from.length} ${from}${to}`;
  }

  async add(missing: Missing): Promise<void> {
    const answer = await missing.answer;
    this.expire(missing.epoch);
    if (Array.isArray(answer)) this.ranges.set(missing.of, answer);
    else this.values.set(missing.of, answer);
  }

  /** Forgets everything unless it is as of `epoch`. */
  expire(epoch: number): void {
    if (this.#epoch === epoch) return;
    this.values.clear();
    this.ranges.clear();
    this.#epoch = epoch;
  }
}
