import { constants, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { FsError, file } from '#base';

const keepSize = 1;
/** What all transactions that are under way when the disk becomes full need to become durable, and deletions after. */
const reserveMostBytes = 16_777_216;
/** On a small disk, this share of it. */
const reserveShare = 1 / 16;

/**
 * Space on the disk that is kept for the metadata store behind the end of its file. Else a disk that content has
 * filled could not be emptied again: a file's content goes only after its deletion is durable, and that takes a
 * few pages. On a file system that cannot keep space (fallocate), there is none.
 */
export class LmdbReserve {
  readonly #directory: string;
  readonly #fd: number;
  readonly #bytes: number;
  /** Up to here the file's space is kept. */
  #end = 0;
  #isSupported = true;
  #failure: FsError | undefined;

  private constructor(directory: string, fd: number, bytes: number) {
    this.#directory = directory;
    this.#fd = fd;
    this.#bytes = bytes;
  }

  static async open(directory: string): Promise<LmdbReserve> {
    const disk = statfsSync(directory);
    const bytes = Math.min(reserveMostBytes, Math.floor(disk.blocks * disk.bsize * reserveShare));
    const path = join(directory, 'data.mdb');
    const flags = constants.O_RDWR | 0o2000000;
    return new LmdbReserve(directory, file.check(file.openAt(file.AT_FDCWD, path, flags, 0), 'open', path), bytes);
  }

  /** Keeps space behind the first `usedBytes`. Called when they may have become more, or room on the disk may have. */
  async keep(usedBytes: number): Promise<void> {
    // Half of it is enough, so that a growing store asks for more seldom.
    if (!this.#isSupported || this.#end >= usedBytes + this.#bytes / 2) return;
    const range = { offset: usedBytes, length: this.#bytes };
    try {
      await file.fallocate(this.#fd, keepSize, range, `the reserve of ${this.#directory}`);
      this.#end = usedBytes + this.#bytes;
      this.#failure = undefined;
    } catch (cause) {
      const isFull = cause instanceof FsError && (cause.status === 'noSpace' || cause.status === 'quotaExceeded');
      if (isFull) this.#failure = new FsError(cause.status, `the disk with ${this.#directory} is full`, { cause });
      else this.#isSupported = false;
    }
  }

  /** Why nothing may be added now: the disk is full, and what is kept must last for deletions. */
  get refusal(): FsError | undefined {
    if (this.#failure === undefined) return undefined;
    const disk = statfsSync(this.#directory);
    // With room again, what is added leads to a commit, and that to a new reserve.
    return disk.bavail * disk.bsize < this.#bytes ? this.#failure : undefined;
  }

  close(): void {
    file.closeFd(this.#fd);
  }
}
