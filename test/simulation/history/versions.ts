import { pageBytes } from '../kernel/page-cache.ts';
import { endsAt, overwritten } from './file-model.ts';
import { describe, type History, type Operation } from './history.ts';

/**
 * What the weaker cache modes promise. In their worlds every object is changed by one process alone, so its versions
 * have one order, and what somebody saw is one of them:
 *
 * - `session`: not older than what a process of the same client had changed or seen before (read your writes,
 *   monotonic reads), and not from the future;
 * - `closeToOpen`: not older than what the client had changed before, nor than what was closed before the file was
 *   opened.
 */
export type CachePromise = 'session' | 'closeToOpen';

/** Which version of one thing (a page, a size, what a name means) a client has seen, and when. */
interface Seen {
  readonly client: string;
  readonly ended: number;
  readonly index: number;
}

interface Sight {
  readonly aspect: string;
  matches(value: unknown): boolean;
}

/**
 * What was seen though no version that was due looked so. From `settledAt` on all caches agree: only the last version
 * is due.
 */
export function findBrokenPromise(history: History, promise: CachePromise, settledAt: number): string | undefined {
  for (const [object, operations] of history.byObject()) {
    const objects = object === 'names' ? byName(operations) : new Map([[object, operations]]);
    for (const each of objects.values()) {
      const found = new Versions(promise, settledAt).check(each);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

class Versions {
  readonly #promise: CachePromise;
  readonly #settledAt: number;
  readonly #changes: Operation[] = [];
  readonly #states: unknown[] = [undefined];
  readonly #aspects = new Map<string, Seen[]>();

  constructor(promise: CachePromise, settledAt: number) {
    this.#promise = promise;
    this.#settledAt = settledAt;
  }

  check(operations: readonly Operation[]): string | undefined {
    const doubt = Math.min(...operations.filter(isInDoubt).map(({ began }) => began));
    for (const operation of operations) {
      if (!isChange(operation) || operation.began >= doubt || operation.isRefused) continue;
      this.#changes.push(operation);
      this.#states.push(after(this.#states.at(-1), operation));
    }
    const reads = operations.filter((each) => !isChange(each) && each.ended < doubt && !each.isRefused);
    for (const read of reads.toSorted((a, b) => a.ended - b.ended)) {
      const wrong = this.#wrong(read);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }

  #wrong(read: Operation): string | undefined {
    const { aspect, matches } = sightOf(read);
    const seen = this.#aspects.get(aspect) ?? [];
    this.#aspects.set(aspect, seen);
    const floor = this.#floor(read, seen);
    for (let index = floor; index < this.#states.length; index++) {
      if ((this.#changes[index - 1]?.began ?? 0) > read.ended) break;
      if (!matches(this.#states[index])) continue;
      seen.push({ client: read.client, ended: read.ended, index });
      return undefined;
    }
    const due = this.#changes.slice(Math.max(0, floor - 1)).map((each) => `  ${describe(each)}`);
    return [`${read.object}: no version that was due looks so\n  ${describe(read)}`, 'due were', ...due].join('\n');
  }

  /** The oldest version that may be shown. */
  #floor(read: Operation, seen: Seen[]): number {
    if (read.began > this.#settledAt) return this.#changes.length;
    let floor = 0;
    for (const [index, change] of this.#changes.entries()) {
      const isOwn = change.client === read.client && change.ended < read.began;
      const isClosed =
        this.#promise === 'closeToOpen' && (change.closedAt ?? Number.POSITIVE_INFINITY) < (read.openedAt ?? -1);
      if (isOwn || isClosed) floor = index + 1;
    }
    if (this.#promise !== 'session') return floor;
    for (const each of seen) {
      if (each.client === read.client && each.ended < read.began) floor = Math.max(floor, each.index);
    }
    return floor;
  }
}

const changeKinds = new Set(['make', 'unlink', 'write', 'append', 'truncate', 'set']);

function isChange({ input }: Operation): boolean {
  return changeKinds.has(input.kind);
}

function isInDoubt(operation: Operation): boolean {
  return isChange(operation) && (operation.isDoubtful || operation.ended === Number.POSITIVE_INFINITY);
}

/** The operations that are about each name: a listing about all, a rename about two. */
function byName(operations: readonly Operation[]): Map<string, Operation[]> {
  const names = new Map<string, Operation[]>();
  const add = (dir: number, name: string, operation: Operation): void => {
    const key = `${dir}/${name}`;
    const all = names.get(key) ?? [];
    all.push(operation);
    names.set(key, all);
  };
  for (const operation of operations) {
    if ('name' in operation.input) add(operation.input.dir, operation.input.name, operation);
  }
  return names;
}

/** States are contents, what a name means, or a register's value. */
function after(state: unknown, { input, output }: Operation): unknown {
  switch (input.kind) {
    case 'make':
      return output;
    case 'unlink':
      return undefined;
    case 'write':
      return overwritten((state as string | undefined) ?? '', input.offset, input.data);
    case 'append':
      return ((state as string | undefined) ?? '') + input.data;
    case 'truncate':
      return ((state as string | undefined) ?? '').slice(0, input.size).padEnd(input.size, '\0');
    case 'set':
      return input.value;
    default:
      throw new Error(`${input.kind} changes nothing`);
  }
}

function sightOf({ input, output }: Operation): Sight {
  const content = (value: unknown): string => (value as string | undefined) ?? '';
  switch (input.kind) {
    case 'bytes': {
      const { offset } = input;
      const bytes = output as unknown as string;
      const part = (value: unknown): string => content(value).slice(offset, offset + bytes.length);
      return {
        aspect: `page ${Math.floor(offset / pageBytes)}`,
        matches: (value) => part(value).padEnd(bytes.length, '\0') === bytes,
      };
    }
    case 'end':
      return { aspect: 'size', matches: (value) => endsAt(content(value).length, input, output as number) };
    case 'stat':
      return { aspect: 'stat', matches: (value) => content(value).length === (output as { size: number }).size };
    case 'get':
      return { aspect: 'value', matches: (value) => value === output || value === undefined };
    default:
      return { aspect: 'name', matches: (value) => value === output };
  }
}
