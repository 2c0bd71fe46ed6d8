import { type ByteString, type Clock, type Ino, rootIno, SeededRandom } from '#base';
import {
  type AttributeChanges,
  type Attributes,
  type Caller,
  type CallName,
  type MakeRequest,
  type ReplyOf,
  type RequestOf,
  S_IFDIR,
  S_IFREG,
  superuser,
} from '#protocol';
import { MemoryBlobStore } from '../blob/memory.ts';
import { LentBlobs } from '../data/lent-blobs.ts';
import { Unsynced } from '../data/unsynced.ts';
import { MemoryEngine } from '../kv/memory.ts';
import { KvStore } from '../kv/store.ts';
import type { Volume } from '../volume.ts';
import { formatVolume, readVolumeFacts, removeOrphans } from './format.ts';
import { InoAllocator } from './ino-allocator.ts';
import { NewDirectories } from './new-directories.ts';
import { metaOperations } from './operations.table.ts';

/** A clock that moves on by a nanosecond with every reading, so that no two operations have the same time. */
export class TickingClock implements Clock {
  wallSec = 1_700_000_000;
  wallNsec = 0;
  nowMs(): number {
    return this.wallNsec / 1e6;
  }
  readWall(): void {
    this.wallNsec += 1;
  }
  after(delayMs: number, run: () => void): { cancel(): void } {
    const timer = setTimeout(run, delayMs).unref();
    return { cancel: () => clearTimeout(timer) };
  }
}

/** A user as a test describes it. */
export function user(uid: number, options: { groups?: number[]; capabilities?: number[] } = {}): Caller {
  const { groups = [], capabilities = [] } = options;
  return {
    uid,
    gid: uid,
    checked: false,
    inGroup: (gid) => gid === uid || groups.includes(gid),
    capable: (capability) => capabilities.includes(capability),
  };
}

/** Root as the server sees it when nobody checked before. */
export const root: Caller = { ...superuser, checked: false };

export type MetaCall = keyof typeof metaOperations & CallName;

/** A volume in memory and short ways to call its operations. */
export class VolumeFixture {
  readonly volume: Volume;

  private constructor(volume: Volume) {
    this.volume = volume;
  }

  static async make(options: { hashSeed?: number } = {}): Promise<VolumeFixture> {
    const clock = new TickingClock();
    const store = new KvStore(new MemoryEngine(), clock);
    const random = new SeededRandom(1);
    await formatVolume(store, { clock, random });
    return VolumeFixture.over(store, options);
  }

  /** The volume that a store holds, as after a restart. */
  static async over(store: KvStore, options: { hashSeed?: number } = {}): Promise<VolumeFixture> {
    const facts = await readVolumeFacts(store);
    const blobs = new MemoryBlobStore();
    return new VolumeFixture({
      store,
      blobs,
      fileBlobs: blobs,
      clock: new TickingClock(),
      random: new SeededRandom(2),
      inos: new InoAllocator(facts!.inoLimit),
      hashSeed: options.hashSeed ?? facts!.hashSeed,
      opens: new Map(),
      mayBeOrphans: new Set(),
      newDirectories: new NewDirectories(),
      lent: new LentBlobs(blobs),
      unsynced: new Unsynced(),
      inlineLimitBytes: 4096,
      exclusively: (_ino, body) => body(),
      collectSoon: () => undefined,
    });
  }

  /** Runs an operation; everything in memory is there at once. */
  call<N extends MetaCall>(name: N, request: RequestOf<N>): ReplyOf<N> {
    const operation = metaOperations[name] as unknown as (volume: Volume, request: RequestOf<N>) => ReplyOf<N>;
    const reply = operation(this.volume, request);
    if (reply instanceof Promise) throw new Error(`${name} did not settle at once`);
    return reply;
  }

  make(name: ByteString, options: Partial<MakeRequest> = {}): Attributes {
    return this.call('make', {
      caller: root,
      parent: rootIno,
      name,
      mode: S_IFREG | 0o644,
      umask: 0,
      rdev: 0,
      target: '',
      open: false,
      ...options,
    });
  }

  mkdir(name: ByteString, options: Partial<MakeRequest> = {}): Attributes {
    return this.make(name, { mode: S_IFDIR | 0o755, ...options });
  }

  lookup(name: ByteString, parent: Ino = rootIno): Attributes | undefined {
    return this.call('lookup', { caller: root, parent, name });
  }

  stat(ino: Ino): Attributes {
    return this.call('getattr', { ino });
  }

  set(ino: Ino, changes: AttributeChanges, caller: Caller = root): Attributes {
    return this.call('setattr', { caller, ino, changes });
  }

  rename(from: [Ino, ByteString], to: [Ino, ByteString], options: { flags?: number; caller?: Caller } = {}): void {
    const { flags = 0, caller = root } = options;
    this.call('rename', { caller, parent: from[0], name: from[1], newParent: to[0], newName: to[1], flags });
  }

  names(ino: Ino = rootIno): ByteString[] {
    return this.call('readdir', { ino, cookie: 0, limit: 100_000, withAttributes: false }).map((entry) => entry.name);
  }

  removeOrphans(): Promise<number> {
    return removeOrphans(this.volume);
  }
}
