import { below, type Random } from '#base';

const pageBytes = 4096;

/** A sparse array of bytes in pages; a page that is missing reads as zeros and is a hole. */
export class PagedContent {
  size = 0;
  readonly pages = new Map<number, Uint8Array>();

  read(offset: number, length: number): Uint8Array {
    const end = Math.min(offset + length, this.size);
    const bytes = new Uint8Array(Math.max(end - offset, 0));
    this.#each(offset, end, (index, from, to) => {
      const page = this.pages.get(index);
      if (page !== undefined) bytes.set(page.subarray(from, to), index * pageBytes + from - offset);
    });
    return bytes;
  }

  /** Writes as much as `room` bytes of new pages allow; returns how much that was. */
  write(offset: number, data: Uint8Array, room: number): number {
    let left = Math.floor(room / pageBytes);
    let written = 0;
    this.#each(offset, offset + data.length, (index, from, to) => {
      const at = index * pageBytes + from - offset;
      const old = this.pages.get(index);
      if (at !== written || (old === undefined && left-- <= 0)) return;
      // Pages are shared with copies and so never change.
      const page = old === undefined ? new Uint8Array(pageBytes) : old.slice();
      page.set(data.subarray(at, at + to - from), from);
      this.pages.set(index, page);
      written = at + to - from;
    });
    if (written > 0) this.size = Math.max(this.size, offset + written);
    return written;
  }

  truncate(size: number): void {
    if (size < this.size) this.clear(size, Math.ceil(this.size / pageBytes) * pageBytes);
    this.size = size;
  }

  /** Zeros; whole pages become holes. */
  clear(offset: number, end: number): void {
    for (const [index, page] of this.pages) {
      const from = Math.max(offset - index * pageBytes, 0);
      const to = Math.min(end - index * pageBytes, pageBytes);
      if (from >= to) continue;
      if (to - from === pageBytes) this.pages.delete(index);
      else this.pages.set(index, page.slice().fill(0, from, to));
    }
  }

  /** The next data (3) or hole (4); undefined where there is none. */
  seek(offset: number, whence: 3 | 4): number | undefined {
    if (offset >= this.size) return undefined;
    for (let index = Math.floor(offset / pageBytes); index * pageBytes < this.size; index++) {
      if (this.pages.has(index) === (whence === 3)) return Math.max(offset, index * pageBytes);
    }
    return whence === 3 ? undefined : this.size;
  }

  /** Units of 512 bytes. */
  blocks(): number {
    return (this.pages.size * pageBytes) / 512;
  }

  #each(offset: number, end: number, visit: (index: number, from: number, to: number) => void): void {
    for (let at = offset; at < end; ) {
      const index = Math.floor(at / pageBytes);
      const from = at - index * pageBytes;
      const to = Math.min(end - index * pageBytes, pageBytes);
      visit(index, from, to);
      at = index * pageBytes + to;
    }
  }
}

export function emptyContent(): PagedContent {
  return new PagedContent();
}

export function copyOf(content: PagedContent): PagedContent {
  const copy = new PagedContent();
  copy.size = content.size;
  for (const [index, page] of content.pages) copy.pages.set(index, page);
  return copy;
}

/**
 * What a power cut may leave of content that went from `durable` to `now`: each changed page, and the size, or not. To
 * be shorter is one change, which happened or did not.
 */
export function mixed(durable: PagedContent, now: PagedContent, random: Random): PagedContent {
  const left = copyOf(durable);
  const coin = () => below(random, 2) === 0;
  const isShorter = now.size < durable.size;
  const size = isShorter ? (coin() ? now.size : durable.size) : grownSize(durable, now, random);
  for (const index of new Set([...durable.pages.keys(), ...now.pages.keys()])) {
    if (durable.pages.get(index) === now.pages.get(index) || coin()) continue;
    if (isShorter && size > now.size && (index + 1) * pageBytes > now.size) continue;
    const page = now.pages.get(index);
    if (page === undefined) left.pages.delete(index);
    else left.pages.set(index, page);
  }
  left.size = Math.max(now.size, durable.size);
  left.truncate(size);
  return left;
}

function grownSize(durable: PagedContent, now: PagedContent, random: Random): number {
  if (below(random, 2) === 0) return durable.size;
  if (below(random, 2) === 0) return now.size;
  return durable.size + Math.floor((now.size - durable.size) / (1 + below(random, 4)));
}
