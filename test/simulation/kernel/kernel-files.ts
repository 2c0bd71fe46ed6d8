import type { Handle } from '#base';
import { type AttributeChanges, type LockRange, O_ACCMODE, O_APPEND, O_RDONLY, O_TRUNC, superuser } from '#protocol';
import type { OpenedFile } from '#vfs';
import { type KernelInode, stale, writeStales } from './kernel-inode.ts';
import type { MountState } from './mount-state.ts';
import { pageBytes } from './page-cache.ts';

/** An open file description. */
export interface KernelFile {
  readonly inode: KernelInode;
  readonly handle: Handle;
  readonly flags: number;
  /** Every read and write goes to the daemon (FOPEN_DIRECT_IO). */
  readonly isDirect: boolean;
}

const refreshesMax = 20;

/** Open files as `fs/fuse/file.c` treats them, without the write-back cache: each write is sent before it returns. */
export class KernelFiles {
  readonly #state: MountState;

  constructor(state: MountState) {
    this.#state = state;
  }

  async open(inode: KernelInode, flags: number): Promise<KernelFile> {
    const state = this.#state;
    await state.refresh(inode, stale.permissions);
    const truncates = (flags & O_TRUNC) !== 0;
    const unlock = truncates ? await inode.lock.take('alone') : undefined;
    try {
      const opened = await state.request((vfs) => vfs.open(superuser, inode.ino, flags, false));
      const file = this.opened(inode, opened, flags);
      if (truncates) {
        inode.size = 0;
        inode.changed(writeStales);
        await inode.pages.cut(0);
      } else if (!opened.keepCache) await inode.dropPages();
      return file;
    } finally {
      unlock?.();
    }
  }

  /** What CREATE or OPEN has opened; the file is a user of its inode. */
  opened(inode: KernelInode, { handle, mode }: OpenedFile, flags: number): KernelFile {
    this.#state.hold(inode);
    return { inode, handle, flags, isDirect: mode === 'direct' };
  }

  /** close(2) by a process whose locks have `owner`: FLUSH ends its range locks; RELEASE is not waited for. */
  async close({ inode, handle }: KernelFile, owner: string): Promise<void> {
    const state = this.#state;
    try {
      await state.request((vfs) => vfs.flush(handle, owner));
    } finally {
      void state.request((vfs) => vfs.release(handle)).catch(() => undefined);
      state.letGo(inode);
    }
  }

  /** fcntl(2) and flock(2): no lock of the kernel is held meanwhile. */
  lock({ handle }: KernelFile, lock: LockRange, kind: 'set' | 'wait' | 'unlock'): Promise<void> {
    return this.#state.request((vfs) => vfs.lock(handle, lock, kind));
  }

  async read(file: KernelFile, offset: number, length: number): Promise<Uint8Array> {
    const { inode } = file;
    const state = this.#state;
    if (file.isDirect) {
      const bytes = await state.request((vfs) => vfs.read(file.handle, offset, length));
      inode.markStale(stale.atime);
      return bytes;
    }
    // AUTO_INVAL_DATA: the size is asked for again when it is not valid, and pages go when it or mtime is another.
    // A reply that a notification overtook is not taken, and Linux then goes on with the size that it had, however old;
    // no daemon can prevent that, so here it asks again.
    for (let tries = 0; tries < refreshesMax && (tries === 0 || (inode.stale & stale.size) !== 0); tries++) {
      await state.refresh(inode, stale.size);
    }
    const read = Buffer.alloc(length);
    let done = 0;
    while (done < length && offset + done < inode.size) {
      const index = Math.floor((offset + done) / pageBytes);
      const page = await this.#page(file, index);
      const from = offset + done - index * pageBytes;
      const until = Math.min(pageBytes, from + length - done, inode.size - index * pageBytes);
      if (until <= from) break;
      read.set(page.subarray(from, until), done);
      done += until - from;
    }
    return read.subarray(0, done);
  }

