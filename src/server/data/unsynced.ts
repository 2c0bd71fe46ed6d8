import type { Ino } from '#base';

/**
 * What a power cut could still take away, as far as this run of the server knows. It decides when content must be
 * synced before metadata that depends on it may become durable.
 */
export class Unsynced {
  /**
   * Inodes whose inline content grew from nothing in this run and was never synced on request: it may move to a
   * blob without a sync in between. Any other inline content may have been promised to someone.
   */
  readonly #inline = new Set<Ino>();
  /** Blobs that grew since they were last synced: each has a `W` key, so that a crash cannot leave a size without bytes. */
  readonly blobs = new Set<Ino>();

  startedInline(ino: Ino): void {
    if (this.#inline.size < inlineTrackedMax) this.#inline.add(ino);
  }

  /** Whether somebody may rely on the inline content of `ino` to survive a power cut. */
  mayBePromised(ino: Ino): boolean {
    return !this.#inline.has(ino);
  }

  inlineSettled(ino: Ino): void {
    this.#inline.delete(ino);
  }
}

/** Beyond it, content counts as promised: its move to a blob costs a sync. */
const inlineTrackedMax = 65_536;
