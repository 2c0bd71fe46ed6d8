import { below, type Clock, type Random } from '#base';
import { type ListeningServer, MemoryConnection, type NetworkWeather, type Wire } from './memory-connection.ts';
import type { Codec, Connection, ConnectionEvents, Handler } from './transport.ts';

export interface MemoryNetworkOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly weather: NetworkWeather;
  /** Messages arrive as their bytes say, as on any network. */
  readonly codec: Codec;
}

/** A server's ear on the network. */
export interface MemoryListener {
  /**
   * The server's process ends: what arrives from now on is not heard, what it still answers is not sent. Clients
   * are told by a reset; when the machine went `silently`, they notice only the silence.
   */
  close(options?: { silently: boolean }): void;
}

/**
 * A network in memory, for the simulation: repeatable under a seed, with TCP's promises and no others. Within one
 * connection messages keep their order and come once or not at all; between connections anything overtakes anything.
 * A request that was sent before its connection broke may still arrive, even after its repetition on a new one.
 */
export class MemoryNetwork implements Wire {
  readonly clock: Clock;
  readonly random: Random;
  readonly weather: NetworkWeather;
  readonly codec: Codec;
  readonly #listeners = new Map<string, Listener>();
  /** Pairs of hosts, as `pairOf` names them, that cannot hear each other. */
  readonly #severed = new Set<string>();

  constructor({ clock, random, weather, codec }: MemoryNetworkOptions) {
    this.clock = clock;
    this.random = random;
    this.weather = weather;
    this.codec = codec;
  }

  /** Replaces whoever listened at `host` before. */
  listen(host: string, handler: Handler): MemoryListener {
    this.#listeners.get(host)?.close();
    const listener = new Listener(handler);
    this.#listeners.set(host, listener);
    return listener;
  }

  /** A connection to whoever listens at `to` now. Never fails by itself: when nobody does, the first call finds out. */
  connect(from: string, to: string, events?: ConnectionEvents): Connection {
    return new MemoryConnection(this, from, to, events);
  }

  /** From now on no message between the two arrives, those on their way included. */
  partition(a: string, b: string): void {
    this.#severed.add(pairOf(a, b));
  }

  heal(a: string, b: string): void {
    this.#severed.delete(pairOf(a, b));
  }

  isSevered(a: string, b: string): boolean {
    return this.#severed.has(pairOf(a, b));
  }

  serverAt(host: string): ListeningServer | undefined {
    return this.#listeners.get(host);
  }

  drawDelayMs(): number | undefined {
    const { minDelayMs, maxDelayMs, lossPerMillion } = this.weather;
    if (lossPerMillion > 0 && below(this.random, 1_000_000) < lossPerMillion) return undefined;
    return minDelayMs + below(this.random, 1000 * (maxDelayMs - minDelayMs) + 1) / 1000;
  }
}

class Listener implements MemoryListener, ListeningServer {
  readonly handler: Handler;
  readonly onEnd = new Set<() => void>();
  state: 'open' | 'ended' | 'silent' = 'open';

  constructor(handler: Handler) {
    this.handler = handler;
  }

  close(options: { silently: boolean } = { silently: false }): void {
    if (this.state !== 'open') return;
    this.state = options.silently ? 'silent' : 'ended';
    for (const tell of this.onEnd) tell();
    this.onEnd.clear();
  }
}

function pairOf(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}
