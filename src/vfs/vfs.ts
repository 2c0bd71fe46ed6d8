import { strict as assert } from 'node:assert';
import { type ByteString, chain, FsError, type Handle, type Ino, type Maybe, rootIno } from '#base';
import type { Client } from '#client';
import {
  type AttributeChanges,
  type Attributes,
  type Caller,
  type DirectoryEntry,
  type LockRange,
  O_APPEND,
  O_DSYNC,
  type RenameRequest,
  S_IFDIR,
  S_IFREG,
  superuser,
  type VolumeStatistics,
} from '#protocol';
import type { BackingRegistry } from './backing-registry.ts';
import { type Absence, type Entry, LeasedAbsence, LeasedAttributes, LeasedEntry } from './entry.ts';
import type { CreatedFile, CreateFacts, NodeFacts, Place, Position, WriteKills } from './facts.ts';
import { InodeTable } from './inode-table.ts';
import type { Interrupts } from './interrupts.ts';
import { lookAgain } from './look-again.ts';
import { type OpenedFile, OpenFiles } from './open-files.ts';
import type { VfsOptions } from './options.ts';
import type { SharedVolume } from './shared-volume.ts';

/**
 * The file system of a mount, as its kernel sees it, and yet without a kernel: every operation can be called by a
 * test. An operation answers at once when everything it needs is in memory, else with a promise; it never blocks.
 *
 * Whatever returns an `Entry` lends the kernel one reference to the inode, which `forget` takes back.
 */
export class Vfs {
  readonly inodes = new InodeTable();
  readonly files: OpenFiles;
  readonly #client: Client;
  readonly #options: VfsOptions;
  /** Undefined where this mount is alone. */
  readonly #shared: SharedVolume | undefined;
  readonly #absence: Absence;

  constructor(client: Client, options: VfsOptions, backing: BackingRegistry | undefined, shared?: SharedVolume) {
    this.#client = client;
    this.#options = options;
    this.#shared = shared;
    this.#absence = { attributes: undefined, entryValidMs: options.negativeValidityMs };
    this.files = new OpenFiles(client, this.inodes, { backing: options.passthrough ? backing : undefined, shared });
  }

  // ---- names ----

  /** Undefined when there is no such name. `.` and `..` are answered by inode number, for file handles. */
  lookup(caller: Caller, parent: Ino, name: ByteString): Maybe<Entry | undefined> {
    const found = this.#client.call('lookup', { caller, parent, name });
    if (found instanceof Promise)
      return found.then((attributes) => attributes && this.#entry(attributes, parent, name));
    return found && this.#entry(found, parent, name);
  }

  /** The same for a kernel, which may believe for a while that a name is absent. */
  find(caller: Caller, parent: Ino, name: ByteString): Maybe<Entry | Absence> {
    const found = this.lookup(caller, parent, name);
    if (found instanceof Promise) return found.then((entry) => entry ?? this.#absent(parent, name));
    return found ?? this.#absent(parent, name);
  }

  forget(ino: Ino, count: number): void {
    if (ino !== rootIno) this.inodes.forget(ino, count);
  }

  /** mknod(2), for anything but symlinks and directories. */
  mknod(caller: Caller, parent: Ino, name: ByteString, node: NodeFacts): Maybe<Entry> {
    return this.#make(caller, parent, name, node, '');
  }

  mkdir(caller: Caller, parent: Ino, name: ByteString, permissions: NodeFacts): Maybe<Entry> {
    return this.#make(caller, parent, name, { ...permissions, mode: S_IFDIR | permissions.mode }, '');
  }

  symlink(caller: Caller, parent: Ino, name: ByteString, target: ByteString): Maybe<Entry> {
    return this.#make(caller, parent, name, symlinkFacts, target);
  }

  link(caller: Caller, ino: Ino, parent: Ino, name: ByteString): Maybe<Entry> {
    return chain(this.#client.call('link', { caller, ino, parent, name }), (attributes) =>
      this.#entry(attributes, parent, name),
    );
  }

  unlink(caller: Caller, parent: Ino, name: ByteString): Maybe<void> {
    return this.#bury(this.#client.call('unlink', { caller, parent, name }));
  }

  rmdir(caller: Caller, parent: Ino, name: ByteString): Maybe<void> {
    return this.#bury(this.#client.call('rmdir', { caller, parent, name }));
  }

  rename(request: RenameRequest): Maybe<void> {
    return this.#bury(this.#client.call('rename', request));
  }

  readlink(ino: Ino): Maybe<ByteString> {
    return this.#client.call('readlink', { ino, noAtime: this.#options.noAtime });
  }

  opendir(caller: Caller, ino: Ino): Maybe<void> {
    if (this.inodes.removed(ino) !== undefined) return;
    return this.#client.call('opendir', { caller, ino });
  }

  /**
   * Entries after `cookie`, at most `limit`, '.' and '..' first; an empty list is the end. Entries with attributes
   * lend no reference yet: the caller counts those that it delivers with `deliver`.
   */
  readdir(
    ino: Ino,
    cookie: number,
    limit: number,
    withAttributes: boolean,
    caller: Caller = superuser,
  ): Maybe<DirectoryEntry[]> {
    // A directory that was removed has no entries, not even its own.
    if (this.inodes.removed(ino) !== undefined) return [];
    const { noAtime } = this.#options;
    const listing = { ino, limit, withAttributes, noAtime, caller };
    if (cookie >= dotDotCookie) {
      return this.#client.call('readdir', { ...listing, cookie: cookie === dotDotCookie ? 0 : cookie });
    }
    return chain(this.#parentOf(ino), (parent) => {
      const dots = [dot('.', ino, dotCookie), dot('..', parent ?? ino, dotDotCookie)].slice(cookie, cookie + limit);
      if (dots.length === limit) return dots;
      const rest = this.#client.call('readdir', { ...listing, cookie: 0, limit: limit - dots.length });
      return chain(rest, (entries) => [...dots, ...entries]);
    });
  }

  /** The directory above, for a listing; undefined where a server does not tell, which must not end the listing. */
  #parentOf(ino: Ino): Maybe<Ino | undefined> {
    const untold = (error: unknown): undefined => {
      if (!(error instanceof FsError && error.status === 'accessDenied')) throw error;
    };
    try {
      const found = this.#client.call('lookup', { caller: superuser, parent: ino, name: '..' });
      return found instanceof Promise ? found.then((parent) => parent?.ino, untold) : found?.ino;
    } catch (error) {
      return untold(error);
    }
  }

