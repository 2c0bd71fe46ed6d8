import { type Clock, type Ino, rootIno, SeededRandom, type Timer } from '#base';
import { type Attributes, type CallName, calls, type ReplyOf, type RequestOf, superuser } from '#protocol';
import { MemoryBlobStore, type MemoryBlobStoreOptions } from '../blob/memory.ts';
import { MemoryEngine, type MemoryEngineOptions } from '../kv/memory.ts';
import { openVolume, type ServedVolume } from '../open-volume.ts';
import { createHandler } from '../server.ts';
import { giveBack, lend } from './lend.ts';

/** A clock on which a microsecond passes at every look, and timers run when told to. */
export class ManualClock implements Clock {
  wallSec = 1_700_000_000;
  wallNsec = 0;
  readonly #timers = new Set<() => void>();

  nowMs(): number {
    return this.wallSec * 1000;
  }

  readWall(): void {
    this.wallNsec += 1000;
  }

  after(_delayMs: number, run: () => void): Timer {
    this.#timers.add(run);
    return { cancel: () => void this.#timers.delete(run) };
  }

  runTimers(): void {
    const due = [...this.#timers];
    this.#timers.clear();
    for (const run of due) run();
  }
}

export interface FixtureOptions {
  blobs?: MemoryBlobStoreOptions;
  engine?: MemoryEngineOptions;
}

/** A volume in memory and short ways to make calls on it, to cut its power and to start it again. */
export class ContentFixture {
  readonly volume: ServedVolume;
  readonly blobs: MemoryBlobStore;
  readonly engine: MemoryEngine;
  readonly clock: ManualClock;
  #named = 0;

  private constructor(
    volume: ServedVolume,
    parts: { blobs: MemoryBlobStore; engine: MemoryEngine; clock: ManualClock },
  ) {
    this.volume = volume;
    this.blobs = parts.blobs;
    this.engine = parts.engine;
    this.clock = parts.clock;
  }

  static async open(options: FixtureOptions = {}): Promise<ContentFixture> {
    const clock = new ManualClock();
    const now = () => {
      clock.readWall();
      return { sec: clock.wallSec, nsec: clock.wallNsec };
    };
    return ContentFixture.over(new MemoryEngine(options.engine), new MemoryBlobStore({ now, ...options.blobs }), clock);
  }

  static async over(engine: MemoryEngine, blobs: MemoryBlobStore, clock = new ManualClock()): Promise<ContentFixture> {
    const volume = await openVolume({ engine, blobs, clock, random: new SeededRandom(1) });
    return new ContentFixture(volume, { engine, blobs, clock });
  }

  async call<N extends CallName>(name: N, request: RequestOf<N>): Promise<ReplyOf<N>> {
    const header = { code: calls[name].code, session: 0, slot: 0, sequence: 0 };
    return (await createHandler(this.volume)(header, request)) as ReplyOf<N>;
  }

  /** A new file, open once. */
  async make(mode = 0o644): Promise<Ino> {
    const name = `file-${this.#named++}`;
    const request = { caller: superuser, parent: rootIno, name, mode: 0o100000 | mode, umask: 0, rdev: 0, target: '' };
    return (await this.call('make', { ...request, open: true })).ino;
  }

  write(ino: Ino, offset: number, data: string | Uint8Array, options: Partial<RequestOf<'write'>> = {}) {
    const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : data;
    const request = { ino, offset, data: bytes, append: false, killPrivileges: false, sync: false };
    return this.call('write', { ...request, ...options });
  }

  async read(ino: Ino, offset = 0, length = 1_000_000): Promise<string> {
    return Buffer.from(await this.call('read', { ino, offset, length, noAtime: true })).toString('latin1');
  }

  truncate(ino: Ino, size: number): Promise<Attributes> {
    return this.call('setattr', { caller: superuser, ino, changes: { size } });
  }

  fallocate(ino: Ino, mode: number, offset: number, length: number): Promise<void> {
    return this.call('fallocate', { ino, mode, offset, length, caller: superuser });
  }

  fsync(ino: Ino): Promise<void> {
    return this.call('fsync', { ino, dataOnly: false });
  }

  stat(ino: Ino): Promise<Attributes> {
    return this.call('getattr', { ino });
  }

  async storage(ino: Ino): Promise<'inline' | 'blob'> {
    const reply = await this.call('open', { caller: superuser, ino, flags: 0, killPrivileges: false });
    await this.call('release', { ino, count: 1 });
    return reply.storage;
  }

  /** The last name and open go. */
  async remove(ino: Ino): Promise<void> {
    const entries = await this.call('readdir', { ino: rootIno, cookie: 0, limit: 1000, withAttributes: false });
    const { name } = entries.find((entry) => entry.ino === ino)!;
    await this.call('unlink', { caller: superuser, parent: rootIno, name });
    await this.call('release', { ino, count: 1 });
  }

  lend(ino: Ino, writing: boolean): Promise<number> {
    return Promise.resolve(lend(this.volume, ino, writing));
  }

  giveBack(ino: Ino, writing: boolean): Promise<void> {
    return Promise.resolve(giveBack(this.volume, ino, writing));
  }

  /** What the next start finds after a power cut now, opened. */
  powerCut(seed: number): Promise<ContentFixture> {
    const random = new SeededRandom(seed);
    return ContentFixture.over(this.engine.crash(random), this.blobs.afterPowerCut(random));
  }

  /** What the next start finds after the server is killed now, with `commits` of the metadata lost or not by `seed`. */
  kill(seed: number): Promise<ContentFixture> {
    return ContentFixture.over(this.engine.crash(new SeededRandom(seed)), this.blobs.afterKill());
  }

  async blobIds(): Promise<number[]> {
    const ids: number[] = [];
    for await (const id of this.blobs.list()) ids.push(id);
    return ids.sort((a, b) => a - b);
  }
}
