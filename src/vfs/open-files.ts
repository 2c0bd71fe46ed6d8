import { strict as assert } from 'node:assert';
import { chain, FsError, type Handle, type Ino, type Maybe } from '#base';
import type { Client } from '#client';
import { type Attributes, FS_NOATIME_FL, type LockRange, O_ACCMODE, O_DSYNC, O_NOATIME, O_RDONLY } from '#protocol';
import type { BackingRegistry } from './backing-registry.ts';
import type { InodeTable, OpenInode } from './inode-table.ts';
import { chooseOpenMode, type OpenMode } from './open-mode.ts';
import type { SharedVolume } from './shared-volume.ts';

/** One open file description. */
export interface FileHandle {
  readonly handle: Handle;
  readonly ino: Ino;
  readonly flags: number;
  readonly mode: OpenMode;
  readonly noAtime: boolean;
  /** The kernel writes the backing file by itself through this handle. */
  readonly writesPast: boolean;
  /** The session that opened it. */
  readonly incarnation: number;
  /** Owners of locks that were set through it. */
  locked: Pick<LockRange, 'type' | 'owner'>[] | undefined;
}

/** What the kernel must be told of a file just opened. */
export interface OpenedFile {
  readonly handle: Handle;
  readonly mode: OpenMode;
  readonly backingId: number;
  /** The pages that the kernel has of this file are still its content. */
  readonly keepCache: boolean;
}

/** The facts of the server's reply that the choice of a mode needs. */
export interface OpenedInode {
  readonly attributes: Attributes;
  readonly storage: 'inline' | 'blob';
  readonly created: boolean;
}

/** The open files of a mount: handles, the kernel mode of each open inode, and the files lent for passthrough. */
export class OpenFiles {
  readonly #client: Client;
  readonly #inodes: InodeTable;
  readonly #backing: BackingRegistry | undefined;
  readonly #shared: SharedVolume | undefined;
  readonly #handles = new Map<Handle, FileHandle>();
  #next = 1;

  constructor(
    client: Client,
    inodes: InodeTable,
    { backing, shared }: { backing: BackingRegistry | undefined; shared: SharedVolume | undefined },
  ) {
    this.#client = client;
    this.#inodes = inodes;
    this.#shared = shared;
    this.#backing = client.files === undefined ? undefined : backing;
  }

  /** How many handles are open. */
  get size(): number {
    return this.#handles.size;
  }

  /** Fails with `badHandle` when there is none, and with `io` when its open was lost with its session. */
  require(handle: Handle): FileHandle {
    const file = this.#handles.get(handle);
    if (file === undefined) throw new FsError('badHandle', `handle ${handle} is not open`);
    if (this.#shared !== undefined && this.#isLost(file, this.#shared)) {
      throw new FsError('io', `inode ${file.ino}: what was open was lost with its session`);
    }
    return file;
  }

  /** Whatever became of its session; undefined when there is none. */
  get(handle: Handle): FileHandle | undefined {
    return this.#handles.get(handle);
  }

  /** The handle's end is the end of this owner's locks, where it has some then. */
  noteLock(handle: Handle, { owner, type }: LockRange): void {
    const file = this.require(handle);
    file.locked ??= [];
    // One owner may have locks of both types: flock(2) and OFD locks of one description do.
    if (!file.locked.some((each) => each.owner === owner && each.type === type)) file.locked.push({ type, owner });
  }

  /** Whether the kernel may be changing size and times of `ino` without telling. */
  isWrittenPast(ino: Ino): boolean {
    const open = this.#inodes.openInode(ino);
    return open !== undefined && open.writers > 0;
  }

