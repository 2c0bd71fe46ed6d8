import assert from 'node:assert/strict';
import { below, type Clock, FsError, type ManualClock, type Maybe, type Random } from '#base';
import type { Caller } from '#protocol';
import {
  check,
  createHandler,
  MemoryBlobStore,
  MemoryEngine,
  openVolume,
  type ServedVolume,
  type VolumeHandler,
  type VolumeOptions,
} from '#server';
import type { Handler, MemoryListener, MemoryNetwork } from '#transport';
import type { PlantedBug } from './planted-bugs.ts';
import { ClientClock } from './world/client-clock.ts';
import { Gate } from './world/gate.ts';

export interface ServerHostOptions {
  readonly clock: ManualClock;
  readonly random: Random;
  /** Undefined: the client is in the same process. */
  readonly network: MemoryNetwork | undefined;
  readonly bug: Pick<PlantedBug, 'engine' | 'blobs' | 'started'> | undefined;
  readonly volumeOptions?: VolumeOptions;
  /** Is told of each crash. */
  readonly onCrash?: () => void;
  /** How a volume is served. Default: as one whose clients have neither sessions nor leases. */
  readonly serve?: (volume: ServedVolume, clock: Clock, random: Random) => Maybe<Handler>;
}

/** The machine of a server: its disks outlive the process that serves them, as far as disks do. */
export class ServerHost {
  readonly #options: ServerHostOptions;
  /** Undefined while the process is down or has not yet recovered. */
  volume: ServedVolume | undefined;
  handler: Handler | undefined;
  crashes = 0;
  /** What no client may ever cause: a bug in the server, or a store that contradicts itself. */
  failure: unknown;
  #engine: MemoryEngine;
  #blobs: MemoryBlobStore;
  #listener: MemoryListener | undefined;
  /** Of the process that runs. */
  #gate: Gate | undefined;
  readonly #reads: 'at once' | 'later';

  constructor(options: ServerHostOptions) {
    this.#options = options;
    this.#reads = below(options.random, 2) === 0 ? 'at once' : 'later';
    this.#engine = this.#wired(new MemoryEngine(this.#engineOptions()));
    this.#blobs = this.#wiredBlobs(new MemoryBlobStore({ schedule: (step) => this.#later(step) }));
  }

  /** Starts the process: recovery, then service. It may crash at any moment of that. */
  async start(): Promise<void> {
    const { clock: world, random, network, bug, volumeOptions } = this.#options;
    const { crashes } = this;
    this.#gate = new Gate(world);
    const clock = new ClientClock({ world, startMs: 0, rate: 1, gate: this.#gate });
    try {
      const volume = await openVolume({ engine: this.#engine, blobs: this.#blobs, clock, random }, volumeOptions);
      const { found } = await check(volume.store, volume.hashSeed);
      assert.deepEqual(found, [], 'the volume contradicts itself after its recovery');
      if (crashes !== this.crashes) return;
      await bug?.started?.(volume);
      const { serve = serveTrusting } = this.#options;
      const handler = await serve(volume, clock, random);
      if (crashes !== this.crashes) return;
      this.volume = volume;
      this.handler = this.#watched(handler, crashes);
      this.#listener = network?.listen('server', this.handler);
    } catch (error) {
      if (crashes === this.crashes) this.failure ??= error;
    }
  }

  /** The process is killed, or its machine loses power; its disks are left as that leaves them. */
  crash(kind: 'process' | 'power'): void {
    const { random } = this.#options;
    this.crashes += 1;
    this.#options.onCrash?.();
    this.volume = undefined;
    this.handler = undefined;
    this.#gate?.end();
    this.#listener?.close({ silently: kind === 'power' });
    this.#engine = this.#wired(this.#engine.crash(random, this.#engineOptions()));
    this.#blobs = this.#wiredBlobs(kind === 'power' ? this.#blobs.afterPowerCut(random) : this.#blobs.afterKill());
  }

  /** Nothing but an `FsError` may be thrown by the handler, and none that says that the store is broken. */
  #watched(handler: Handler, crashes: number): Handler {
    const watch = (error: unknown): never => {
      const broken = !(error instanceof FsError) || error.status === 'corrupted';
      if (broken && crashes === this.crashes) this.failure ??= error;
      throw error;
    };
    return (header, request, context) => {
      try {
        const reply = handler(header, request, context);
        return reply instanceof Promise ? reply.catch(watch) : reply;
      } catch (error) {
        return watch(error);
      }
    };
  }

  #engineOptions() {
    const later = (step: () => void): void => this.#later(step);
    return this.#reads === 'later' ? { reads: later, commits: later } : { commits: later };
  }

  #later(step: () => void): void {
    const { clock, random } = this.#options;
    clock.after(below(random, 64) / 16, step);
  }

  #wired(engine: MemoryEngine): MemoryEngine {
    this.#options.bug?.engine?.(engine);
    return engine;
  }

  #wiredBlobs(blobs: MemoryBlobStore): MemoryBlobStore {
    this.#options.bug?.blobs?.(blobs);
    return blobs;
  }
}

/** The clients of this model ask only for what their kernel has allowed, and the model does not check it again. */
export function trusting(handler: VolumeHandler): VolumeHandler {
  return (header, request) => {
    const { caller } = request as { caller?: Caller };
    if (caller === undefined) return handler(header, request);
    return handler(header, { ...(request as object), caller: { ...caller, checked: true } });
  };
}

function serveTrusting(volume: ServedVolume): Handler {
  return trusting(createHandler(volume));
}
