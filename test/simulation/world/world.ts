import { below, drive, ManualClock, type Random, rootIno, SeededRandom, sleep } from '#base';
import { type CacheMode, createCodec, superuser } from '#protocol';
import { MemoryNetwork } from '#transport';
import { checkStrictly } from '../history/check-history.ts';
import { describe, History, type Operation } from '../history/history.ts';
import { findBrokenPromise } from '../history/versions.ts';
import { isStatus } from '../kernel/kernel-status.ts';
import type { PlantedProtocolBug } from '../planted-protocol-bugs.ts';
import { ServerHost, type ServerHostOptions } from '../server-host.ts';
import { ClientHost, type MakeMount } from './client-host.ts';
import { Faults } from './faults.ts';
import { LockWitness } from './lock-witness.ts';
import { Places } from './places.ts';

export interface WorldOptions {
  readonly seed: number;
  readonly mode: CacheMode;
  readonly makeMount: MakeMount;
  readonly serve: NonNullable<ServerHostOptions['serve']>;
  readonly bug?: PlantedProtocolBug | undefined;
}

export interface WorldReport {
  readonly operations: number;
  readonly requests: number;
  readonly crashes: number;
  readonly doubts: number;
  readonly endedAtMs: number;
  readonly faults: string;
  /** Objects on which so much was in doubt that nothing can be said. */
  readonly unknown: number;
}

const clientsMost = 3;
const processesPerClient = 2;
/** Of all processes together. */
const stepsInAll = 200;
/** Once faults have ceased, everything must have ended after so long: sessions that are gone were waited for by then. */
const settleMs = 240_000;
/** In the weaker modes caches agree when nothing was changed for so long. */
const weakSettleMs = 60_000;
/** Files have blobs when they are larger, which some are. */
const inlineLimitBytes = 64;
/** Without faults no operation takes longer, and none fails but by what it asks for. */
const calmOperationMs = 4000;
/** Nothing lasts so long even with faults. */
const worldMs = 3_600_000;

/**
 * A server and some clients under a seed. The applications of all clients work on one small tree, and what they saw
 * must have an order. Fails with what went wrong.
 */
export async function simulateWorld(options: WorldOptions): Promise<WorldReport> {
  const world = new World(options);
  try {
    return await drive(world.clock, world.run());
  } catch (cause) {
    throw new Error(`${(cause as Error).message}\nfaults: ${world.faults || 'none'}`, { cause });
  }
}

class World {
  readonly clock = new ManualClock();
  readonly #options: WorldOptions;
  readonly #random: Random;
  readonly #network: MemoryNetwork;
  readonly #host: ServerHost;
  readonly #history = new History();
  readonly #places: Places;
  readonly #locks = new LockWitness();
  readonly #faults: Faults;
  readonly #clients: ClientHost[] = [];
  readonly #doubts: string[] = [];
  /** What the processes of machines that are up have to do. */
  readonly #working = new Set<Promise<void>>();
  readonly #failed = Promise.withResolvers<never>();
  #stepsLeft = stepsInAll;
  #unknown = 0;
  #settledAt = Number.POSITIVE_INFINITY;

