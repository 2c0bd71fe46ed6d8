import assert from 'node:assert/strict';
import { test } from 'node:test';
import { below, type Ino, SeededRandom, sleep } from '#base';
import { MountSession, type SessionListener } from '#client';
import type { Answer, CallName, LeaseReturn, Pushes, ReplyOf, RequestOf } from '#protocol';
import { TestCluster } from '../cluster.testing.ts';
import { Believer, type LeasedClient, requireTrue } from './beliefs.testing.ts';

const schedules = 12;
const stepsPerSchedule = 120;
const clientCount = 3;
const troubledSchedules = 8;
const troubledSteps = 80;

test('whatever a client may believe is so, whatever others do and however slow messages are', async () => {
  let believed = 0;
  let succeeded = 0;
  for (let seed = 1; seed <= schedules; seed++) {
    const cluster = await TestCluster.start({ seed, slowDisk: seed % 2 === 0 });
    const random = new SeededRandom(seed);
    cluster.network.weather.maxDelayMs = 1 + below(random, 20);
    const believers: Believer[] = [];
    for (let index = 0; index < clientCount; index++) {
      const client = await cluster.client();
      client.returnDelayMs = () => below(random, 3) * below(random, 15);
      believers.push(new Believer(client, new SeededRandom(seed * 100 + index)));
    }
    const runs = believers.map(async (believer) => {
      for (let step = 0; step < stepsPerSchedule; step++) {
        await Promise.all(Array.from({ length: 1 + below(random, 3) }, () => believer.step()));
        for (const each of believers) believed += requireTrue(cluster.volume, each, `seed ${seed}, step ${step}`);
      }
      succeeded += believer.successes;
    });
    await cluster.wait(Promise.all(runs));
  }
  assert(believed > 100 * schedules, `${believed} beliefs were compared`);
  assert(succeeded > 30 * schedules, `${succeeded} calls succeeded`);
});

/** A client with the session of a mount, which comes back by itself. */
class MountedClient implements LeasedClient, SessionListener {
  readonly host: string;
  onRecall: (ino: Ino, kinds: number) => void = () => undefined;
  onAllEnded: () => void = () => undefined;
  readonly session: MountSession;
  readonly #cluster: TestCluster;
  readonly #random: SeededRandom;
  readonly #held = new Map<Ino, number>();
  readonly #recalledAt = new Map<Ino, number>();
  #generation = 1;
  #endedAt = 0;

  constructor(cluster: TestCluster, host: string, random: SeededRandom) {
    this.host = host;
    this.#cluster = cluster;
    this.#random = random;
    this.session = new MountSession({
      connect: (events) => cluster.network.connect(host, 'server', events),
      clock: cluster.clock,
      random,
      create: { name: host, volume: 'default', cacheMode: 'strict', readOnly: false },
      timeoutMs: 0,
      onNews: () => undefined,
    });
  }

  async call<N extends CallName>(name: N, request: RequestOf<N>): Promise<Answer<ReplyOf<N>>> {
    const generation = this.#generation;
    const answer = await this.session.call(name, request);
    if (this.#endedAt >= generation) return { ...answer, grants: [] };
    const grants = answer.grants.filter(({ ino }) => (this.#recalledAt.get(ino) ?? 0) < generation);
    for (const { ino, kinds } of grants) this.#held.set(ino, (this.#held.get(ino) ?? 0) | kinds);
    return { ...answer, grants };
  }

  holds(ino: Ino, kinds: number): boolean {
    return this.session.leaseLeftMs() > 0 && ((this.#held.get(ino) ?? 0) & kinds) === kinds;
  }

  recalled({ leases, awaited }: Pushes['recall']): void {
    for (const { ino, kinds } of leases) {
      this.#recalledAt.set(ino, this.#generation);
      this.#held.set(ino, (this.#held.get(ino) ?? 0) & ~kinds);
      this.onRecall(ino, kinds);
    }
    this.#generation += 1;
    if (!awaited) return;
    const returned: LeaseReturn[] = leases.map(({ ino, kinds, number }) => ({ ino, kinds, number }));
    const delayMs = below(this.#random, 3) * below(this.#random, 15);
    this.#cluster.clock.after(delayMs, () => void this.session.sendOnce('returnLeases', { leases: returned }));
  }

  leasesEnded(): void {
    this.#held.clear();
    this.#endedAt = this.#generation;
    this.#generation += 1;
    this.onAllEnded();
  }

  sessionLost(): void {
    this.leasesEnded();
  }

  lockGranted(): void {
    // It asks for none.
  }
  reattached(): void {
    // What was not heard is said again.
  }
  reclaimed(): void {
    // It holds nothing that could be lost.
  }
  heldOpens(): [] {
    return [];
  }
  heldLocks(): [] {
    return [];
  }
}

/** What goes wrong, one thing after the other, until the work is done. */
async function trouble(cluster: TestCluster, random: SeededRandom, isDone: () => boolean): Promise<void> {
  while (!isDone()) {
    await sleep(cluster.clock, below(random, 20_000));
    const host = `host${below(random, clientCount)}`;
    switch (below(random, 4)) {
      case 0:
        await cluster.restartWithin();
        break;
      case 1: {
        const sessions = cluster.server.list();
        if (sessions.length > 0) await cluster.server.evict(sessions[below(random, sessions.length)]!.session);
        break;
      }
      default:
        cluster.network.partition(host, 'server');
        await sleep(cluster.clock, below(random, 50_000));
        cluster.network.heal(host, 'server');
    }
  }
}

test('what a client believes is so when servers restart, cables are pulled and sessions are lost, too', async () => {
  let believed = 0;
  let succeeded = 0;
  for (let seed = 1; seed <= troubledSchedules; seed++) {
    const cluster = await TestCluster.start({ seed, slowDisk: seed % 2 === 0 });
    const random = new SeededRandom(1000 + seed);
    const believers: Believer[] = [];
    for (let index = 0; index < clientCount; index++) {
      const client = new MountedClient(cluster, `host${index}`, new SeededRandom(seed * 10 + index));
      const believer = new Believer(client, new SeededRandom(seed * 100 + index));
      client.onAllEnded = () => believer.forgetAll();
      await cluster.wait(client.session.start(client));
      believers.push(believer);
    }
    let left = believers.length;
    const runs = believers.map(async (believer, index) => {
      for (let step = 0; step < troubledSteps; step++) {
        await sleep(cluster.clock, below(random, 3) === 0 ? below(random, 2000) : 0);
        await Promise.all(Array.from({ length: 1 + below(random, 3) }, () => believer.step()));
        for (const each of believers) {
          if (cluster.isUp) believed += requireTrue(cluster.volume, each, `seed ${seed}, ${index}, step ${step}`);
        }
      }
      succeeded += believer.successes;
      left -= 1;
    });
    await cluster.wait(Promise.all([...runs, trouble(cluster, random, () => left === 0)]));
  }
  assert(succeeded > 10 * troubledSchedules, `${succeeded} calls succeeded`);
  assert(believed > 50 * troubledSchedules, `${believed} beliefs were compared`);
});
