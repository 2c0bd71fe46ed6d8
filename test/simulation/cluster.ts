import assert from 'node:assert/strict';
import { below, drive, type Ino, ManualClock, type Random, rootIno, SeededRandom, sleep } from '#base';
import { SessionClient } from '#client';
import { createCodec, O_APPEND, O_WRONLY, superuser } from '#protocol';
import { createHandler, type ServedVolume } from '#server';
import { type Handler, MemoryNetwork } from '#transport';
import { embeddedVfsOptions, Vfs } from '#vfs';
import { Application } from './application.ts';
import type { PlantedBug } from './planted-bugs.ts';
import { ServerHost, trusting } from './server-host.ts';

const clientCount = 3;
const processesPerClient = 2;
const stepsPerProcess = 14;
/** Nothing that clients do takes longer: whoever still waits then waits for ever. */
const endMs = 3_600_000;
const recordBytes = 8;

export interface ClusterReport {
  readonly crashes: number;
  readonly calls: number;
  readonly endedAtMs: number;
}

/**
 * One server and several clients under a seeded network and seeded crashes. Each process works in a directory of its
 * own, where every operation must give what the model gives; all append to one log and make files in one directory,
 * where everything acknowledged must be found once.
 */
export async function simulateCluster(seed: number, bug?: PlantedBug): Promise<ClusterReport> {
  const world = new Cluster(seed, bug);
  return drive(world.clock, world.run());
}

class Cluster {
  readonly clock = new ManualClock();
  readonly #random: Random;
  readonly #network: MemoryNetwork;
  readonly #host: ServerHost;
  readonly #clients: { name: string; vfs: Vfs }[] = [];
  readonly #tokens: string[] = [];
  readonly #failed = Promise.withResolvers<never>();
  #calls = 0;
  #isCalm = true;

