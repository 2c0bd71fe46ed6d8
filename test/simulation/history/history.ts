import { FsError, type Ino, type Status } from '#base';

/** What an application asked of one object, and what it was told; the models say what is right. */
export type Input =
  | { readonly kind: 'lookup'; readonly dir: Ino; readonly name: string }
  | { readonly kind: 'make'; readonly dir: Ino; readonly name: string; readonly isDirectory: boolean }
  | { readonly kind: 'unlink' | 'rmdir'; readonly dir: Ino; readonly name: string }
  | { readonly kind: 'rename'; readonly dir: Ino; readonly name: string; readonly toDir: Ino; readonly toName: string }
  | { readonly kind: 'list'; readonly dir: Ino }
  | { readonly kind: 'links'; readonly ino: Ino }
  | { readonly kind: 'gone'; readonly ino: Ino }
  | { readonly kind: 'write'; readonly offset: number; readonly data: string }
  | { readonly kind: 'append'; readonly data: string }
  | { readonly kind: 'truncate'; readonly size: number }
  | { readonly kind: 'bytes'; readonly offset: number }
  | { readonly kind: 'end'; readonly offset: number; readonly length: number }
  | { readonly kind: 'stat' }
  | { readonly kind: 'set'; readonly value: string }
  | { readonly kind: 'get' };

export type Output = unknown;

/** One operation on one object. Moments are counted, not measured: no two things happen at the same one. */
export interface Operation {
  readonly object: string;
  readonly client: string;
  readonly process: string;
  readonly input: Input;
  readonly beganAtMs: number;
  readonly began: number;
  /** Infinity while it has not ended. */
  lastedMs: number;
  /** Infinity while it is not known how it ended. */
  ended: number;
  output: Output;
  /** The output is why it was not done. */
  isRefused: boolean;
  /** It failed in a way that leaves open whether it was done, or will be. */
  isDoubtful: boolean;
  /** Of a doubtful one: from here on it is not done any more. */
  readonly doubtEnds?: number;
  /** The server crashed while it was under way. */
  hasCrossedCrash?: boolean;
  /** It says nothing: what it would have told is told by another operation. */
  isVoid: boolean;
  /** Of a read: the moment whose closed versions it must show at least (close-to-open); default: its beginning. */
  readonly openedAt?: number | undefined;
  /** Of a change: when the file was closed after it (close-to-open). */
  closedAt?: number;
}

/** Failures that say nothing about the object: the session was lost, or the client gave up. */
const doubtful = new Set<Status>(['io', 'timedOut', 'disconnected', 'cancelled', 'interrupted']);

export function isDoubtful(error: unknown): boolean {
  return error instanceof FsError && doubtful.has(error.status);
}

/** What all processes of a world did. */
export class History {
  readonly operations: Operation[] = [];
  #moment = 0;

  /** The next moment. */
  tick(): number {
    return ++this.#moment;
  }

  begin(facts: Pick<Operation, 'object' | 'client' | 'process' | 'input' | 'beganAtMs' | 'openedAt'>): Operation {
    const operation = {
      ...facts,
      began: this.tick(),
      lastedMs: Number.POSITIVE_INFINITY,
      ended: Number.POSITIVE_INFINITY,
      output: undefined,
      isRefused: false,
      isDoubtful: false,
      isVoid: false,
    };
    this.operations.push(operation);
    return operation;
  }

  end(operation: Operation, { output, atMs }: { output: Output; atMs: number }): void {
    operation.ended = this.tick();
    operation.lastedMs = atMs - operation.beganAtMs;
    operation.output = output;
  }

  /** A process closes a file, and with it what it has changed before. */
  closed(object: string, process: string): void {
    const at = this.tick();
    for (const operation of this.operations) {
      if (operation.object === object && operation.process === process) operation.closedAt ??= at;
    }
  }

  /** The server crashes: what is under way will be repeated. */
  crashed(): void {
    for (const operation of this.operations) {
      if (operation.ended === Number.POSITIVE_INFINITY) operation.hasCrossedCrash = true;
    }
  }

  byObject(): Map<string, Operation[]> {
    const counted = this.operations.filter(({ isVoid }) => !isVoid);
    return Map.groupBy(counted, ({ object }) => object);
  }
}

export function describe(operation: Operation): string {
  const { process, input, began, ended, output, isDoubtful: doubt, beganAtMs } = operation;
  const told = doubt ? 'in doubt' : ended === Number.POSITIVE_INFINITY ? 'never ended' : show(output);
  return `${beganAtMs.toFixed(1)} ms [${began}, ${ended}] ${process}: ${show(input)} -> ${told}`;
}

function show(value: unknown): string {
  if (value instanceof Map) return show(Object.fromEntries(value));
  return JSON.stringify(value) ?? String(value);
}
