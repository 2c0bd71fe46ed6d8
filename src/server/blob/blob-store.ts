import type { Maybe } from '#base';

/**
 * Contents of files: a blob is a mutable array of bytes with a number, below 2^53, that its owner chose. Offsets
 * and lengths are bytes. A blob that does not exist fails with `notFound`, a full disk with `noSpace`.
 */
export interface BlobStore {
  /** Makes an empty blob; fails with `exists`. It is not durable before `sync`. */
  create(id: number): Maybe<void>;
  /** Bytes from `offset`, fewer than `length` at the end only. At once when they are in memory. */
  read(id: number, offset: number, length: number): Maybe<Uint8Array>;
  /**
   * Writes `data`, extending the blob when needed; `data` may be reused once it has settled. Bytes written: fewer
   * than all, but more than none, when the disk filled up on the way.
   */
  write(id: number, offset: number, data: Uint8Array): Maybe<number>;
  truncate(id: number, size: number): Maybe<void>;
  /** fallocate(2) with mode 0, KEEP_SIZE, PUNCH_HOLE | KEEP_SIZE or ZERO_RANGE [| KEEP_SIZE]. */
  fallocate(id: number, mode: number, offset: number, length: number): Maybe<void>;
  /** The next data (3) or hole (4) at or after `offset`; fails with `noSuchAddress` at or past the end. */
  seek(id: number, offset: number, whence: 3 | 4): Maybe<number>;
  /** copy_file_range(2), sharing extents where the store can: bytes copied, fewer than `length` at the end only. */
  copyRange(from: number, fromOffset: number, to: number, toOffset: number, length: number): Maybe<number>;
  stat(id: number): Maybe<BlobStat>;
  /** Sets modification and access time of the blob; undefined leaves one. */
  setTimes(id: number, times: { atime?: BlobTime; mtime?: BlobTime }): Maybe<void>;
  /** Returns when the content and the existence of the blob would survive a power cut. */
  sync(id: number, dataOnly: boolean): Promise<void>;
  /** As `sync` of every blob that was changed before this call. */
  syncAll(): Promise<void>;
  /** Removes the blob; one that is missing is no failure. Not durable by itself. */
  remove(id: number): Maybe<void>;
  /** Returns when these blobs, which were removed, would stay so after a power cut. */
  syncRemoved(ids: readonly number[]): Promise<void>;
  /** The ids with `from` ≤ id < `to` (without a range: all), in no order. */
  list(range?: { from: number; to: number }): AsyncIterable<number>;
  statistics(): BlobStatistics;
  close(): Promise<void>;
}

/** A blob store on a local disk can also lend the files themselves. */
export interface FileBlobStore extends BlobStore {
  /**
   * A descriptor of the blob's file, open for reading and writing, for passthrough. It belongs to the store, which
   * keeps it open until `returnFd` has been called as often as `lendFd`. Fails with `tooManyOpen` at the limit.
   */
  lendFd(id: number): number;
  returnFd(id: number): void;
  /** As `stat`, without waiting; only while the descriptor is lent. */
  statLent(id: number): BlobStat;
  /** Nobody looks any more at what a `read` gave: its memory may serve the next. Not calling it does no harm. */
  reuse(bytes: Uint8Array): void;
}

export interface BlobTime {
  sec: number;
  nsec: number;
}
export interface BlobStat {
  size: number;
  /** Units of 512 bytes. */
  blocks: number;
  mtime: BlobTime;
  atime: BlobTime;
}
export interface BlobStatistics {
  blockSize: number;
  blocks: number;
  blocksFree: number;
  blocksAvailable: number;
  files: number;
  filesFree: number;
}
