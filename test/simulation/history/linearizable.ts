import { describe, type Operation } from './history.ts';

/** What an object may do, one operation after the other. States are values: an operation gives another one. */
export interface Model<State> {
  readonly initial: State;
  /**
   * The state after `operation` had the outcome that it has, in `state`; `state` itself when nothing changed;
   * undefined when it cannot have had it. Of a doubtful one any outcome is possible.
   */
  apply(state: State, operation: Operation): State | undefined;
  /** Equal for equal states, and only for those. */
  key(state: State): string;
}

interface Configuration<State> {
  readonly state: State;
  /** Bit n: the operation in place n has been carried out. */
  readonly done: number;
}

/** What changes nothing and says nothing when its outcome is not known. */
const readKinds = new Set(['lookup', 'list', 'links', 'gone', 'bytes', 'end', 'stat', 'get']);
/** Operations under way at a time, doubtful ones included. */
const placesMax = 30;
const configurationsMax = 50_000;

/** More orders are possible than can be followed: nothing is known. Doubtful changes of one object make it so. */
export class TooManyOrders extends Error {}

/**
 * Whether the operations on one object can be put into an order, each between its beginning and its end, in which the
 * model gives the same outcomes (linearizability: Herlihy and Wing; the search is that of Wing and Gong as Lowe made
 * it: just in time). All orders are followed at once, from one event to the next; an order is settled only when an
 * operation ends, and what changes nothing is carried out as soon as its outcome is the right one, since waiting would
 * gain nothing. Gives what went wrong.
 */
export function findViolation<State>(operations: readonly Operation[], model: Model<State>): string | undefined {
  return new Search(model).run(operations);
}

class Search<State> {
  readonly #model: Model<State>;
  readonly #places: (Operation | undefined)[] = [];
  #configurations: Configuration<State>[];

  constructor(model: Model<State>) {
    this.#model = model;
    this.#configurations = [{ state: model.initial, done: 0 }];
  }

  run(operations: readonly Operation[]): string | undefined {
    const events = operations.flatMap((operation) => {
      const isOpen = operation.isDoubtful || operation.ended === Number.POSITIVE_INFINITY;
      if (isOpen && readKinds.has(operation.input.kind)) return [];
      const begins = { at: operation.began, operation, what: 'begins' };
      if (!isOpen) return [begins, { at: operation.ended, operation, what: 'ends' }];
      const { doubtEnds } = operation;
      return doubtEnds === undefined ? [begins] : [begins, { at: doubtEnds, operation, what: 'expires' }];
    });
    for (const { operation, what } of events.sort((a, b) => a.at - b.at)) {
      if (what === 'begins') this.#begin(operation);
      else if (what === 'expires') this.#expire(operation);
      else if (!this.#end(operation)) return this.#explain(operation, operations);
    }
    return undefined;
  }

  #begin(operation: Operation): void {
    let place = this.#places.indexOf(undefined);
    if (place < 0) place = this.#places.length;
    if (place >= placesMax) throw new TooManyOrders(`${placesMax} operations on ${operation.object} are under way`);
    this.#places[place] = operation;
    this.#configurations = this.#configurations.map((each) => this.#withReads(each));
  }

  /** Whether it was done or not, it is not done from here on. */
  #expire(operation: Operation): void {
    const place = this.#places.indexOf(operation);
    this.#places[place] = undefined;
    const left = this.#configurations.map(({ state, done }) => ({ state, done: done & ~(1 << place) }));
    this.#configurations = [...new Map(left.map((each) => [this.#key(each), each])).values()];
  }

  #end(operation: Operation): boolean {
    const place = this.#places.indexOf(operation);
    const bit = 1 << place;
    const after = new Map<string, Configuration<State>>();
    const seen = new Set<string>();
    const open = [...this.#configurations];
    for (let each = open.pop(); each !== undefined; each = open.pop()) {
      if ((each.done & bit) !== 0) {
        const ended = { state: each.state, done: each.done & ~bit };
        after.set(this.#key(ended), ended);
        continue;
      }
      for (const next of this.#successors(each)) {
        const key = this.#key(next);
        if (seen.has(key)) continue;
        seen.add(key);
        if (seen.size > configurationsMax) throw new TooManyOrders(operation.object);
        open.push(next);
      }
    }
    this.#places[place] = undefined;
    if (after.size === 0) return false;
    this.#configurations = [...after.values()];
    return true;
  }

  #successors(configuration: Configuration<State>): Configuration<State>[] {
    const { state, done } = configuration;
    return this.#places.flatMap((operation, place) => {
      if (operation === undefined || (done & (1 << place)) !== 0) return [];
      const next = this.#model.apply(state, operation);
      if (next === undefined || next === state) return [];
      return [this.#withReads({ state: next, done: done | (1 << place) })];
    });
  }

  #withReads(configuration: Configuration<State>): Configuration<State> {
    const { state } = configuration;
    let { done } = configuration;
    for (const [place, operation] of this.#places.entries()) {
      if (operation === undefined || (done & (1 << place)) !== 0) continue;
      if (this.#model.apply(state, operation) === state) done |= 1 << place;
    }
    return done === configuration.done ? configuration : { state, done };
  }

  #key({ state, done }: Configuration<State>): string {
    return `${done} ${this.#model.key(state)}`;
  }

  #explain(operation: Operation, all: readonly Operation[]): string {
    const before = all.filter(({ began }) => began < operation.ended).slice(-40);
    const states = this.#configurations.slice(0, 3).map(({ state }) => this.#model.key(state));
    return [
      `${operation.object}: no order explains\n  ${describe(operation)}`,
      `before it the state was ${states.join(', or ')}`,
      ...before.map((each) => `  ${describe(each)}`),
    ].join('\n');
  }
}
