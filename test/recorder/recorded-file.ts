import { below } from '#base';
import { Content } from './content.ts';
import type { DiskEvent, Mtime } from './disk-event.ts';
import type { Survival } from './survival.ts';

export const sectorBytes = 512;

export type FileChange = Extract<DiskEvent, { kind: 'write' | 'truncate' | 'clear' | 'touch' }>;
type ContentChange = Exclude<FileChange, { kind: 'touch' }>;

type Pending = ContentChange & { readonly at: number };

/** A file of the recorded disk: what a power cut cannot take, and the changes since. */
export class RecordedFile {
  readonly #durable = new Content();
  #pending: Pending[] = [];
  #durableMtime: Mtime = [0, 0];
  #pendingMtimes: { readonly at: number; readonly mtime: Mtime }[] = [];

  /** A change at the place `at` of the recording; places only grow. */
  change(at: number, change: FileChange): void {
    this.#pendingMtimes.push({ at, mtime: change.mtime });
    if (change.kind !== 'touch') this.#pending.push({ ...change, at });
  }

  /** Whether a sync that began at `before` has more to write than bytes: sizes, and times unless it is `dataOnly`. */
  needsJournal(before: number, options: { dataOnly: boolean }): boolean {
    if (!options.dataOnly && this.#pendingMtimes.some(({ at }) => at < before)) return true;
    const { size } = this.#durable;
    return this.#pending.some(
      (change) => change.at < before && (change.kind !== 'write' || change.offset + change.bytes.length > size),
    );
  }

  /** A sync that began at the place `before` has ended; one of the data only says nothing about the time. */
  sync(before: number, options: { dataOnly: boolean }): void {
    this.#syncContent(before);
    if (!options.dataOnly) this.#syncTimes(before);
  }

