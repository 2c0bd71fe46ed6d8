import type { SessionStatus } from '#admin';
import { type Clock, FsError, type Random } from '#base';
import { ClusterVolume, defaultVolume, requireVolumeName, type SessionSummary, VolumesDirectory } from '#server';
import type { Logger } from '#telemetry';

/** Volumes that one server serves at a time. */
const volumesMax = 64;

export interface ServedStoreOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** How long a silent session lives; undefined: 30 s. */
  readonly sessionTtlMs?: number | undefined;
}

interface OpenVolume {
  readonly served: ClusterVolume;
  /** What a read of its blobs gave has been sent. */
  readonly reuse: ((bytes: Uint8Array) => void) | undefined;
  readonly close: () => Promise<void>;
}

/** The store of a server with all its volumes open. */
export class ServedStore {
  /** For the server of the calls: by name, as they come and go. */
  readonly volumes = new Map<string, ClusterVolume>();
  readonly #directory: VolumesDirectory;
  readonly #options: ServedStoreOptions;
  readonly #log: Logger;
  readonly #open = new Map<string, OpenVolume>();
  /** Volumes are made and removed one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(directory: VolumesDirectory, options: ServedStoreOptions) {
    this.#directory = directory;
    this.#options = options;
    this.#log = options.log;
  }

  /** Opens the store at `path` and makes it, with the volume `default`, where there is none. Fails as stores do. */
  static async open(path: string, options: ServedStoreOptions): Promise<ServedStore> {
    const { log } = options;
    const directory = VolumesDirectory.take(path, { make: true });
    const store = new ServedStore(directory, options);
    try {
      const names = directory.list();
      for (const name of names.length === 0 ? [defaultVolume] : names) await store.#begin(name);
      return store;
    } catch (cause) {
      await store.close().catch((error: unknown) => log.error(error, 'closing the store failed'));
      throw cause;
    }
  }

  sessions(): SessionStatus[] {
    return [...this.#open].flatMap(([volume, { served }]) => served.list().map((one) => statusOf(volume, one)));
  }

  /** Ends a session of whichever volume has it. Fails with `notFound`, `invalid` where several have. */
  async evict(session: number, volume: string | undefined): Promise<void> {
    const meant = this.sessions().filter((one) => one.session === session && (volume ?? one.volume) === one.volume);
    if (meant.length === 0) throw new FsError('notFound', `there is no session ${session}`);
    if (meant.length > 1) {
      const names = meant.map((one) => one.volume).join(' and ');
      throw new FsError('invalid', `the volumes ${names} each have a session ${session}: say which with --volume`);
    }
    await this.volumes.get(meant[0]!.volume)?.evict(session);
  }

  createVolume(name: string): Promise<void> {
    return this.#inTurn(async () => {
      requireVolumeName(name);
      if (this.#open.has(name)) throw new FsError('exists', `there is a volume ${name} already`);
      if (this.#open.size >= volumesMax) throw new FsError('tooManyOpenSystem', `there are ${volumesMax} volumes`);
      await this.#begin(name);
      this.#log.info({ volume: name }, 'volume created');
    });
  }

  /** Ends its sessions and removes it with all that is in it. */
  removeVolume(name: string): Promise<void> {
    return this.#inTurn(async () => {
      const open = this.#open.get(name);
      if (open === undefined) throw new FsError('notFound', `there is no volume ${name}`);
      this.volumes.delete(name);
      this.#open.delete(name);
      for (const { session } of open.served.list()) await open.served.evict(session, `the volume ${name} was removed`);
      open.served.close();
      await open.close();
      this.#directory.remove(name);
      this.#log.info({ volume: name }, 'volume removed');
    });
  }

  /** Nobody looks any more at what some volume's `read` replied. */
  reuse(bytes: Uint8Array): void {
    for (const { reuse } of this.#open.values()) reuse?.(bytes);
  }

  /** Tells all clients that the server is about to stop. */
  drain(): void {
    for (const { served } of this.#open.values()) served.drain();
  }

  /** Makes all durable and gives the store back. Fails with the first that went wrong. */
  async close(): Promise<void> {
    await this.#turn;
    const failures: unknown[] = [];
    for (const { served, close } of this.#open.values()) {
      served.close();
      await close().catch((error: unknown) => failures.push(error));
    }
    this.#open.clear();
    this.volumes.clear();
    this.#directory.close();
    if (failures.length > 0) throw failures[0];
  }

  async #begin(name: string): Promise<void> {
    const onNews = (sentence: string): void => this.#log.info({ volume: name }, sentence);
    const { sessionTtlMs } = this.#options;
    const { volume, close } = await this.#directory.open(name, this.#options, { make: true });
    try {
      const options = sessionTtlMs === undefined ? { onNews } : { onNews, ttlMs: sessionTtlMs };
      const served = await ClusterVolume.start(volume, options);
      const { fileBlobs } = volume;
      const reuse = fileBlobs && ((bytes: Uint8Array) => fileBlobs.reuse(bytes));
      this.#open.set(name, { served, close, reuse });
      this.volumes.set(name, served);
    } catch (cause) {
      await close().catch((error: unknown) => this.#log.error(error, 'closing a volume failed'));
      throw cause;
    }
  }

  #inTurn(body: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(body);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

function statusOf(volume: string, one: SessionSummary): SessionStatus {
  const { session, name, identity, address, cacheMode, readOnly, leases, locks, opens } = one;
  return {
    session,
    volume,
    name,
    identity: identity ?? null,
    address: address ?? null,
    cacheMode,
    readOnly,
    createdAt: new Date(one.createdSec * 1000).toISOString(),
    silentSeconds: Math.round(one.silentMs / 1000),
    leases,
    locks,
    opens,
  };
}