  /**
   * Makes a handle for an inode that the server has opened. When it fails, the server's open has been released.
   */
  open(opened: OpenedInode, flags: number): Maybe<OpenedFile> {
    const { ino } = opened.attributes;
    const current = this.#inodes.openInode(ino);
    const mode = chooseOpenMode({
      canPassThrough: this.#backing !== undefined,
      flags,
      created: opened.created,
      mode: opened.attributes.mode,
      hasFileCapabilities: opened.attributes.hasFileCapabilities,
      mayCache: this.#shared?.cache.coversContent(ino) ?? true,
      storage: opened.storage,
      joined: current?.mode,
    });
    const writing = (flags & O_ACCMODE) !== O_RDONLY;
    const open = this.#enter(ino, mode, writing, current);
    if (mode !== 'passthrough' && mode !== 'passthroughDirect') return this.#opened(opened, flags, mode, open);
    try {
      const ready = chain(this.#lend(ino, writing, open), () => {
        const isSynchronous = writing && (flags & O_DSYNC) !== 0;
        return chain(isSynchronous ? this.#settle(ino) : undefined, () => this.#opened(opened, flags, mode, open));
      });
      return ready instanceof Promise
        ? ready.catch((error: unknown) => this.#retreat(opened, flags, open, error))
        : ready;
    } catch (error) {
      return this.#retreat(opened, flags, open, error);
    }
  }

  /** Ends a handle. Unknown handles are ignored: RELEASE has nobody to tell. */
  release(handle: Handle): Maybe<void> {
    const file = this.#handles.get(handle);
    if (file === undefined) return;
    this.#handles.delete(handle);
    const lent = file.mode === 'passthrough' || file.mode === 'passthroughDirect';
    const writing = (file.flags & O_ACCMODE) !== O_RDONLY;
    this.#leave(file.ino, file.mode, writing);
    if (this.#shared !== undefined && this.#isLost(file, this.#shared)) return;
    const returned = lent ? this.#client.files?.giveBack(file.ino, writing) : undefined;
    return chain(returned, () => this.#client.call('release', { ino: file.ino, count: 1 }));
  }

  #isLost({ ino, incarnation }: FileHandle, shared: SharedVolume): boolean {
    return incarnation !== shared.session.incarnation || shared.isLost(ino);
  }

  #enter(ino: Ino, mode: OpenMode, writing: boolean, current: OpenInode | undefined): OpenInode | undefined {
    if (mode === 'direct') return undefined;
    const open = current ?? { mode, backingId: 0, handles: 0, writers: 0 };
    // Both passthrough modes share one backing file; what counts for later opens is that it is one of them.
    open.handles += 1;
    if (writing && mode !== 'cached') open.writers += 1;
    if (current === undefined) this.#inodes.setOpenInode(ino, open);
    return open;
  }

  #leave(ino: Ino, mode: OpenMode, writing: boolean): void {
    if (mode === 'direct') return;
    const open = this.#inodes.openInode(ino);
    assert(open !== undefined, `inode ${ino} is open`);
    open.handles -= 1;
    if (writing && mode !== 'cached') open.writers -= 1;
    if (open.handles > 0) return;
    // The kernel leaves a mode before it sends the last RELEASE, so that the next open is free to choose.
    this.#inodes.setOpenInode(ino, undefined);
    if (open.backingId !== 0) this.#backing?.close(open.backingId);
  }

  /** Lends the file and registers it, unless a handle before this one has. */
  #lend(ino: Ino, writing: boolean, open: OpenInode | undefined): Maybe<void> {
    const { files } = this.#client;
    assert(files !== undefined && open !== undefined);
    return chain(files.lend(ino, writing), (fd) => {
      if (open.backingId !== 0) return;
      // An open that began earlier has retreated to the page cache, and all that overlap it follow.
      const backingId = open.mode === 'cached' ? 0 : (this.#backing?.open(fd) ?? 0);
      if (backingId > 0) {
        open.backingId = backingId;
        return;
      }
      open.mode = 'cached';
      return chain(files.giveBack(ino, writing), () => {
        throw new FsError('notSupported', `inode ${ino}: its file cannot be registered: errno ${-backingId}`);
      });
    });
  }

  /**
   * Synchronous writes (O_SYNC, O_DSYNC) that go past the daemon become durable in the file alone. So the rest that
   * finding them after a crash needs is made durable before the first: the names, and that the file knows its size.
   */
  async #settle(ino: Ino): Promise<void> {
    try {
      await this.#client.call('fsync', { ino, dataOnly: false });
    } catch (cause) {
      await this.#client.files?.giveBack(ino, true);
      throw cause;
    }
  }

  /**
   * A passthrough handle could not have its file. While no handle of the inode has, it opens through the page cache
   * instead, and so do those whose files are still being lent.
   */
  #retreat(opened: OpenedInode, flags: number, open: OpenInode | undefined, error: unknown): Maybe<OpenedFile> {
    assert(open !== undefined);
    const { ino } = opened.attributes;
    const writing = (flags & O_ACCMODE) !== O_RDONLY;
    if (open.backingId !== 0 || !(error instanceof FsError)) {
      this.#leave(ino, 'passthrough', writing);
      return chain(this.#client.call('release', { ino, count: 1 }), () => {
        throw error;
      });
    }
    open.mode = 'cached';
    if (writing) open.writers -= 1;
    return this.#opened(opened, flags, 'cached', open);
  }

  #opened(opened: OpenedInode, flags: number, mode: OpenMode, open: OpenInode | undefined): OpenedFile {
    const { attributes } = opened;
    const handle = this.#next++ as Handle;
    const writing = (flags & O_ACCMODE) !== O_RDONLY;
    this.#handles.set(handle, {
      handle,
      ino: attributes.ino,
      flags,
      mode,
      noAtime: (flags & O_NOATIME) !== 0 || (attributes.flags & FS_NOATIME_FL) !== 0,
      writesPast: writing && mode === 'passthrough',
      incarnation: this.#shared?.session.incarnation ?? 0,
      locked: undefined,
    });
    const cached = mode === 'cached';
    const keepCache = cached && this.#inodes.keepsCache(attributes.ino, attributes.dataVersion);
    // What is written past the page cache leaves the kernel with pages of an unknown age.
    if (writing && !cached) this.#inodes.dropCache(attributes.ino);
    return { handle, mode, backingId: open?.backingId ?? 0, keepCache };
  }
}