  constructor(options: WorldOptions) {
    this.#options = options;
    const { clock } = this;
    this.#places = new Places(options.mode === 'strict' ? 'shared' : 'owned');
    const source = new SeededRandom(options.seed);
    const stream = (): Random => new SeededRandom(source.u32());
    this.#random = stream();
    this.#network = new MemoryNetwork({
      clock,
      random: stream(),
      weather: { minDelayMs: 0, maxDelayMs: 4, lossPerMillion: 0, silenceMs: 400 },
      codec: createCodec(),
    });
    const { bug, serve } = options;
    this.#host = new ServerHost({
      clock,
      random: stream(),
      network: this.#network,
      bug: bug?.started && { started: bug.started },
      serve: async (...parts) => {
        const handler = await serve(...parts);
        return bug?.handler?.(handler) ?? handler;
      },
      onCrash: () => this.#history.crashed(),
      // What clients have open without names is theirs to claim again.
      volumeOptions: { inlineLimitBytes, keepOrphans: true },
    });
    this.#faults = new Faults({
      clock,
      random: stream(),
      network: this.#network,
      host: this.#host,
      clients: () => this.#clients.filter(({ isUp }) => isUp),
      replace: (client, afterMs) => this.#replace(client, afterMs),
    });
    this.#failed.promise.catch(() => undefined);
  }

  async run(): Promise<WorldReport> {
    const limit = this.clock.after(worldMs, () => this.#fail(new Error(`not at its end: ${this.#underWay()}`)));
    const work = this.#work();
    // Whatever fails first ends the run; what else fails because of it has been heard.
    work.catch(() => undefined);
    await Promise.race([work, this.#failed.promise]);
    limit.cancel();
    this.#judge();
    const requests = this.#clients.reduce((sum, { kernel }) => sum + kernel.state.requests, 0);
    return {
      operations: this.#history.operations.length,
      requests,
      crashes: this.#host.crashes,
      doubts: this.#doubts.length,
      endedAtMs: this.clock.nowMs(),
      faults: this.faults,
      unknown: this.#unknown,
    };
  }

  get faults(): string {
    return [...this.#faults.kinds].join(', ');
  }

  async #work(): Promise<void> {
    await this.#host.start();
    const count = 1 + below(this.#random, clientsMost);
    for (let index = 0; index < count; index++) await this.#addClient(`client ${index}`);
    this.#faults.start();
    for (const client of this.#clients) this.#startProcesses(client);
    while (this.#working.size > 0) await Promise.race([...this.#working]);
    await this.#settle();
  }

  async #addClient(name: string): Promise<ClientHost> {
    const client = new ClientHost({
      name,
      world: this.clock,
      random: new SeededRandom(this.#random.u32()),
      network: this.#network,
      history: this.#history,
      places: this.#places,
      locks: this.#locks,
      makeMount: this.#options.makeMount,
      bug: this.#options.bug,
    });
    await this.#mount(client);
    if (this.#places.roots.length === 0) await this.#makePlaces(client);
    this.#clients.push(client);
    return client;
  }

  /** A mount gives up when no server answers for long; whoever wants it tries again. */
  async #mount(client: ClientHost): Promise<void> {
    for (;;) {
      try {
        await client.mount();
        return;
      } catch (error) {
        if (!isStatus(error, 'timedOut')) throw error;
      }
    }
  }

  async #makePlaces({ kernel }: ClientHost): Promise<void> {
    const root = await kernel.root();
    for (const name of this.#places.rootNames) {
      const facts = { mode: 0o755, umask: 0, rdev: 0 };
      const { ino } = await kernel.names.make(root, name, (vfs) => vfs.mkdir(superuser, rootIno, name, facts));
      this.#places.roots.push(ino);
      this.#places.directories.add(ino);
    }
  }

  #startProcesses(client: ClientHost): void {
    for (let index = 0; index < processesPerClient; index++) {
      const random = new SeededRandom(this.#random.u32());
      const run = this.#runProcess(client, random);
      const working = Promise.race([run, client.ended]).then(() => void this.#working.delete(working));
      working.catch(() => undefined);
      this.#working.add(working);
    }
  }

  async #runProcess(client: ClientHost, random: Random): Promise<void> {
    const process = client.startProcess();
    try {
      await process.begin();
      while (this.#stepsLeft > 0) {
        this.#stepsLeft -= 1;
        await sleep(this.clock, below(random, 1 + thinkMs[below(random, thinkMs.length)]!) / 4);
        // Its kernel would go on to answer from its caches.
        if (!client.isUp) return;
        await process.step();
        if (this.#host.failure !== undefined) this.#fail(this.#host.failure);
      }
      await process.end();
    } catch (error) {
      this.#fail(error);
    }
    this.#doubts.push(...process.calls.recorder.doubts);
    if (process.calls.recorder.doubts.length > 0 && !client.isTroubled) {
      this.#fail(new Error(`nothing was wrong with this client, but: ${process.calls.recorder.doubts.join('; ')}`));
    }
  }

  /** Another machine takes the place of one that has crashed, after a while. */
  #replace(client: ClientHost, afterMs: number): void {
    const joining = sleep(this.clock, afterMs)
      .then(() => this.#addClient(client.name))
      .then((added) => this.#startProcesses(added));
    const working: Promise<void> = joining.then(() => void this.#working.delete(working));
    working.catch((error: unknown) => this.#fail(error));
    this.#working.add(working);
  }

  /** Faults cease, and everybody looks at everything once more. */
  async #settle(): Promise<void> {
    await this.#faults.stop();
    const limit = this.clock.after(settleMs, () =>
      this.#fail(new Error(`nothing is wrong any more, but these wait: ${this.#underWay()}`)),
    );
    // What is told without waiting, or believed for a time, has been told and was believed by then.
    if (this.#options.mode !== 'strict') await sleep(this.clock, weakSettleMs);
    this.#settledAt = this.#history.tick();
    await Promise.all(
      this.#clients
        .filter(({ isUp }) => isUp)
        .map(async (client) => {
          const process = client.startProcess();
          await process.begin();
          await process.lookAtEverything();
        }),
    );
    limit.cancel();
  }

  #judge(): void {
    if (this.#host.failure !== undefined) throw this.#host.failure;
    const { mode } = this.#options;
    const found = mode === 'strict' ? this.#judgeStrictly() : findBrokenPromise(this.#history, mode, this.#settledAt);
    if (found !== undefined) throw new Error(found);
    if (this.#faults.kinds.size > 0) return;
    const slow = this.#history.operations.find(({ lastedMs, isVoid }) => !isVoid && lastedMs > calmOperationMs);
    if (slow !== undefined) throw new Error(`nothing was wrong, but it took ${slow.lastedMs} ms: ${describe(slow)}`);
  }

  #judgeStrictly(): string | undefined {
    const { violation, unknown } = checkStrictly(this.#history, this.#places);
    this.#unknown = unknown;
    return violation;
  }

  #underWay(): string {
    const open = this.#history.operations.filter(
      (each: Operation) => !each.isVoid && each.ended === Number.POSITIVE_INFINITY,
    );
    return `\n${open.map((each) => `  ${describe(each)}`).join('\n')}`;
  }

  #fail(error: unknown): void {
    this.#failed.reject(error);
  }
}

/** How long applications do something else; often nothing, now and then for longer than leases last. */
const thinkMs = [0, 0, 0, 4, 40, 40, 400, 400, 4000, 40, 40, 40, 40, 120_000];
