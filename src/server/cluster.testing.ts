import assert from 'node:assert/strict';
import { below, drive, type Ino, ManualClock, type Maybe, rootIno, SeededRandom, sleep } from '#base';
import {
  type Answer,
  type CacheMode,
  type CallName,
  calls,
  createCodec,
  type LeaseReturn,
  type MakeRequest,
  type Pushes,
  pushes,
  type ReplyOf,
  type RequestOf,
  S_IFDIR,
  S_IFREG,
  type SessionCallName,
  type SessionFacts,
  type SessionReplyOf,
  type SessionRequestOf,
  sessionCalls,
  superuser,
} from '#protocol';
import { type Connection, type MemoryListener, MemoryNetwork } from '#transport';
import { MemoryBlobStore } from './blob/memory.ts';
import { type ClusterHandler, createClusterHandler } from './cluster-server.ts';
import type { ClusterVolumeOptions } from './cluster-volume.ts';
import { MemoryEngine, type MemoryEngineOptions } from './kv/memory.ts';
import { openVolume, type ServedVolume } from './open-volume.ts';
import type { Admit } from './session/session-view.ts';

export interface TestOptions extends ClusterVolumeOptions {
  readonly seed?: number;
  readonly admit?: Admit;
  /** Commits and reads take milliseconds, and little is kept in memory. */
  readonly slowDisk?: boolean;
}

const slowestMs = 5;

/** A server of one volume, and clients that do what a test tells them. */
export class TestCluster {
  readonly clock = new ManualClock();
  readonly network: MemoryNetwork;
  readonly news: string[] = [];
  isUp = false;
  volume!: ServedVolume;
  server!: ClusterHandler;
  readonly #options: TestOptions;
  readonly #random: SeededRandom;
  #engine: MemoryEngine;
  #blobs = new MemoryBlobStore();
  #listener!: MemoryListener;
  #hosts = 0;

