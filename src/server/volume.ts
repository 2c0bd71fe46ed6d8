import type { Clock, Ino, Maybe, Random } from '#base';
import type { Caller } from '#protocol';
import type { BlobStore, FileBlobStore } from './blob/blob-store.ts';
import type { LentBlobs } from './data/lent-blobs.ts';
import type { Unsynced } from './data/unsynced.ts';
import type { KvStore } from './kv/store.ts';
import type { Transaction } from './kv/transaction.ts';
import type { InoAllocator } from './meta/ino-allocator.ts';
import type { NewDirectories } from './meta/new-directories.ts';

/** One file system on a server: what every operation works on. */
export interface Volume {
  readonly store: KvStore;
  readonly blobs: BlobStore;
  /** The same store, where its files can be lent for passthrough. */
  readonly fileBlobs: FileBlobStore | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly inos: InoAllocator;
  /** Seeds the hash of names, so that nobody can make names collide on purpose. */
  readonly hashSeed: number;
  /** How often each inode is open. An inode in here outlives its last name. */
  readonly opens: Map<Ino, number>;
  /** Open inodes that may have lost their last name in this run: the release of any other needs no look into the store. */
  readonly mayBeOrphans: Set<Ino>;
  /** Directories made in this run, and what they can hold. */
  readonly newDirectories: NewDirectories;
  /** Blobs whose files are lent for passthrough: their size and times are the file's. */
  readonly lent: LentBlobs;
  /** What a power cut could still take away. */
  readonly unsynced: Unsynced;
  /** Content up to this size lies in the metadata store. */
  readonly inlineLimitBytes: number;
  /** Waits until no call that cannot finish at once works on the content of `ino`, then runs `body` alone on it. */
  exclusively<T>(ino: Ino, body: () => Maybe<T>): Maybe<T>;
  /** Removes blobs whose inodes are gone, some time after this call. */
  collectSoon(): void;
  /**
   * Only while a call of a session is carried out (`replay.ts`): stores the reply in the transaction that a repetition
   * of the call must not run again. Operations that take several steps call it in the deciding one.
   */
  readonly keepReply?: (tx: Transaction, reply?: unknown) => void;
}

export type { Caller };
