import type { ByteString, Ino } from '#base';
import type { MountState } from './mount-state.ts';
import { pageBytes } from './page-cache.ts';

/**
 * Notifications as the kernel carries them out: each promise resolves when the write of the message would return, which
 * is how the daemon can be made to wait for its own requests:
 *
 * - INVAL_ENTRY (and its two relatives) waits for the directory's lock: for every LOOKUP, listing and change in it.
 * - INVAL_INODE over a range waits for the pages' locks: for READs of them, and for WRITEs of pages that were not there.
 * - INVAL_INODE without a range, INVAL_INODE of a directory, and INC_EPOCH wait for nothing.
 *
 * Whether the kernel knew the object is what a promise gives.
 */
export class KernelNotices {
  readonly #state: MountState;

  constructor(state: MountState) {
    this.#state = state;
  }

  /** Of an inode whose first reply is still on its way nothing is known yet, so that reply is taken as it is. */
  async invalidateInode(ino: Ino, offset: number, length: number): Promise<boolean> {
    const inode = this.#state.inodes.get(ino);
    if (inode === undefined) return false;
    inode.changed(~0);
    if (offset < 0) return true;
    inode.listing = undefined;
    const end = length <= 0 ? Number.MAX_SAFE_INTEGER : offset + length;
    await inode.pages.drop(Math.floor(offset / pageBytes), Math.ceil(end / pageBytes) - 1);
    return true;
  }

  async invalidateEntry(parent: Ino, name: ByteString): Promise<boolean> {
    return this.#withName(parent, name, (dentry) => this.#state.names.drop(dentry));
  }

  async expireEntry(parent: Ino, name: ByteString): Promise<boolean> {
    return this.#withName(parent, name, (dentry) => {
      dentry.validUntilMs = 0;
    });
  }

  async delete(parent: Ino, child: Ino, name: ByteString): Promise<boolean> {
    return this.#withName(parent, name, (dentry) => {
      if (dentry.inode?.ino === child) this.#state.names.drop(dentry);
    });
  }

  async incrementEpoch(): Promise<boolean> {
    this.#state.epoch += 1;
    return true;
  }

  async #withName(parent: Ino, name: ByteString, change: (dentry: Dentry) => void): Promise<boolean> {
    const directory = this.#state.inodes.get(parent);
    if (directory === undefined) return false;
    const unlock = await directory.lock.take('alone');
    try {
      const dentry = this.#state.names.get(parent, name);
      if (dentry === undefined) return false;
      this.#state.directoryChanged(directory);
      directory.listing = undefined;
      change(dentry);
      return true;
    } finally {
      unlock();
    }
  }
}

type Dentry = NonNullable<ReturnType<MountState['names']['get']>>;
