import { FsError, type Ino } from '#base';
import type { Attributes } from '#protocol';
import type { BlobStat, BlobTime, FileBlobStore } from '../blob/blob-store.ts';

/**
 * Inodes whose file is lent for passthrough: the kernel reads and writes it without asking, so while an inode is in
 * here the file, not the record, knows its size, blocks and modification time. `lend.ts` puts inodes in and takes
 * them out.
 */
export class LentBlobs {
  readonly #files: FileBlobStore | undefined;
  readonly #lent = new Map<Ino, LentBlob>();

  constructor(files: FileBlobStore | undefined) {
    this.#files = files;
  }

  get(ino: Ino): LentBlob | undefined {
    return this.#lent.get(ino);
  }

  /** What the file of a lent inode says; undefined for any other inode. */
  stat(ino: Ino): BlobStat | undefined {
    return this.#lent.has(ino) ? this.#files!.statLent(ino) : undefined;
  }

  /**
   * Brings attributes read from the record in line with the file, when it is lent: size, blocks and mtime are the
   * file's, atime the later one; ctime moves on when a write changed the file. Returns the same object.
   */
  merge(attributes: Attributes): Attributes {
    if (this.#lent.size === 0 || !this.#lent.has(attributes.ino)) return attributes;
    mergeStat(attributes, this.#files!.statLent(attributes.ino));
    return attributes;
  }

  /** Sets times of the file, when it is lent, so that it keeps agreeing with the record; undefined leaves one. */
  setTimes(ino: Ino, times: { atime?: BlobTime; mtime?: BlobTime }): void {
    if (!this.#lent.has(ino)) return;
    const waiting = this.#files!.setTimes(ino, times);
    if (waiting instanceof Promise) throw new FsError('io', `inode ${ino}: its store cannot set times at once`);
  }

  add(ino: Ino, lent: LentBlob): void {
    this.#lent.set(ino, lent);
  }

  remove(ino: Ino): void {
    this.#lent.delete(ino);
  }

  inos(): Ino[] {
    return [...this.#lent.keys()];
  }
}

export interface LentBlob {
  readonly fd: number;
  /** The value of its `W` key while it is lent for writing. */
  readonly mark: Uint8Array;
  /** Opens for reading only, and for writing. */
  readers: number;
  writers: number;
}

/** The fields that record and file both know. */
export interface FileTimesAndSize {
  size: number;
  blocks: number;
  atimeSec: number;
  atimeNsec: number;
  mtimeSec: number;
  mtimeNsec: number;
  ctimeSec: number;
  ctimeNsec: number;
}

/** Takes over what the file knows better; returns whether its content changed. */
export function mergeStat(target: FileTimesAndSize, stat: BlobStat): boolean {
  const { mtime, atime } = stat;
  const changed = target.size !== stat.size || target.mtimeSec !== mtime.sec || target.mtimeNsec !== mtime.nsec;
  target.size = stat.size;
  target.blocks = stat.blocks;
  target.mtimeSec = mtime.sec;
  target.mtimeNsec = mtime.nsec;
  if (isLater(atime, target.atimeSec, target.atimeNsec)) {
    target.atimeSec = atime.sec;
    target.atimeNsec = atime.nsec;
  }
  if (changed && isLater(mtime, target.ctimeSec, target.ctimeNsec)) {
    target.ctimeSec = mtime.sec;
    target.ctimeNsec = mtime.nsec;
  }
  return changed;
}

function isLater(time: BlobTime, sec: number, nsec: number): boolean {
  return time.sec > sec || (time.sec === sec && time.nsec > nsec);
}