  private constructor(options: TestOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed ?? 1);
    this.#engine = new MemoryEngine(this.#disk());
    const weather = { minDelayMs: 1, maxDelayMs: 3, lossPerMillion: 0, silenceMs: 500 };
    this.network = new MemoryNetwork({ clock: this.clock, random: this.#random, weather, codec: createCodec() });
  }

  #disk(): MemoryEngineOptions {
    if (this.#options.slowDisk !== true) return {};
    const later = (step: () => void): void => {
      this.clock.after(below(this.#random, slowestMs * 10) / 10, step);
    };
    return { reads: later, commits: later };
  }

  static async start(options: TestOptions = {}): Promise<TestCluster> {
    const cluster = new TestCluster(options);
    await cluster.wait(cluster.#serve());
    return cluster;
  }

  async #serve(keepOrphans = true): Promise<void> {
    const parts = { engine: this.#engine, blobs: this.#blobs, clock: this.clock, random: this.#random };
    this.volume = await openVolume(parts, {
      keepOrphans,
      ...(this.#options.slowDisk === true && { store: { clean: { entries: 16, bytes: 8192 } } }),
    });
    const onNews = (sentence: string): void => void this.news.push(sentence);
    this.server = await createClusterHandler(this.volume, { onNews, ...this.#options });
    this.isUp = true;
    this.#listener = this.network.listen('server', this.server.handle);
  }

  /** The server's process is killed, or ends in order, and another begins. */
  async restart({ orderly = false, keepOrphans = true } = {}): Promise<void> {
    this.#listener.close();
    this.server.close();
    if (orderly) await this.wait(this.volume.close());
    await this.wait(this.#crash(keepOrphans));
  }

  /** As `restart`, for those that do not drive the clock. */
  async restartWithin(): Promise<void> {
    this.#listener.close();
    this.server.close();
    await this.#crash(true);
  }

  async #crash(keepOrphans: boolean): Promise<void> {
    this.isUp = false;
    this.#engine = this.#engine.crash(undefined, this.#disk());
    this.#blobs = this.#blobs.afterKill();
    await this.#serve(keepOrphans);
  }

  async client(cacheMode: CacheMode = 'strict', host = `client${this.#hosts++}`): Promise<TestClient> {
    const client = new TestClient(this, host, cacheMode);
    await this.wait(client.create());
    return client;
  }

  wait<T>(result: Maybe<T>): Promise<T> {
    return drive(this.clock, result);
  }

  pass(ms: number): Promise<void> {
    return this.wait(sleep(this.clock, ms));
  }

  /** Whether the promise has no result after `ms`. */
  async isWaiting(result: Promise<unknown>, ms: number): Promise<boolean> {
    let settled = false;
    const settle = (): void => {
      settled = true;
    };
    result.then(settle, settle);
    await this.pass(ms);
    return !settled;
  }
}

export const newFile: MakeRequest = {
  caller: superuser,
  parent: rootIno,
  name: 'a',
  mode: S_IFREG | 0o644,
  umask: 0,
  rdev: 0,
  target: '',
  open: false,
};

/** A client without a cache: it shows what it is granted and told, and returns leases when the test says so. */
export class TestClient {
  readonly host: string;
  facts!: SessionFacts;
  connection!: Connection;
  /** What the server pushed, in its order. */
  readonly pushed: { code: number; message: unknown }[] = [];
  /** Answers recalls as soon as they come. */
  isObedient = true;
  /** How long the dropping of what was recalled takes. */
  returnDelayMs = (): number => 0;
  /** What the answers granted and no recall has ended: kinds by inode. */
  readonly held = new Map<Ino, number>();
  /** Called with what a recall ends, before it is answered. */
  onRecall: (ino: Ino, kinds: number) => void = () => undefined;
  readonly #cluster: TestCluster;
  readonly #cacheMode: CacheMode;
  #generation = 0;
  readonly #recalledAt = new Map<Ino, number>();
  readonly #freeSlots = Array.from({ length: 64 }, (_, index) => ({ index: 63 - index, sequence: 0 }));

  constructor(cluster: TestCluster, host: string, cacheMode: CacheMode) {
    this.#cluster = cluster;
    this.host = host;
    this.#cacheMode = cacheMode;
  }

  connect(): void {
    this.connection = this.#cluster.network.connect(this.host, 'server', {
      pushed: (code, message) => this.#pushed(code, message),
      closed: () => undefined,
    });
  }

  async create(): Promise<void> {
    this.connect();
    const request = { name: this.host, volume: 'default', cacheMode: this.#cacheMode, readOnly: false };
    this.facts = await this.session('createSession', request);
  }

  /** Speaks for the session on a new connection. */
  async attach(): Promise<SessionFacts> {
    this.connect();
    const { session, secret, epoch } = this.facts;
    this.facts = await this.session('attachSession', { session, secret });
    if (this.facts.epoch !== epoch) this.held.clear();
    return this.facts;
  }

  async session<N extends SessionCallName>(name: N, request: SessionRequestOf<N>): Promise<SessionReplyOf<N>> {
    const header = { code: sessionCalls[name].code, session: this.facts?.session ?? 0, slot: 0, sequence: 0 };
    return (await this.connection.call(header, request)) as SessionReplyOf<N>;
  }

  async call<N extends CallName>(name: N, request: RequestOf<N>, signal?: AbortSignal): Promise<Answer<ReplyOf<N>>> {
    const { code, idempotent } = calls[name];
    const slot = idempotent ? { index: 0, sequence: 0 } : this.#freeSlots.pop()!;
    if (!idempotent) slot.sequence += 1;
    try {
      return await this.callIn({ slot: slot.index, sequence: slot.sequence }, name, request, signal);
    } finally {
      if (!idempotent) this.#freeSlots.push(slot);
      void code;
    }
  }

  /** A call, or its repetition, in a slot. */
  async callIn<N extends CallName>(
    place: { slot: number; sequence: number },
    name: N,
    request: RequestOf<N>,
    signal?: AbortSignal,
  ): Promise<Answer<ReplyOf<N>>> {
    const generation = this.#generation;
    const header = { code: calls[name].code, session: this.facts.session, ...place };
    const answer = (await this.connection.call(header, request, signal)) as Answer<ReplyOf<N>>;
    for (const { ino, kinds } of answer.grants) {
      if ((this.#recalledAt.get(ino) ?? -1) < generation) this.held.set(ino, (this.held.get(ino) ?? 0) | kinds);
    }
    return answer;
  }

  async make(name: string, options: Partial<MakeRequest> = {}): Promise<Ino> {
    return (await this.call('make', { ...newFile, name, ...options })).reply.ino;
  }

  mkdir(name: string, options: Partial<MakeRequest> = {}): Promise<Ino> {
    return this.make(name, { mode: S_IFDIR | 0o755, ...options });
  }

  async lookup(name: string, parent: Ino = rootIno) {
    return (await this.call('lookup', { caller: superuser, parent, name })).reply;
  }

  getattr(ino: Ino) {
    return this.call('getattr', { ino });
  }

  chmod(ino: Ino, mode: number) {
    return this.call('setattr', { caller: superuser, ino, changes: { mode } });
  }

  unlink(name: string, parent: Ino = rootIno) {
    return this.call('unlink', { caller: superuser, parent, name });
  }

  rename(name: string, newName: string, parents: { from?: Ino; to?: Ino } = {}) {
    const { from = rootIno, to = from } = parents;
    return this.call('rename', { caller: superuser, parent: from, name, newParent: to, newName, flags: 0 });
  }

  write(ino: Ino, text: string, offset = 0) {
    const data = Buffer.from(text, 'latin1');
    return this.call('write', { ino, offset, data, append: false, killPrivileges: false, sync: false });
  }

  async read(ino: Ino): Promise<string> {
    const { reply } = await this.call('read', { ino, offset: 0, length: 1_000_000, noAtime: true });
    return Buffer.from(reply).toString('latin1');
  }

  open(ino: Ino, flags = 0) {
    return this.call('open', { caller: superuser, ino, flags, killPrivileges: false });
  }

  release(ino: Ino, count = 1) {
    return this.call('release', { ino, count });
  }

  /** What recalls asked for so far. */
  get recalls(): Pushes['recall'][] {
    return this.pushed
      .filter(({ code }) => code === pushes.recall.code)
      .map(({ message }) => message as Pushes['recall']);
  }

  /** Returns everything that was recalled so far. */
  returnAll(): Promise<void> {
    const leases = this.recalls.flatMap((recall) => recall.leases);
    return this.returnLeases(leases);
  }

  returnLeases(leases: readonly LeaseReturn[]): Promise<void> {
    return this.session('returnLeases', {
      leases: leases.map(({ ino, kinds, number }) => ({ ino, kinds, number })),
    });
  }

  holds(ino: Ino, kinds: number): boolean {
    return ((this.held.get(ino) ?? 0) & kinds) === kinds;
  }

  #pushed(code: number, message: unknown): void {
    this.pushed.push({ code, message });
    if (code !== pushes.recall.code) return;
    const { leases, awaited } = message as Pushes['recall'];
    this.#generation += 1;
    for (const { ino, kinds } of leases) {
      this.#recalledAt.set(ino, this.#generation - 1);
      this.held.set(ino, (this.held.get(ino) ?? 0) & ~kinds);
      this.onRecall(ino, kinds);
    }
    if (!this.isObedient || !awaited) return;
    const goOn = (): void => void this.returnLeases(leases).catch(() => undefined);
    const delayMs = this.returnDelayMs();
    if (delayMs === 0) goOn();
    else this.#cluster.clock.after(delayMs, goOn);
  }
}

export function assertStale(result: Promise<unknown>): Promise<void> {
  return assert.rejects(result, { status: 'stale' });
}
