import { FairLock } from './fair-lock.ts';

/** The model's pages are small, so that small files have several. */
export const pageBytes = 32;

interface Page {
  /** Undefined until it is filled: a page may be locked and not there yet. */
  content: Uint8Array | undefined;
  /** Held while a READ fills the page, and while a WRITE that did not find it filled is under way. */
  readonly lock: FairLock;
}

/** The pages of one file, as `mm/filemap.c` keeps them. */
export class PageCache {
  readonly #pages = new Map<number, Page>();

  get(index: number): Uint8Array | undefined {
    return this.#pages.get(index)?.content;
  }

  set(index: number, content: Uint8Array): void {
    this.#page(index).content = content;
  }

  /** The lock of a page, which need not be filled. */
  lock(index: number): Promise<() => void> {
    return this.#page(index).lock.take('alone');
  }

  /** The content of a page is not to be believed any more; its lock stays who holds it. */
  clear(index: number): void {
    const page = this.#pages.get(index);
    if (page !== undefined) page.content = undefined;
  }

  /** invalidate_inode_pages2_range: waits for each page's lock, which requests under way hold, and drops the page. */
  async drop(first: number, last: number): Promise<void> {
    for (const [index, page] of [...this.#pages]) {
      if (index < first || index > last) continue;
      const unlock = await page.lock.take('alone');
      page.content = undefined;
      unlock();
      if (!page.lock.isBusy && this.#pages.get(index) === page) this.#pages.delete(index);
    }
  }

  /** truncate_pagecache: what lies beyond `size` goes, and the rest of the page with the end becomes zeros. */
  async cut(size: number): Promise<void> {
    const edge = Math.floor(size / pageBytes);
    this.get(edge)?.fill(0, size % pageBytes);
    await this.drop(Math.ceil(size / pageBytes), Number.MAX_SAFE_INTEGER);
  }

  #page(index: number): Page {
    let page = this.#pages.get(index);
    if (page === undefined) {
      page = { content: undefined, lock: new FairLock() };
      this.#pages.set(index, page);
    }
    return page;
  }
}
