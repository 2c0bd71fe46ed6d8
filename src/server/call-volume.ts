import type { Clock, Ino, Maybe, Random } from '#base';
import type { BlobStore, FileBlobStore } from './blob/blob-store.ts';
import type { LentBlobs } from './data/lent-blobs.ts';
import type { Unsynced } from './data/unsynced.ts';
import type { KvStore } from './kv/store.ts';
import type { Transaction } from './kv/transaction.ts';
import type { InoAllocator } from './meta/ino-allocator.ts';
import type { NewDirectories } from './meta/new-directories.ts';
import type { Volume } from './volume.ts';

/** What makes a transaction of one call store the call's reply. */
export type KeepReply = (tx: Transaction, reply?: unknown) => void;

/** A volume as one call of a session works on it, so that the reply is kept with the effect. */
export class CallVolume implements Volume {
  readonly store: KvStore;
  readonly blobs: BlobStore;
  readonly fileBlobs: FileBlobStore | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly inos: InoAllocator;
  readonly hashSeed: number;
  readonly opens: Map<Ino, number>;
  readonly mayBeOrphans: Set<Ino>;
  readonly newDirectories: NewDirectories;
  readonly lent: LentBlobs;
  readonly unsynced: Unsynced;
  readonly inlineLimitBytes: number;
  readonly keepReply: KeepReply;
  readonly #volume: Volume;

  /** `by` tells whether the call's one transaction returns its reply, or its operation calls `keepReply` itself. */
  constructor(volume: Volume, keepReply: KeepReply, by: 'transaction' | 'operation') {
    this.store = by === 'transaction' ? keepingReplies(volume.store, keepReply) : volume.store;
    this.blobs = volume.blobs;
    this.fileBlobs = volume.fileBlobs;
    this.clock = volume.clock;
    this.random = volume.random;
    this.inos = volume.inos;
    this.hashSeed = volume.hashSeed;
    this.opens = volume.opens;
    this.mayBeOrphans = volume.mayBeOrphans;
    this.newDirectories = volume.newDirectories;
    this.lent = volume.lent;
    this.unsynced = volume.unsynced;
    this.inlineLimitBytes = volume.inlineLimitBytes;
    this.keepReply = keepReply;
    this.#volume = volume;
  }

  exclusively<T>(ino: Ino, body: () => Maybe<T>): Maybe<T> {
    return this.#volume.exclusively(ino, body);
  }

  collectSoon(): void {
    this.#volume.collectSoon();
  }
}

/** The part of a store that operations use; a class with private fields has no other stand-in than a cast. */
function keepingReplies(store: KvStore, keepReply: KeepReply): KvStore {
  const keeping: Pick<KvStore, 'transact' | 'read' | 'flush' | 'scan'> = {
    transact: (body) =>
      store.transact((tx) => {
        const reply = body(tx);
        keepReply(tx, reply);
        return reply;
      }),
    read: (body) => store.read(body),
    flush: () => store.flush(),
    scan: (prefix) => store.scan(prefix),
  };
  return keeping as KvStore;
}
