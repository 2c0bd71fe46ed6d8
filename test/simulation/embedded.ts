import assert from 'node:assert/strict';
import { below, drive, type Ino, ManualClock, type Random, rootIno, SeededRandom } from '#base';
import { EmbeddedClient } from '#client';
import { superuser } from '#protocol';
import type { VolumeHandler } from '#server';
import { InProcessConnection } from '#transport';
import { embeddedVfsOptions, Vfs } from '#vfs';
import { PassthroughVfs } from '../model/passthrough-vfs.ts';
import { Chronicle } from './chronicle.ts';
import type { PlantedBug } from './planted-bugs.ts';
import { ServerHost } from './server-host.ts';
import { isSameTree, type Tree, treeOf } from './tree.ts';

const lives = 4;
const processes = 2;
const stepsPerLife = 30;

export interface EmbeddedReport {
  readonly crashes: number;
  readonly steps: number;
  readonly endedAtMs: number;
}

/**
 * Client and server in one process, which is killed or loses power at any moment, some lives long. After each, what
 * is found must be what the applications had done up to some moment, not before their last fsync.
 */
export async function simulateEmbedded(seed: number, bug?: PlantedBug): Promise<EmbeddedReport> {
  const machine = new Machine(seed, bug);
  return drive(machine.clock, machine.run());
}

class Machine {
  readonly clock = new ManualClock();
  readonly #random: Random;
  readonly #host: ServerHost;
  /** What was found after earlier lives, and must stay. */
  readonly #settled = new Map<string, Tree>();
  /** Whether the kernel reads and writes the store's files itself. */
  readonly #passthrough: boolean;
  #chronicles: Chronicle[] = [];
  #steps = 0;
  /** Whether the power was cut since the applications worked. */
  #cut: 'process' | 'power' = 'process';

  constructor(seed: number, bug: PlantedBug | undefined) {
    const source = new SeededRandom(seed);
    this.#random = new SeededRandom(source.u32());
    this.#passthrough = below(this.#random, 2) === 0;
    const random = new SeededRandom(source.u32());
    this.#host = new ServerHost({ clock: this.clock, random, network: undefined, bug });
  }

  async run(): Promise<EmbeddedReport> {
    for (let life = 0; life < lives; life++) {
      const vfs = await this.#mount();
      await this.#verify(vfs);
      await this.#live(vfs, life);
    }
    await this.#verify(await this.#mount());
    return { crashes: this.#host.crashes, steps: this.#steps, endedAtMs: this.clock.nowMs() };
  }

  /** Starts the process until it has recovered; now and then it crashes on the way. */
  async #mount(): Promise<Vfs> {
    while (this.#host.handler === undefined) {
      const started = this.#host.start();
      const crashed = Promise.withResolvers<void>();
      const delayMs = below(this.#random, 1200) / 16;
      const timer = this.clock.after(delayMs, () => {
        this.#crash();
        crashed.resolve();
      });
      await Promise.race([started, crashed.promise]);
      timer.cancel();
      if (this.#host.failure !== undefined) throw this.#host.failure;
    }
    // Without a network nobody asks where a call comes from.
    if (this.#passthrough) return new PassthroughVfs(this.#host.volume!, this.#host.handler as VolumeHandler);
    const client = new EmbeddedClient(new InProcessConnection(this.#host.handler), undefined);
    return new Vfs(client, embeddedVfsOptions, undefined);
  }

  #crash(): void {
    const kind = below(this.#random, 2) === 0 ? 'process' : 'power';
    if (kind === 'power') this.#cut = 'power';
    this.#host.crash(kind);
  }

  /** Applications work until the crash ends it all in the middle. */
  async #live(vfs: Vfs, life: number): Promise<void> {
    this.#chronicles = [];
    const crash = Promise.withResolvers<void>();
    const work = Array.from({ length: processes }, async (_, index) => {
      const name = `${life}.${index}`;
      const made = await vfs.mkdir(superuser, rootIno, name, { mode: 0o755, umask: 0, rdev: 0 });
      const directory = { ino: made.attributes.ino, parent: rootIno };
      await vfs.fsync(rootIno, false);
      const chronicle = new Chronicle(name, vfs, directory, new SeededRandom(this.#random.u32()), this.#chronicles);
      this.#chronicles.push(chronicle);
      if (index === 0) this.clock.after(below(this.#random, 6000) / 16, () => crash.resolve());
      for (let step = 0; step < stepsPerLife; step++) {
        this.#steps += 1;
        await chronicle.step();
      }
    });
    const failed = Promise.all(work).then(() => crash.promise);
    await Promise.race([crash.promise, failed]);
    this.#cut = 'process';
    this.#crash();
    failed.catch(() => undefined);
    if (this.#host.failure !== undefined) throw this.#host.failure;
  }

  async #verify(vfs: Vfs): Promise<void> {
    for (const [name, tree] of this.#settled) {
      assert(isSameTree(await this.#find(vfs, name), tree, 'contents'), `${name} changed after it had settled`);
    }
    const found: Tree[] = [];
    for (const { name } of this.#chronicles) found.push(await this.#find(vfs, name));
    const moments = this.#chronicles.map((chronicle, index) => chronicle.momentsOf(found[index]!, this.#cut));
    const [first, second] = this.#chronicles;
    if (first !== undefined && second !== undefined) {
      const agree = moments[0]!.some((a) => moments[1]!.some((b) => first.agrees(a, second, b)));
      assert(agree, `${first.name} and ${second.name} did not lose the same tail: ${JSON.stringify(moments)}`);
    }
    for (const [index, { name }] of this.#chronicles.entries()) this.#settled.set(name, found[index]!);
  }

  async #find(vfs: Vfs, name: string): Promise<Tree> {
    const entry = await vfs.lookup(superuser, rootIno, name);
    assert(entry !== undefined, `${name} is gone`);
    return treeOf(vfs, entry.attributes.ino as Ino);
  }
}