  /** Appends where `O_APPEND` is set: at what the kernel takes for the size, which the daemon need not believe. */
  async write(file: KernelFile, position: number, data: Uint8Array): Promise<number> {
    const { inode, flags } = file;
    const unlock = await inode.lock.take('alone');
    try {
      const offset = (flags & O_APPEND) === 0 ? position : inode.size;
      const grows = offset + data.length > inode.size;
      if (grows) inode.sizeIsUnstable = true;
      const pages = file.isDirect ? [] : await this.#fill(inode, offset, data);
      try {
        const written = await this.#state.request((vfs) => vfs.write(file.handle, offset, data, false, flags));
        inode.size = Math.max(inode.size, offset + written);
        for (const { index, content } of pages) if (content !== undefined) inode.pages.set(index, content);
        return written;
      } catch (error) {
        for (const { index } of pages) inode.pages.clear(index);
        throw error;
      } finally {
        inode.changed(writeStales);
        if (grows) inode.sizeIsUnstable = false;
        for (const { release } of pages) release?.();
      }
    } finally {
      unlock();
    }
  }

  /** truncate(2), chmod(2): the reply's attributes are taken in any case. */
  async change(inode: KernelInode, changes: AttributeChanges): Promise<void> {
    const state = this.#state;
    const unlock = await inode.lock.take('alone');
    const truncates = changes.size !== undefined;
    if (truncates) inode.sizeIsUnstable = true;
    try {
      const entry = await state.request((vfs) => vfs.setattr(superuser, inode.ino, changes));
      await inode.apply(entry.attributes, state.until(entry.attributesValidMs), 0);
    } finally {
      if (truncates) inode.sizeIsUnstable = false;
      unlock();
    }
  }

  fsync(inode: KernelInode): Promise<void> {
    return this.#state.request((vfs) => vfs.fsync(inode.ino, false));
  }

  /** The content of a page: READ fills it while its lock is held, so INVAL_INODE waits for the answer. */
  async #page(file: KernelFile, index: number): Promise<Uint8Array> {
    const { inode, handle } = file;
    const { pages } = inode;
    const cached = pages.get(index);
    if (cached !== undefined) return cached;
    const unlock = await pages.lock(index);
    try {
      const filled = pages.get(index);
      if (filled !== undefined) return filled;
      const state = this.#state;
      const since = state.attributeVersion;
      const offset = index * pageBytes;
      const bytes = await state.request((vfs) => vfs.read(handle, offset, pageBytes));
      const end = offset + bytes.length;
      // A short answer tells where the file ends now.
      if (bytes.length < pageBytes && end < inode.size && inode.version <= since && !inode.sizeIsUnstable) {
        inode.changed(0);
        inode.size = end;
      }
      inode.markStale(stale.atime);
      const page = new Uint8Array(pageBytes);
      page.set(bytes);
      pages.set(index, page);
      return page;
    } finally {
      unlock();
    }
  }

  /**
   * fuse_fill_write_pages: what is there already is changed in place before the daemon hears of it; a page that is
   * not stays locked until the answer, and is kept only when it was written as a whole.
   */
  async #fill(inode: KernelInode, offset: number, data: Uint8Array): Promise<WrittenPage[]> {
    const { pages } = inode;
    const written: WrittenPage[] = [];
    const last = Math.floor((offset + data.length - 1) / pageBytes);
    for (let index = Math.floor(offset / pageBytes); index <= last; index++) {
      const release = await pages.lock(index);
      const start = Math.max(0, offset - index * pageBytes);
      const piece = data.subarray(index * pageBytes + start - offset, (index + 1) * pageBytes - offset);
      const there = pages.get(index);
      if (there !== undefined) {
        there.set(piece, start);
        release();
        written.push({ index, content: undefined, release: undefined });
      } else written.push({ index, content: piece.length === pageBytes ? Uint8Array.from(piece) : undefined, release });
    }
    return written;
  }
}

interface WrittenPage {
  readonly index: number;
  /** What the page holds once it is written; undefined: it is there already, or its rest is not known. */
  readonly content: Uint8Array | undefined;
  readonly release: (() => void) | undefined;
}

export function isWritable({ flags }: KernelFile): boolean {
  return (flags & O_ACCMODE) !== O_RDONLY;
}