  constructor(seed: number, bug: PlantedBug | undefined) {
    const { clock } = this;
    const source = new SeededRandom(seed);
    const stream = (): Random => new SeededRandom(source.u32());
    this.#random = stream();
    this.#network = new MemoryNetwork({
      clock,
      random: stream(),
      weather: { minDelayMs: 0, maxDelayMs: 8, lossPerMillion: 0, silenceMs: 400 },
      codec: createCodec({ replies: 'bare' }),
    });
    const serve = (volume: ServedVolume): Handler => {
      const handler = createHandler(volume);
      return trusting(bug?.handler?.(handler) ?? handler);
    };
    this.#host = new ServerHost({ clock, random: stream(), network: this.#network, bug, serve });
    for (let index = 0; index < clientCount; index++) {
      const name = `client ${index}`;
      const connect = () => {
        const connection = this.#network.connect(name, 'server');
        return bug?.connection?.(connection) ?? connection;
      };
      const client = new SessionClient({
        session: 1000 + index,
        connect,
        clock,
        random: stream(),
        slots: 1 + below(this.#random, 4),
        deadlineMs: endMs,
      });
      this.#clients.push({ name, vfs: new Vfs(client, embeddedVfsOptions, undefined) });
    }
    this.#failed.promise.catch(() => undefined);
  }

  async run(): Promise<ClusterReport> {
    await this.#host.start();
    const work = this.#work();
    // Whatever fails first ends the run; what else fails because of it has been heard.
    work.catch(() => undefined);
    await Promise.race([work, this.#failed.promise]);
    return { crashes: this.#host.crashes, calls: this.#calls, endedAtMs: this.clock.nowMs() };
  }

  async #work(): Promise<void> {
    const [first] = this.#clients;
    const shared = await first!.vfs.mkdir(superuser, rootIno, 'shared', directoryFacts);
    const log = await first!.vfs.mknod(superuser, rootIno, 'log', { mode: 0o100644, umask: 0, rdev: 0 });
    const places = { shared: shared.attributes.ino, log: log.attributes.ino };
    this.#isCalm = false;
    this.#crashNowAndThen();
    const weather = this.#changeTheWeather();
    await Promise.all(this.#clients.flatMap(({ name, vfs }) => this.#processes(name, vfs, places)));
    this.#isCalm = true;
    await weather;
    await this.#verifyShared(places);
  }

  #processes(client: string, vfs: Vfs, places: Places): Promise<void>[] {
    return Array.from({ length: processesPerClient }, async (_, index) => {
      const name = `${client}, process ${index}`;
      const made = await vfs.mkdir(superuser, rootIno, name, directoryFacts);
      const directory = { ino: made.attributes.ino, parent: rootIno };
      const random = new SeededRandom(this.#random.u32());
      const application = new Application(name, vfs, directory, random);
      for (let step = 0; step < stepsPerProcess; step++) {
        this.#calls += 1;
        if (below(random, 4) === 0) await this.#leaveToken(vfs, `${client.slice(-1)}${index}${step}`, places);
        else await application.step();
        if (this.#host.failure !== undefined) this.#failed.reject(this.#host.failure);
      }
      await application.compareAll(this.clock);
    });
  }

  /** Appends a record to the log that all share, and makes a file that bears its name. */
  async #leaveToken(vfs: Vfs, token: string, { shared, log }: Places): Promise<void> {
    await vfs.mknod(superuser, shared, token, { mode: 0o100600, umask: 0, rdev: 0 });
    const { handle } = await vfs.open(superuser, log, O_WRONLY | O_APPEND, false);
    const record = Buffer.from(`${token.padEnd(recordBytes - 1)}\n`);
    assert.equal(await vfs.write(handle, 0, record, false), recordBytes);
    await vfs.release(handle);
    this.#tokens.push(token);
  }

  async #verifyShared({ shared, log }: Places): Promise<void> {
    const { vfs } = this.#clients.at(-1)!;
    const sorted = this.#tokens.toSorted();
    const entries = await vfs.readdir(shared, 0, 10_000, false);
    assert.deepEqual(
      entries
        .slice(2)
        .map(({ name }) => name)
        .toSorted(),
      sorted,
    );
    const { handle } = await vfs.open(superuser, log, 0, false);
    const text = Buffer.from(await vfs.read(handle, 0, 1_000_000)).toString('latin1');
    const records = text.length === 0 ? [] : text.slice(0, -1).split('\n');
    assert.deepEqual(records.map((record) => record.trimEnd()).toSorted(), sorted);
  }

  #crashNowAndThen(): void {
    this.clock.after(below(this.#random, 4000) / 16, () => {
      if (this.#isCalm) return;
      this.#host.crash(below(this.#random, 2) === 0 ? 'process' : 'power');
      this.#restart();
      // Sometimes it crashes again before it has recovered.
      if (below(this.#random, 4) === 0) this.#crashNowAndThen();
      else this.clock.after(below(this.#random, 1500), () => this.#crashNowAndThen());
    });
  }

  #restart(): void {
    const crash = this.#host.crashes;
    this.clock.after(below(this.#random, 300), async () => {
      if (crash === this.#host.crashes) await this.#host.start();
      if (this.#host.failure !== undefined) this.#failed.reject(this.#host.failure);
    });
  }

  async #changeTheWeather(): Promise<void> {
    const { weather } = this.#network;
    const random = this.#random;
    while (!this.#isCalm) {
      weather.lossPerMillion = [0, 0, 20_000, 100_000][below(random, 4)]!;
      weather.maxDelayMs = [2, 8, 60][below(random, 3)]!;
      const { name } = this.#clients[below(random, clientCount)]!;
      if (below(random, 4) === 0) this.#network.partition(name, 'server');
      await sleep(this.clock, below(random, 1000));
      this.#network.heal(name, 'server');
    }
    weather.lossPerMillion = 0;
  }
}

interface Places {
  readonly shared: Ino;
  readonly log: Ino;
}

const directoryFacts = { mode: 0o755, umask: 0, rdev: 0 };
