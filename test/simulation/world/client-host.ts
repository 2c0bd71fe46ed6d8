import { type Ino, type ManualClock, type Maybe, type Random, SeededRandom } from '#base';
import type { NotificationSender } from '#fuse';
import type { CallHeader, Connection, ConnectionEvents, MemoryNetwork } from '#transport';
import type { Vfs } from '#vfs';
import type { History } from '../history/history.ts';
import type { FairLock } from '../kernel/fair-lock.ts';
import { Kernel } from '../kernel/kernel.ts';
import type { PlantedProtocolBug } from '../planted-protocol-bugs.ts';
import { ClientClock } from './client-clock.ts';
import { Gate, type Source, sources } from './gate.ts';
import type { LockWitness } from './lock-witness.ts';
import { NotificationThreads } from './notification-threads.ts';
import type { Places } from './places.ts';
import { fileLocks, Process } from './process.ts';

/** What a mount is made of. */
export interface MountSite {
  readonly name: string;
  readonly connect: (events: ConnectionEvents) => Connection;
  /** The daemon's. */
  readonly clock: ClientClock;
  readonly random: Random;
  readonly notifications: NotificationSender;
}

export type MakeMount = (site: MountSite) => Promise<Vfs>;

export interface ClientHostOptions {
  readonly name: string;
  readonly world: ManualClock;
  readonly random: Random;
  readonly network: MemoryNetwork;
  readonly history: History;
  readonly places: Places;
  readonly locks: LockWitness;
  readonly makeMount: MakeMount;
  readonly bug: PlantedProtocolBug | undefined;
}

/** The clocks of two machines go apart by no more than the second that the protocol allows for in a TTL of 30 s. */
const driftPerMillion = 33_000;

/** A client's machine: its kernel, the daemon of its mount, and the applications that work on that. */
export class ClientHost {
  readonly name: string;
  readonly kernel: Kernel;
  #isTroubled = false;
  /** Settles when the machine is gone. */
  readonly ended: Promise<void>;
  #end!: () => void;
  readonly #options: ClientHostOptions;
  readonly #machine: Gate;
  readonly #daemon: Gate;
  readonly #clock: ClientClock;
  readonly #connections = new Set<Connection>();
  readonly #fileLock: (ino: Ino) => FairLock = fileLocks();
  readonly #notifications: NotificationThreads;
  #vfs: Vfs | undefined;
  #processes = 0;

  constructor(options: ClientHostOptions) {
    const { world, random, name } = options;
    this.#options = options;
    this.name = name;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#machine = new Gate(world);
    this.#daemon = new Gate(world);
    const rate = 1 + (Number(random.u32() % (2 * driftPerMillion)) - driftPerMillion) / 1e6;
    const clock = new ClientClock({ world, startMs: random.u32() % 1_000_000, rate, gate: this.#machine });
    this.#clock = clock.behind(this.#daemon);
    this.kernel = new Kernel({ daemon: (call) => this.#ask(call), clock, random: this.#stream() });
    this.#notifications = new NotificationThreads(this.kernel, clock, this.#stream(), (step) =>
      this.#daemon.run('network', step),
    );
  }

  /** Something was done to it, so that it may have lost its session. */
  get isTroubled(): boolean {
    return this.#isTroubled;
  }

  trouble(): void {
    this.#isTroubled = true;
    this.#options.locks.doubt(this.name);
  }

  get isUp(): boolean {
    return !this.#machine.hasEnded;
  }

  async mount(): Promise<void> {
    const { name, makeMount } = this.#options;
    this.#vfs = await makeMount({
      name,
      connect: (events) => this.#connect(events),
      clock: this.#clock,
      random: this.#stream(),
      notifications: this.#notifications,
    });
  }

  /** Runs what only a mounted client can do. */
  startProcess(): Process {
    const { history, places, locks, world } = this.#options;
    return new Process({
      kernel: this.kernel,
      places,
      locks,
      history,
      clock: world,
      isTroubled: () => this.isTroubled,
      client: this.name,
      process: `${this.name}.${this.#processes++}`,
      random: this.#stream(),
      fileLock: this.#fileLock,
    });
  }

  /** The daemon stands still, while the applications and their kernel go on. */
  pause(): void {
    this.trouble();
    this.#daemon.stop();
  }

  goOn(): void {
    const order = this.#shuffled();
    this.#daemon.goOn(order);
  }

  /** The machine is gone with all that ran on it; `silently`: nobody is told. */
  crash(how: 'silently' | 'with resets'): void {
    this.trouble();
    this.#machine.end();
    this.#daemon.end();
    this.#end();
    if (how === 'with resets') for (const connection of this.#connections) connection.close();
  }

  #ask<T>(call: (vfs: Vfs) => Maybe<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#daemon.run('kernel', () => {
        try {
          resolve(call(this.#vfs!));
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  #connect(events: ConnectionEvents): Connection {
    const { network, name, bug, world } = this.#options;
    const plain = (its: ConnectionEvents): Connection => network.connect(name, 'server', its);
    const connect = bug?.connect?.(plain, world) ?? plain;
    const gated: ConnectionEvents = {
      pushed: (code, message) => this.#daemon.run('network', () => events.pushed(code, message)),
      closed: (reason) => this.#daemon.run('network', () => events.closed(reason)),
    };
    const connection = connect(gated);
    this.#connections.add(connection);
    return {
      call: (header, request, signal) => this.#call(connection, header, request, signal),
      close: () => {
        this.#connections.delete(connection);
        connection.close();
      },
    };
  }

  #call(connection: Connection, header: CallHeader, request: unknown, signal: AbortSignal | undefined) {
    return new Promise((resolve, reject) => {
      Promise.resolve(connection.call(header, request, signal)).then(
        (reply) => this.#daemon.run('network', () => resolve(reply)),
        (error: unknown) => this.#daemon.run('network', () => reject(error)),
      );
    });
  }

  #stream(): Random {
    return new SeededRandom(this.#options.random.u32());
  }

  #shuffled(): Source[] {
    return sources
      .map((source) => ({ source, at: this.#options.random.u32() }))
      .toSorted((a, b) => a.at - b.at)
      .map(({ source }) => source);
  }
}
