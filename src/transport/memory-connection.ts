import { type Clock, FsError, type Timer } from '#base';
import { ServedCall } from './served-call.ts';
import type { CallHeader, Codec, Connection, ConnectionEvents, Handler, Peer } from './transport.ts';

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
  readonly codec: Codec;
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
  /** No longer listens for the caller giving up. */
  readonly settled: () => void;
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
  readonly #events: ConnectionEvents | undefined;
  readonly #peer: MemoryPeer;
  /** Calls that the server works on. */
  readonly #served = new Map<number, ServedCall>();
  #broken = false;
  #silence: Timer | undefined;
  #nextId = 1;
  readonly #onEnd = (): void => this.#serverEnded();

  constructor(network: Wire, from: string, to: string, events?: ConnectionEvents) {
    this.#network = network;
    this.#from = from;
    this.#to = to;
    this.#events = events;
    this.#peer = new MemoryPeer(from, {
      push: (code, message) => this.#push(code, message),
      close: () => this.#send(this.#replies, () => this.#break()),
    });
    const server = network.serverAt(to);
    if (server?.state !== 'open') return;
    this.#server = server;
    server.onEnd.add(this.#onEnd);
  }

  call(header: CallHeader, request: unknown, signal?: AbortSignal): Promise<unknown> {
    if (this.#broken) return Promise.reject(this.#disconnected());
    if (signal?.aborted) return Promise.reject(cancelled());
    if (this.#waiting.size >= callsUnderWayMax) {
      return Promise.reject(new FsError('wouldBlock', `${callsUnderWayMax} calls from ${this.#from} are under way`));
    }
    const id = this.#nextId++;
    let message: Uint8Array;
    try {
      message = joined(this.#network.codec.requests.encode(header.code, request));
    } catch (error) {
      return Promise.reject(error);
    }
    return new Promise((resolve, reject) => {
      const giveUp = (): void => this.#giveUp(id);
      signal?.addEventListener('abort', giveUp);
      const settled = (): void => signal?.removeEventListener('abort', giveUp);
      this.#waiting.set(id, { resolve, reject, settled });
      this.#send(this.#requests, () => this.#arrive(id, { ...header }, message));
    });
  }

  close(): void {
    this.#break();
  }

  #arrive(id: number, header: CallHeader, message: Uint8Array): void {
    const server = this.#server;
    if (server?.state !== 'open') {
      this.#serverEnded();
      return;
    }
    let result: unknown;
    const call = new ServedCall(this.#peer);
    this.#served.set(id, call);
    try {
      const request = this.#network.codec.requests.decode(header.code, message);
      result = server.handler(header, request, call);
    } catch (error) {
      this.#fail(server, id, error);
      return;
    }
    if (!(result instanceof Promise)) this.#answer(server, id, header.code, result);
    else
      result.then(
        (reply: unknown) => this.#answer(server, id, header.code, reply),
        (error: unknown) => this.#fail(server, id, error),
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

  #answer(server: ListeningServer, id: number, code: number, reply: unknown): void {
    if (server.state !== 'open') return;
    const { replies } = this.#network.codec;
    let message: Uint8Array;
    try {
      message = joined(replies.encode(code, reply));
    } catch (error) {
      this.#fail(server, id, error);
      return;
    }
    this.#served.delete(id);
    this.#send(this.#replies, () => {
      const waiting = this.#settle(id);
      try {
        waiting?.resolve(replies.decode(code, message));
      } catch (error) {
        waiting?.reject(error);
      }
    });
  }

  #fail(server: ListeningServer, id: number, error: unknown): void {
    this.#served.delete(id);
    if (server.state !== 'open') return;
    const { failures } = this.#network.codec;
    const message = joined(failures.encode(error));
    this.#send(this.#replies, () => this.#settle(id)?.reject(failures.decode(message)));
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    waiting?.settled();
    return waiting;
  }

  /** The caller waits no longer; the server hears of it when the message arrives. */
  #giveUp(id: number): void {
    this.#settle(id)?.reject(cancelled());
    this.#send(this.#requests, () => this.#served.get(id)?.abort());
  }

  #push(code: number, message: unknown): void {
    const server = this.#server;
    if (server?.state !== 'open') return;
    const { pushes } = this.#network.codec;
    const bytes = joined(pushes.encode(code, message));
    this.#send(this.#replies, () => this.#events?.pushed(code, pushes.decode(code, bytes)));
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
    for (const { reject, settled } of this.#waiting.values()) {
      settled();
      reject(this.#disconnected());
    }
    this.#waiting.clear();
    this.#events?.closed(this.#disconnected());
    const { clock, weather } = this.#network;
    // The server hears of it later, by a reset or by silence.
    clock.after(weather.silenceMs, () => this.#serverLost());
  }

  #serverLost(): void {
    this.#requests.end();
    for (const call of this.#served.values()) call.abort();
    this.#served.clear();
    this.#peer.lost();
  }

  #disconnected(): FsError {
    return new FsError('disconnected', `the connection from ${this.#from} to ${this.#to} broke`);
  }
}

/** The client's end as the server sees it. */
class MemoryPeer implements Peer {
  readonly identity: string;
  readonly address: string;
  readonly #ways: Pick<Peer, 'push' | 'close'>;
  readonly #closed = new AbortController();

  constructor(host: string, ways: Pick<Peer, 'push' | 'close'>) {
    this.identity = host;
    this.address = host;
    this.#ways = ways;
  }

  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  push(code: number, message: unknown): void {
    this.#ways.push(code, message);
  }

  close(reason: string): void {
    this.#ways.close(reason);
  }

  lost(): void {
    this.#closed.abort();
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

function cancelled(): FsError {
  return new FsError('cancelled', 'the caller gave up waiting');
}

/** The message as it arrives: in one piece, in memory of its own. */
function joined(pieces: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(pieces);
}
