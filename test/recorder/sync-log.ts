import { setTimeout as pause } from 'node:timers/promises';
import { below, type Ino, SeededRandom } from '#base';
import { type DiskEvent, syncAllBegins, syncAllEnds } from './disk-event.ts';
import type { RecordedNode } from './recorded-node.ts';

/** Which syncs are answered without being done: a disk that lies loses what was promised, as a test must notice. */
export type Lies = 'never' | 'always' | 'about directories';

interface Range {
  readonly offset: number;
  readonly length: number;
}

/**
 * Syncs take a while, as those of disks do, and each another one: whoever promises something before its sync has
 * ended is found out.
 */
export class SyncLog {
  readonly #events: DiskEvent[];
  readonly #syncMs: number;
  readonly #lies: Lies;
  readonly #random: SeededRandom;
  /** What a synchronous write wrote, until the kernel's own sync of it comes. */
  readonly #ranges = new Map<Ino, Range>();
  #last = 0;
  /** The syncfs(2) that are under way, in order. */
  readonly #all: number[] = [];

  constructor(events: DiskEvent[], options: { syncMs: number; seed: number; lies: Lies }) {
    this.#events = events;
    this.#syncMs = options.syncMs;
    this.#lies = options.lies;
    this.#random = new SeededRandom(options.seed);
  }

  /**
   * An O_SYNC or O_DSYNC write has come. The kernel asks for a sync of the whole file after it, but a disk's file system
   * promises the written range only.
   */
  expectSyncOf(node: RecordedNode, { offset, length }: Range): void {
    // One write(2) may come as several requests.
    const before = this.#ranges.get(node.ino) ?? { offset, length };
    const start = Math.min(before.offset, offset);
    const end = Math.max(before.offset + before.length, offset + length);
    this.#ranges.set(node.ino, { offset: start, length: end - start });
  }

  async sync(node: RecordedNode, options: { dataOnly: boolean }): Promise<void> {
    const { ino } = node;
    const range = this.#ranges.get(ino);
    this.#ranges.delete(ino);
    const lies = this.#lies === 'always' || (this.#lies === 'about directories' && node.isDirectory);
    const sync = lies
      ? undefined
      : this.#begin({ ino, ...(options.dataOnly ? { dataOnly: true } : {}), ...(range ? { range } : {}) });
    await pause(below(this.#random, this.#syncMs * 1000) / 1000);
    if (sync !== undefined) this.#events.push({ kind: 'syncEnd', sync });
  }

  /** Whether `text` was the announcement of a syncfs(2). */
  takeMark(text: string): boolean {
    if (text !== syncAllBegins && text !== syncAllEnds) return false;
    if (this.#lies === 'always') return true;
    if (text === syncAllBegins) this.#all.push(this.#begin({}));
    else {
      const sync = this.#all.shift();
      if (sync !== undefined) this.#events.push({ kind: 'syncEnd', sync });
    }
    return true;
  }

  #begin(what: { ino?: Ino; dataOnly?: true; range?: Range }): number {
    this.#last += 1;
    this.#events.push({ kind: 'syncBegin', sync: this.#last, ...what });
    return this.#last;
  }
}
