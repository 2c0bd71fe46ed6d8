import { type Clock, FsError, type Timer } from '#base';
import type { CallHeader, Connection, Handler } from './transport.ts';

/** How the network treats messages; may be changed while it runs. */
export interface NetworkWeather {
  /** One way, each message a random time between the two; connections are not ordered with each other. */
  minDelayMs: number;
  maxDelayMs: number;
  /** Of a million messages so many are lost, each with its connection. */
  lossPerMillion: number;
  /** How long a side waits for a sign of life before it takes the connection for broken. */
  silenceMs: number;
}

/** What a connection needs of the network that it runs through. */
export interface Wire {
  readonly clock: Clock;
  readonly weather: NetworkWeather;
  readonly copy: (message: unknown) => unknown;
  /** The time that the next message is under way; undefined: it will be lost. */
  drawDelayMs(): number | undefined;
  isSevered(a: string, b: string): boolean;
  /** Whoever listens, or listened last, at `host`. */
  serverAt(host: string): ListeningServer | undefined;
}

export interface ListeningServer {
  /** `ended`: its machine answers in its place, with resets; `silent`: nobody does. */
  readonly state: 'open' | 'ended' | 'silent';
  readonly handler: Handler;
  /** Called once the state is another. */
  readonly onEnd: Set<() => void>;
}

/** Calls that one connection has under way; a client has far fewer slots. */
const callsUnderWayMax = 4096;

interface Waiting {
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** One connection of a `MemoryNetwork`, both of its ends. */
export class MemoryConnection implements Connection {
  readonly #network: Wire;
  readonly #from: string;
  readonly #to: string;
  readonly #requests = new Direction();
  readonly #replies = new Direction();
  readonly #waiting = new Map<number, Waiting>();
  /** Whoever listened when the connection was made; another process at that address knows nothing of it. */
  readonly #server: ListeningServer | undefined;
  #broken = false;
  #silence: Timer | undefined;
  #nextId = 1;
  readonly #onEnd = (): void => this.#serverEnded();

  constructor(network: Wire, from: string, to: string) {
    this.#network = network;
    this.#from = from;
    this.#to = to;
    const server = network.serverAt(to);
    if (server?.state !== 'open') return;
    this.#server = server;
    server.onEnd.add(this.#onEnd);
  }

  call(header: CallHeader, request: unknown): Promise<unknown> {
    if (this.#broken) return Promise.reject(this.#disconnected());
    if (this.#waiting.size >= callsUnderWayMax) {
      return Promise.reject(new FsError('wouldBlock', `${callsUnderWayMax} calls from ${this.#from} are under way`));
    }
    const id = this.#nextId++;
    const message = this.#network.copy(request);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#send(this.#requests, () => this.#arrive(id, { ...header }, message));
    });
  }

  close(): void {
    this.#break();
  }

  #arrive(id: number, header: CallHeader, request: unknown): void {
    const server = this.#server;
    if (server?.state !== 'open') {
      this.#serverEnded();
      return;
    }
    let result: unknown;
    try {
      result = server.handler(header, request);
    } catch (error) {
      this.#answer(server, id, { error });
      return;
    }
    if (!(result instanceof Promise)) this.#answer(server, id, { reply: result });
    else
      result.then(
        (reply: unknown) => this.#answer(server, id, { reply }),
        (error: unknown) => this.#answer(server, id, { error }),
      );
  }

  /** A machine that is up answers what nobody listens to with a reset; one that is down does not answer. */
  #serverEnded(): void {
    if (this.#network.serverAt(this.#to)?.state === 'silent') {
      this.#lose(this.#replies);
      return;
    }
    this.#requests.end();
    this.#send(this.#replies, () => this.#break());
  }

  #answer(server: ListeningServer, id: number, outcome: { reply: unknown } | { error: unknown }): void {
    if (server.state !== 'open') return;
    if ('error' in outcome) {
      const failure = asFailure(outcome.error);
      this.#send(this.#replies, () => this.#settle(id)?.reject(failure));
      return;
    }
    const reply = this.#network.copy(outcome.reply);
    this.#send(this.#replies, () => this.#settle(id)?.resolve(reply));
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }

  #send(direction: Direction, arrive: () => void): void {
    if (direction.ended) return;
    const delayMs = this.#network.drawDelayMs();
    if (delayMs === undefined) {
      this.#lose(direction);
      return;
    }
    const { clock } = this.#network;
    direction.lastAtMs = Math.max(direction.lastAtMs, clock.nowMs() + delayMs);
    direction.underWay.push(arrive);
    clock.after(direction.lastAtMs - clock.nowMs(), () => {
      // Whatever the rounding of times does, the oldest message arrives first.
      const arriveFirst = direction.underWay.shift();
      if (direction.ended) return;
      if (this.#network.isSevered(this.#from, this.#to)) this.#lose(direction);
      else arriveFirst?.();
    });
  }

  /** One message is gone, so nothing behind it arrives either; the client notices when it has heard nothing for long. */
  #lose(direction: Direction): void {
    direction.end();
    const { clock, weather } = this.#network;
    this.#silence ??= clock.after(weather.silenceMs, () => this.#break());
  }

  #break(): void {
    if (this.#broken) return;
    this.#broken = true;
    this.#silence?.cancel();
    this.#replies.end();
    this.#server?.onEnd.delete(this.#onEnd);
    // What was sent already may still arrive: the requests' direction goes on.
    for (const { reject } of this.#waiting.values()) reject(this.#disconnected());
    this.#waiting.clear();
  }

  #disconnected(): FsError {
    return new FsError('disconnected', `the connection from ${this.#from} to ${this.#to} broke`);
  }
}

/** The messages one way: in order, until one is lost. */
class Direction {
  readonly underWay: Array<() => void> = [];
  lastAtMs = 0;
  ended = false;

  end(): void {
    this.ended = true;
  }
}

/** Only statuses travel; anything else that was thrown is a bug, and its name is all that a client learns. */
function asFailure(error: unknown): FsError {
  return error instanceof FsError ? new FsError(error.status, error.message) : new FsError('io', `a bug: ${error}`);
}
