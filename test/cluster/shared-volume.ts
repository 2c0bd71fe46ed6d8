import { drive, ManualClock, type Maybe, type Random, SeededRandom, sleep } from '#base';
import { type CacheMode, MountSession } from '#client';
import { createCodec } from '#protocol';
import { type ClusterHandler, createClusterHandler, MemoryBlobStore, MemoryEngine, openVolume } from '#server';
import { type MemoryListener, MemoryNetwork } from '#transport';
import { embeddedVfsOptions, noKernelCaches, shareVolume, type Vfs, type VolumeShare } from '#vfs';

/** One mount, without a kernel. */
export interface TestMount {
  readonly host: string;
  readonly vfs: Vfs;
  readonly session: MountSession;
  readonly share: VolumeShare;
  readonly news: string[];
}

/** A server of one volume in memory, and mounts of it: the shipped rooms over the network of the simulation. */
export class SharedVolumeWorld {
  readonly clock = new ManualClock();
  readonly random: Random = new SeededRandom(3);
  readonly network = new MemoryNetwork({
    clock: this.clock,
    random: this.random,
    weather: { minDelayMs: 1, maxDelayMs: 2, lossPerMillion: 0, silenceMs: 500 },
    codec: createCodec(),
  });
  server!: ClusterHandler;
  /** Calls that the server got. */
  calls = 0;
  #engine = new MemoryEngine();
  #blobs = new MemoryBlobStore();
  #listener: MemoryListener | undefined;
  #hosts = 0;

  async start(): Promise<void> {
    const { clock, random } = this;
    const parts = { engine: this.#engine, blobs: this.#blobs, clock, random };
    const volume = await this.wait(openVolume(parts, { keepOrphans: true }));
    this.server = await this.wait(createClusterHandler(volume));
    this.#listener = this.network.listen('server', (...call) => {
      this.calls += 1;
      return this.server.handle(...call);
    });
  }

  /** The server's process is killed. */
  kill(): void {
    this.#listener?.close();
    this.server.close();
    this.#engine = this.#engine.crash();
    this.#blobs = this.#blobs.afterKill();
  }

  async mount(mode: CacheMode = 'strict', timeoutMs = 0): Promise<TestMount> {
    const { clock, random } = this;
    const host = `client${this.#hosts++}`;
    const news: string[] = [];
    const session = new MountSession({
      connect: (events) => this.network.connect(host, 'server', events),
      clock,
      random,
      create: { name: host, volume: 'default', cacheMode: mode, readOnly: false },
      timeoutMs,
      onNews: (sentence) => news.push(sentence),
    });
    const share = shareVolume({
      clock,
      session,
      mode,
      vfs: { ...embeddedVfsOptions, attributeValidityMs: 86_400_000 },
    });
    await this.wait(session.start(share.client));
    return { host, vfs: share.makeVfs(() => noKernelCaches), session, share, news };
  }

  wait<T>(result: Maybe<T>): Promise<T> {
    return drive(this.clock, result);
  }

  pass(ms: number): Promise<void> {
    return this.wait(sleep(this.clock, ms));
  }
}
