import { below, type ManualClock, type Random, sleep } from '#base';
import type { MemoryNetwork } from '#transport';
import type { ServerHost } from '../server-host.ts';
import type { ClientHost } from './client-host.ts';

export interface FaultOptions {
  readonly clock: ManualClock;
  readonly random: Random;
  readonly network: MemoryNetwork;
  readonly host: ServerHost;
  /** Those whose machines are up. */
  readonly clients: () => readonly ClientHost[];
  /** Puts another machine in the place of one that is gone, after a while. */
  readonly replace: (client: ClientHost, afterMs: number) => void;
}

const kinds = ['weather', 'partition', 'pause', 'server crash', 'client crash'] as const;
export type FaultKind = (typeof kinds)[number];

/** What a machine was about when it crashed stays in doubt for ever, and doubts make the search long. */
const clientCrashesMax = 3;
/** After each, changes wait until all clients are back, or their sessions are over. */
const serverCrashesMax = 6;
/** How long something lasts: mostly short, sometimes longer than any lease. */
const durationsMs = [5, 50, 500, 3000, 12_000, 45_000];
const pausesBetweenMs = [20, 300, 3000, 20_000];

/** What goes wrong in one world: some kinds of faults, or none, at any moment until `stop`. */
export class Faults {
  /** Which kinds this world has; without any, every operation must end soon. */
  readonly kinds: ReadonlySet<FaultKind>;
  readonly #options: FaultOptions;
  readonly #running: Promise<void>[] = [];
  #isStopped = false;
  #clientCrashes = 0;

  constructor(options: FaultOptions) {
    this.#options = options;
    const { random } = options;
    const isCalm = below(random, 4) === 0;
    this.kinds = new Set(isCalm ? [] : kinds.filter(() => below(random, 5) < 2));
  }

  start(): void {
    for (const kind of this.kinds) this.#running.push(this.#repeat(kind));
  }

  /** Everything works again: machines run, the network delivers, the server serves. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    const { network, clients, host } = this.#options;
    Object.assign(network.weather, { lossPerMillion: 0, maxDelayMs: 2 });
    for (const client of clients()) {
      network.heal(client.name, 'server');
      client.goOn();
    }
    if (this.kinds.has('server crash') && host.volume === undefined) await this.#restart(0);
  }

  async #repeat(kind: FaultKind): Promise<void> {
    const { clock, random } = this.#options;
    while (!this.#isStopped) {
      await sleep(clock, below(random, 1 + this.#of(pausesBetweenMs)));
      if (!this.#isStopped) await this.#happen(kind);
    }
  }

  async #happen(kind: FaultKind): Promise<void> {
    const { clock, random, network, host, clients, replace } = this.#options;
    const lastsMs = 1 + below(random, this.#of(durationsMs));
    const up = clients();
    const client = up[below(random, up.length)];
    if (client === undefined) return;
    switch (kind) {
      case 'weather':
        network.weather.lossPerMillion = this.#of([0, 10_000, 60_000]);
        network.weather.maxDelayMs = this.#of([1, 8, 80]);
        await sleep(clock, lastsMs);
        return;
      case 'partition':
        client.trouble();
        network.partition(client.name, 'server');
        await sleep(clock, lastsMs);
        network.heal(client.name, 'server');
        return;
      case 'pause':
        client.pause();
        await sleep(clock, lastsMs);
        client.goOn();
        return;
      case 'server crash':
        if (host.volume === undefined || host.crashes >= serverCrashesMax) return;
        host.crash(this.#of(['process', 'power']));
        await this.#restart(below(random, 1 + this.#of([5, 100, 2000])));
        return;
      case 'client crash':
        if (this.#clientCrashes >= clientCrashesMax) return;
        this.#clientCrashes += 1;
        client.crash(this.#of(['silently', 'with resets']));
        replace(client, lastsMs);
        return;
    }
  }

  async #restart(afterMs: number): Promise<void> {
    const { clock, host } = this.#options;
    const { crashes } = host;
    await sleep(clock, afterMs);
    if (crashes === host.crashes && host.volume === undefined) await host.start();
  }

  #of<T>(choices: readonly T[]): T {
    return choices[below(this.#options.random, choices.length)]!;
  }
}