  /** An entry of a listing reaches the kernel with its attributes: lends a reference. */
  deliver(attributes: Attributes, directory: Ino, name: ByteString): Entry {
    return this.#entry(attributes, directory, name);
  }

  /** Whether the kernel may keep the listing of a directory until it is told otherwise. */
  mayKeepListing(ino: Ino): boolean {
    return this.#shared?.cache.coversNames(ino) ?? true;
  }

  // ---- attributes ----

  getattr(ino: Ino): Maybe<Entry> {
    const removed = this.inodes.removed(ino);
    if (removed !== undefined) return this.#seen(removed);
    const found = this.#client.call('getattr', { ino });
    return found instanceof Promise ? found.then((attributes) => this.#seen(attributes)) : this.#seen(found);
  }

  setattr(caller: Caller, ino: Ino, changes: AttributeChanges): Maybe<Entry> {
    return chain(this.#client.call('setattr', { caller, ino, changes }), (attributes) => this.#seen(attributes));
  }

  access(caller: Caller, ino: Ino, mask: number): Maybe<void> {
    return this.#client.call('access', { caller, ino, mask });
  }

  getxattr(caller: Caller, ino: Ino, name: ByteString): Maybe<Uint8Array> {
    return this.#client.call('getxattr', { caller, ino, name });
  }

  listxattr(caller: Caller, ino: Ino): Maybe<ByteString[]> {
    return this.#client.call('listxattr', { caller, ino });
  }

  /** The value is copied where it is kept. */
  setxattr(caller: Caller, ino: Ino, name: ByteString, value: Uint8Array, flags: number): Maybe<void> {
    return this.#client.call('setxattr', { caller, ino, name, value, flags });
  }

  removexattr(caller: Caller, ino: Ino, name: ByteString): Maybe<void> {
    return this.#client.call('removexattr', { caller, ino, name });
  }

  setflags(caller: Caller, ino: Ino, flags: number): Maybe<void> {
    return this.#client.call('setflags', { caller, ino, flags });
  }

  statfs(): Maybe<VolumeStatistics> {
    return this.#client.call('statfs', {});
  }

  // ---- files ----

  /**
   * Makes and opens a file in one step; fails with `exists` when the name is taken. Where the caller would have been
   * content with the file that is there, and another client has just made it, `stale` has the kernel look again.
   */
  create(caller: Caller, parent: Ino, name: ByteString, facts: CreateFacts): Maybe<CreatedFile> {
    const { mode, umask } = facts;
    const request = { caller, parent, name, mode: S_IFREG | mode, umask, rdev: 0, target: '', open: true };
    const made = this.#client.call('make', request);
    if (!(made instanceof Promise)) return this.#created(made, request, facts.flags);
    const there = facts.exclusive === false ? made.catch(lookAgain) : made;
    return there.then((attributes) => this.#created(attributes, request, facts.flags));
  }

  /** O_TMPFILE. */
  tmpfile(caller: Caller, parent: Ino, facts: CreateFacts): Maybe<CreatedFile> {
    const { mode, umask } = facts;
    const made = this.#client.call('makeUnnamed', { caller, parent, mode: S_IFREG | mode, umask });
    return chain(made, (attributes) => this.#created(attributes, { parent, name: '' }, facts.flags));
  }

  open(caller: Caller, ino: Ino, flags: number, killPrivileges: boolean): Maybe<OpenedFile> {
    const reply = this.#client.call('open', { caller, ino, flags, killPrivileges });
    return chain(reply, ({ attributes, storage }) => this.files.open({ attributes, storage, created: false }, flags));
  }

  release(handle: Handle): Maybe<void> {
    const file = this.files.get(handle);
    if (this.#shared === undefined || file?.locked === undefined) return this.files.release(handle);
    const { locks } = this.#shared;
    // The locks of a description end with it (flock, OFD); those of a process have ended by FLUSH.
    const unlocked = file.locked.map(({ owner, type }) => locks.unlockAll(file.ino, type, owner));
    return Promise.allSettled(unlocked).then(() => this.files.release(handle));
  }

  /** The bytes belong to the receiver, until it gives them to `reuse`; fewer than `length` only at the end of the file. */
  read(handle: Handle, offset: number, length: number): Maybe<Uint8Array> {
    const { ino, noAtime, mode } = this.files.require(handle);
    const data = this.#client.call('read', { ino, offset, length, noAtime: noAtime || this.#options.noAtime });
    if (this.#shared === undefined || mode !== 'cached') return data;
    const { cache } = this.#shared;
    return chain(data, (bytes) => {
      cache.contentRead(ino);
      return bytes;
    });
  }

  /** What `read` gave has been used: its memory may serve the next read. */
  reuse(bytes: Uint8Array): void {
    this.#client.files?.reuse(bytes);
    this.#options.reuse?.(bytes);
  }

  /**
   * Bytes written. `data` may be reused once it has settled. `status` are the description's flags (O_APPEND,
   * O_SYNC) where fcntl(2) may have changed them since the open.
   */
  write(handle: Handle, offset: number, data: Uint8Array, killFor: WriteKills, status?: number): Maybe<number> {
    const { ino, mode, flags: openFlags } = this.files.require(handle);
    const flags = status ?? openFlags;
    const before = this.#shared?.cache.attributes(ino);
    const request = {
      ino,
      offset,
      data,
      append: (flags & O_APPEND) !== 0,
      killPrivileges: typeof killFor === 'object',
      keepCapabilities: killFor === 'nothing',
      // Present in every request, so that all have one shape.
      caller: typeof killFor === 'object' ? killFor : superuser,
      // O_SYNC contains the bit of O_DSYNC.
      sync: (flags & O_DSYNC) !== 0,
    };
    const reply = this.#client.call('write', request);
    if (!(reply instanceof Promise)) return reply.written;
    return reply.then(({ written }) => {
      if (before !== undefined && mode === 'cached') this.#wroteThrough(ino, before);
      return written;
    });
  }

  /**
   * Ends one descriptor of a file, of a process that has `owner` as its owner of POSIX locks: those go, on the whole
   * inode (close(2), fcntl(2)). Every write has been answered when it was done, so there is no failure to report.
   */
  flush(handle: Handle, owner: string): Maybe<void> {
    const { ino } = this.files.require(handle);
    return this.#shared?.locks.unlockAll(ino, 'range', owner);
  }

  /** Sets or ends a lock; see `ClusterLocks`. Only in a shared volume: elsewhere the kernel keeps them. */
  lock(handle: Handle, lock: LockRange, kind: 'set' | 'wait' | 'unlock'): Maybe<void> {
    const { ino } = this.files.require(handle);
    const { locks, interrupts } = this.#sharedVolume();
    if (kind === 'unlock') return locks.unlock(ino, lock);
    this.files.noteLock(handle, lock);
    return locks.set(ino, lock, { wait: kind === 'wait', signal: kind === 'wait' ? interrupts.signal() : undefined });
  }

  /** The lock that conflicts with `lock`, if any. */
  testLock(handle: Handle, lock: LockRange): Maybe<LockRange | undefined> {
    const { ino } = this.files.require(handle);
    return this.#sharedVolume().locks.test(ino, lock);
  }

  /** Whatever may still be interrupted of a request belongs to it; see `Interrupts`. Undefined where nothing may. */
  get interrupts(): Interrupts | undefined {
    return this.#shared?.interrupts;
  }

  fsync(ino: Ino, dataOnly: boolean): Maybe<void> {
    return this.#client.call('fsync', { ino, dataOnly });
  }

  fallocate(caller: Caller, handle: Handle, mode: number, range: { offset: number; length: number }): Maybe<void> {
    const { ino } = this.files.require(handle);
    return this.#client.call('fallocate', { caller, ino, mode, ...range });
  }

  seek(handle: Handle, offset: number, whence: number): Maybe<number> {
    const { ino } = this.files.require(handle);
    return this.#client.call('seek', { ino, offset, whence });
  }

  /** Bytes copied, fewer than `length` at the end of the source only. */
  copyRange(caller: Caller, from: Position, to: Position, length: number): Maybe<number> {
    const source = this.files.require(from.handle);
    const target = this.files.require(to.handle);
    return this.#client.call('copyRange', {
      caller,
      from: source.ino,
      fromOffset: from.offset,
      to: target.ino,
      toOffset: to.offset,
      length,
    });
  }

  #sharedVolume(): SharedVolume {
    assert(this.#shared !== undefined, 'locks of a mount that is alone are the kernel’s own');
    return this.#shared;
  }

  /** Where nobody else wrote meanwhile, the kernel's pages are of the new version. */
  #wroteThrough(ino: Ino, before: Attributes): void {
    const after = this.#shared?.cache.attributes(ino);
    if (after?.dataVersion === before.dataVersion + 1)
      this.inodes.moveCache(ino, before.dataVersion, after.dataVersion);
  }

  #make(caller: Caller, parent: Ino, name: ByteString, node: NodeFacts, target: ByteString): Maybe<Entry> {
    const { mode, umask, rdev } = node;
    const made = this.#client.call('make', { caller, parent, name, mode, umask, rdev, target, open: false });
    if (made instanceof Promise) return made.then((attributes) => this.#entry(attributes, parent, name));
    return this.#entry(made, parent, name);
  }

  /** Keeps what the kernel may still ask of an inode that is gone: of a working directory, or behind an O_PATH. */
  #bury(removing: Maybe<Attributes | undefined>): Maybe<void> {
    if (removing instanceof Promise) return removing.then((removed) => this.#bury(removed));
    if (removing !== undefined) this.inodes.bury(removing);
  }

  #created(attributes: Attributes, { parent, name }: Place, flags: number): Maybe<CreatedFile> {
    const opened = this.files.open({ attributes, storage: 'inline', created: true }, flags);
    return chain(opened, (file) => ({ entry: this.#entry(attributes, parent, name), file }));
  }

  #entry(attributes: Attributes, parent: Ino, name: ByteString): Entry {
    this.inodes.remember(attributes.ino);
    if (this.#shared !== undefined) return new LeasedEntry(this.#shared.cache, attributes, parent, name);
    return this.#seen(attributes);
  }

  #absent(parent: Ino, name: ByteString): Absence {
    return this.#shared === undefined ? this.#absence : new LeasedAbsence(this.#shared.cache, parent, name);
  }

  #seen(attributes: Attributes): Entry {
    if (this.#shared !== undefined) return new LeasedAttributes(this.#shared.cache, attributes);
    const writtenPast = this.files.isWrittenPast(attributes.ino);
    return {
      attributes,
      attributesValidMs: writtenPast ? 0 : this.#options.attributeValidityMs,
      entryValidMs: this.#options.entryValidityMs,
    };
  }
}

const symlinkFacts: NodeFacts = { mode: 0o120777, umask: 0, rdev: 0 };
const dotCookie = 1;
const dotDotCookie = 2;

function dot(name: ByteString, ino: Ino, cookie: number): DirectoryEntry {
  return { name, ino, type: S_IFDIR, cookie, attributes: undefined };
}