  #syncTimes(before: number): void {
    const covered = this.#pendingMtimes.filter(({ at }) => at < before);
    this.#durableMtime = covered.at(-1)?.mtime ?? this.#durableMtime;
    this.#pendingMtimes = this.#pendingMtimes.slice(covered.length);
  }

  #syncContent(before: number): void {
    const covered = this.#pending.filter((change) => change.at < before);
    for (const change of covered) apply(this.#durable, change);
    this.#pending = this.#pending.slice(covered.length);
  }

  /** As `sync`, of the written bytes in a range only. */
  syncRange(before: number, range: { offset: number; length: number }, options: { dataOnly: boolean }): void {
    if (!options.dataOnly) this.#syncTimes(before);
    // A change of size goes through the journal, which keeps the order.
    const lastOther = this.#pending.findLast((change) => change.at < before && change.kind !== 'write');
    if (lastOther !== undefined) this.#syncContent(lastOther.at + 1);
    const end = range.offset + range.length;
    this.#pending = this.#pending.flatMap((change) => {
      if (change.at >= before || change.kind !== 'write') return [change];
      const covered = part(change, range.offset, end);
      if (covered === undefined) return [change];
      apply(this.#durable, covered);
      return [part(change, 0, range.offset), part(change, end, Number.MAX_SAFE_INTEGER)].filter(
        (rest) => rest !== undefined,
      );
    });
  }

  /** What the file holds after a power cut now. */
  afterCut(survival: Survival): { content: Content; mtime: Mtime } {
    const cut = new CutFile(this.#durable.clone(), survival);
    for (const change of this.#pending) cut.change(change);
    const mtimes = [this.#durableMtime, ...this.#pendingMtimes.map(({ mtime }) => mtime)];
    return { content: cut.content, mtime: mtimes[below(survival.random, mtimes.length)]! };
  }
}

function apply(content: Content, change: ContentChange): void {
  if (change.kind === 'write') content.write(change.offset, change.bytes);
  else if (change.kind === 'truncate') content.truncate(change.size);
  else content.clear(change.offset, change.length);
}

/** The part of a write that lies in [from, to). */
function part<W extends { offset: number; bytes: Uint8Array }>(write: W, from: number, to: number): W | undefined {
  const start = Math.max(write.offset, from);
  const end = Math.min(write.offset + write.bytes.length, to);
  if (end <= start) return undefined;
  return { ...write, offset: start, bytes: write.bytes.subarray(start - write.offset, end - write.offset) };
}

/** Lets the changes that no sync covered survive by chance, one after the other. */
class CutFile {
  readonly content: Content;
  readonly #survival: Survival;
  /** Sectors that stay as they are, since an earlier change of them is lost. */
  readonly #lost = new Set<number>();
  /** A change of size is lost: from here on the file is as it was before, and its size stays. */
  #barrier = Number.MAX_SAFE_INTEGER;

  constructor(content: Content, survival: Survival) {
    this.content = content;
    this.#survival = survival;
  }

  change(change: ContentChange): void {
    if (change.kind === 'write') this.#write(change.offset, change.bytes);
    else if (change.kind === 'clear') this.#clear(change.offset, change.offset + change.length);
    else if (!this.#isSizeLost && this.#survival.hits()) this.#truncate(change.size);
    else this.#barrier = Math.min(this.#barrier, this.content.size, change.size);
  }

  get #isSizeLost(): boolean {
    return this.#barrier < Number.MAX_SAFE_INTEGER;
  }

  /** What comes after the new end is new. */
  #truncate(size: number): void {
    this.content.truncate(size);
    for (const sector of this.#lost) if (sector * sectorBytes >= size) this.#lost.delete(sector);
  }

  #write(offset: number, bytes: Uint8Array): void {
    const { size } = this.content;
    const end = offset + bytes.length;
    if (end <= size || this.#isSizeLost) {
      this.#overwrite(offset, bytes, Number.MAX_SAFE_INTEGER);
    } else if (this.#survival.model === 'independent') {
      if (this.#survival.hits()) this.content.truncate(end);
      else this.#barrier = size;
      this.#overwrite(offset, bytes, Number.MAX_SAFE_INTEGER);
    } else {
      const grownTo = this.#growthOf(size, end);
      if (grownTo < end) this.#barrier = grownTo;
      if (grownTo > size) this.content.truncate(grownTo);
      this.#overwrite(offset, bytes, size);
    }
  }

  /** How far a file has grown by a write, where bytes come before sizes. */
  #growthOf(size: number, end: number): number {
    // The sector in which the file ended holds an older state than the one that the growth is of.
    if (this.#lost.has(Math.floor(size / sectorBytes))) return size;
    if (this.#survival.hits()) return end;
    const sectors = Math.floor((end - size) / sectorBytes);
    return Math.min(end, size + below(this.#survival.random, sectors + 1) * sectorBytes);
  }

  /** Sectors at `certainFrom` and beyond are there, up to the barrier; those before by chance. */
  #overwrite(offset: number, bytes: Uint8Array, certainFrom: number): void {
    const end = Math.min(offset + bytes.length, this.#barrier);
    const certainSector = Math.floor(certainFrom / sectorBytes);
    let grain = -1;
    let hit = false;
    for (let sector = Math.floor(offset / sectorBytes); sector * sectorBytes < end; sector += 1) {
      const nextGrain = Math.floor((sector * sectorBytes) / this.#survival.grainBytes);
      if (nextGrain !== grain) {
        grain = nextGrain;
        hit = this.#survival.hits();
      }
      const isCertain = sector >= certainSector;
      if (!isCertain && (!hit || this.#lost.has(sector))) {
        this.#lost.add(sector);
        continue;
      }
      const from = Math.max(offset, sector * sectorBytes);
      const to = Math.min(end, (sector + 1) * sectorBytes);
      this.content.write(from, bytes.subarray(from - offset, to - offset));
    }
  }

  /** A hole is a change of the file's map of blocks: it is made as a whole, or what goes into it later is lost too. */
  #clear(from: number, to: number): void {
    const first = Math.floor(from / sectorBytes);
    const end = Math.ceil(Math.min(to, this.content.size) / sectorBytes);
    if (this.#survival.hits()) {
      for (let sector = first; sector < end; sector += 1) {
        if (this.#lost.has(sector)) continue;
        const start = Math.max(from, sector * sectorBytes);
        this.content.clear(start, Math.min(to, (sector + 1) * sectorBytes) - start);
      }
    } else {
      for (let sector = first; sector < end; sector += 1) this.#lost.add(sector);
    }
  }
}
