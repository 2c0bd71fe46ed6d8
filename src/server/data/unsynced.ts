import type { Ino } from '#base';
import type { BlobStat } from '../blob/blob-store.ts';

/** The value of the `W` key of a blob that grew, or got shorter, and was not synced since. */
export const unsyncedMark = new Uint8Array([0]);

/**
 * The value of the `W` key of a file that was lent for writing: it knows its size and times. It holds what the file
 * said `before` it was told what the record says: where a power cut leaves that, nothing was written.
 */
export function lentMark(before: BlobStat): Uint8Array {
  const mark = new Uint8Array(lentMarkBytes);
  const view = new DataView(mark.buffer);
  view.setUint8(0, 1);
  view.setFloat64(1, before.size);
  view.setFloat64(9, before.mtime.sec);
  view.setUint32(17, before.mtime.nsec);
  return mark;
}

const lentMarkBytes = 21;

/** Whether, after a crash with this mark, the file and not its record knows size and times. */
export function fileKnows(mark: Uint8Array, stat: BlobStat): boolean {
  if (mark[0] !== 1) return false;
  return mark.length < lentMarkBytes || Buffer.compare(mark, lentMark(stat)) !== 0;
}

/**
 * What a power cut could still take away, as far as this run of the server knows. It decides when content must be
 * synced before metadata that depends on it may become durable.
 */
export class Unsynced {
  /** Two generations: taking single elements out of a set in the order of their coming is slow in V8. */
  #inline = new Set<Ino>();
  #olderInline = new Set<Ino>();
  readonly #blobs = new Set<Ino>();
  readonly #shrinking = new Set<Ino>();
  readonly #durablyMarked = new Set<Ino>();
  readonly #settleSoon: () => void;

  /** `settleSoon` is called when there is a blob to sync for the first time since all were. */
  constructor(settleSoon: () => void = () => undefined) {
    this.#settleSoon = settleSoon;
  }

  /**
   * The inline content of `ino` begins from nothing: it may move to a blob without a sync in between, until somebody
   * asks for one. Any other inline content may have been promised to someone.
   */
  startedInline(ino: Ino): void {
    if (this.#inline.size >= inlineTrackedMax) {
      this.#olderInline = this.#inline;
      this.#inline = new Set();
    }
    this.#inline.add(ino);
  }

  /** Whether somebody may rely on the inline content of `ino` to survive a power cut. */
  mayBePromised(ino: Ino): boolean {
    return !this.#inline.has(ino) && !this.#olderInline.has(ino);
  }

  inlineSettled(ino: Ino): void {
    this.#inline.delete(ino);
    this.#olderInline.delete(ino);
  }

  /**
   * The blob has grown, or is new, and has a `W` key: after a crash its file cannot be larger than the bytes that
   * reached the disk.
   */
  blobGrew(ino: Ino): void {
    this.#blobs.add(ino);
    if (this.#blobs.size === 1) this.#settleSoon();
  }

  hasBlob(ino: Ino): boolean {
    return this.#blobs.has(ino) || this.#shrinking.has(ino);
  }

  /** The blob is about to be synced: what grows from here on needs another mark. Returns whether it had one. */
  takeBlob(ino: Ino): boolean {
    this.#durablyMarked.delete(ino);
    return this.#blobs.delete(ino);
  }

  takeBlobs(): Ino[] {
    const all = [...this.#blobs];
    this.#blobs.clear();
    this.#durablyMarked.clear();
    return all;
  }

  /** The blob gets shorter, and so must keep its `W` key, whoever syncs it meanwhile, until `shrank`. */
  shrinks(ino: Ino): void {
    this.#shrinking.add(ino);
  }

  /** The record says so too: the next sync takes the key away. */
  shrank(ino: Ino): void {
    this.#shrinking.delete(ino);
    this.blobGrew(ino);
  }

  /** Whether the `W` key of a blob that shrinks is known to be durable. */
  isMarkDurable(ino: Ino): boolean {
    return this.#durablyMarked.has(ino);
  }

  markIsDurable(ino: Ino): void {
    this.#durablyMarked.add(ino);
  }
}

/** So many younger ones later, or twice as many, an inode counts as promised: its move to a blob costs a sync. */
const inlineTrackedMax = 4096;
