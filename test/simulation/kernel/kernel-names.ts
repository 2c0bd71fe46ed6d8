import { type ByteString, chain, type Ino, type Maybe } from '#base';
import { superuser } from '#protocol';
import type { Entry, Vfs } from '#vfs';
import type { Dentry } from './dentry-cache.ts';
import { type KernelInode, type ListedName, mtimeOf, stale } from './kernel-inode.ts';
import { isStatus, refuse } from './kernel-status.ts';
import type { MountState } from './mount-state.ts';

const readdirLimit = 1000;

/** How a name is looked up: `fresh` asks the daemon whatever the cache says (O_EXCL, the target of a rename, ESTALE). */
type Freshness = 'cached' | 'fresh';

/**
 * Names as `fs/namei.c` and `fs/fuse/dir.c` treat them. The parent's lock is held while the daemon works: shared for
 * LOOKUP and READDIRPLUS (PARALLEL_DIROPS), alone for whatever changes the directory, and INVAL_ENTRY wants it alone.
 * Only the revalidation of an expired name holds no lock.
 */
export class KernelNames {
  readonly #state: MountState;
  /** LOOKUPs of one name wait for each other (d_alloc_parallel). */
  readonly #lookups = new Map<string, Promise<unknown>>();

  constructor(state: MountState) {
    this.#state = state;
  }

  /** The inode of a name, held for the caller; undefined when there is none. */
  async lookup(parent: KernelInode, name: ByteString, freshness: Freshness): Promise<KernelInode | undefined> {
    const state = this.#state;
    await state.permission(parent);
    const known = state.names.get(parent.ino, name);
    const usable = known && (await this.#revalidate(known, freshness));
    if (usable !== undefined) return usable.inode;
    const unlock = await parent.lock.take('shared');
    try {
      return (await this.#lookupLocked(parent, name, freshness)).inode;
    } finally {
      unlock();
    }
  }

  /** open(O_CREAT | O_EXCL): the inode, held, and what the daemon opened. */
  async create<T extends { entry: Entry }>(
    parent: KernelInode,
    name: ByteString,
    call: (vfs: Vfs, parent: Ino) => Maybe<T>,
  ): Promise<{ inode: KernelInode; reply: T }> {
    return this.#changing(parent, name, async () => {
      const { epoch } = this.#state;
      const reply = await this.#state.request((vfs) => call(vfs, parent.ino));
      return { inode: await this.#made(parent, name, { entry: reply.entry, epoch }), reply };
    });
  }

  /** mkdir, mknod: the inode, held. */
  async make(parent: KernelInode, name: ByteString, call: (vfs: Vfs, parent: Ino) => Maybe<Entry>) {
    const made = await this.create(parent, name, (vfs, ino) => chain(call(vfs, ino), (entry) => ({ entry })));
    return made.inode;
  }

  async remove(parent: KernelInode, name: ByteString, kind: 'unlink' | 'rmdir'): Promise<void> {
    const state = this.#state;
    await state.permission(parent);
    const unlock = await parent.lock.take('alone');
    try {
      const { inode } = await this.#lookupLocked(parent, name, 'cached');
      if (inode === undefined) return refuse('notFound', name);
      const unlockVictim = await inode.lock.take('alone');
      try {
        await state.request((vfs) => vfs[kind](superuser, parent.ino, name));
        state.directoryChanged(parent);
        inode.changed(stale.all);
        this.#drop(parent.ino, name);
      } catch (error) {
        if (isStatus(error, 'notFound')) this.#drop(parent.ino, name);
        throw error;
      } finally {
        unlockVictim();
        state.letGo(inode);
      }
    } finally {
      unlock();
    }
  }

  async rename(from: { parent: KernelInode; name: ByteString }, to: { parent: KernelInode; name: ByteString }) {
    const state = this.#state;
    await state.permission(from.parent);
    await state.permission(to.parent);
    // lock_rename: both directories, in an order that all keep.
    const parents = [...new Set([from.parent, to.parent])].toSorted((a, b) => a.ino - b.ino);
    const unlocks: (() => void)[] = [];
    const held: KernelInode[] = [];
    try {
      for (const parent of parents) unlocks.push(await parent.lock.take('alone'));
      const source = await this.#lookupLocked(from.parent, from.name, 'cached');
      const moved = source.inode;
      if (moved === undefined) return refuse('notFound', from.name);
      held.push(moved);
      if (moved === to.parent) return refuse('invalid', from.name);
      const replaced = (await this.#lookupLocked(to.parent, to.name, 'fresh')).inode;
      if (replaced !== undefined) held.push(replaced);
      if (replaced === from.parent) return refuse('invalid', to.name);
      if (replaced !== undefined && replaced !== moved) unlocks.push(await replaced.lock.take('alone'));
      await state.request((vfs) =>
        vfs.rename({
          caller: superuser,
          parent: from.parent.ino,
          name: from.name,
          newParent: to.parent.ino,
          newName: to.name,
          flags: 0,
        }),
      );
      moved.changed(stale.times);
      replaced?.changed(stale.all);
      for (const parent of parents) state.directoryChanged(parent);
      // d_move: the name takes its validity along to where it goes.
      const { validUntilMs, epoch } = source;
      state.names.set({ parent: to.parent.ino, name: to.name, inode: moved, validUntilMs, epoch });
      if (from.parent !== to.parent || from.name !== to.name) this.#drop(from.parent.ino, from.name, 'alone');
    } catch (error) {
      if (isStatus(error, 'notFound')) {
        this.#drop(from.parent.ino, from.name);
        this.#drop(to.parent.ino, to.name);
      }
      throw error;
    } finally {
      for (const unlock of unlocks.toReversed()) unlock();
      for (const inode of held) state.letGo(inode);
    }
  }

  /** All names of a directory but the dots, from the kept listing where that is good. */
  async list(directory: KernelInode): Promise<ListedName[]> {
    const state = this.#state;
    await state.permission(directory);
    const mayKeep = await state.request((vfs) =>
      chain(vfs.opendir(superuser, directory.ino), () => vfs.mayKeepListing(directory.ino)),
    );
    // Without FOPEN_KEEP_CACHE an opening drops what was kept.
    if (!mayKeep) directory.listing = undefined;
    const unlock = await directory.lock.take('shared');
    try {
      const now = await state.refresh(directory, stale.times);
      const kept = directory.listing;
      if (kept?.mtime === mtimeOf(now) && kept.version === directory.directoryVersion) return [...kept.entries];
      const version = directory.directoryVersion;
      const entries = await this.#readAll(directory);
      directory.markStale(stale.atime);
      if (mayKeep) directory.listing = { entries, mtime: mtimeOf(now), version };
      return entries;
    } finally {
      unlock();
    }
  }

  async #readAll(directory: KernelInode): Promise<ListedName[]> {
    const entries: ListedName[] = [];
    for (let cookie = 0; ; ) {
      const since = this.#state.attributeVersion;
      const part = await this.#state.request((vfs) =>
        chain(vfs.readdir(directory.ino, cookie, readdirLimit, true), (found) =>
          found.map(({ attributes, ...rest }) => ({
            ...rest,
            entry: attributes && vfs.deliver(attributes, directory.ino, rest.name),
          })),
        ),
      );
      if (part.length === 0) return entries;
      for (const { name, ino, type, entry, cookie: next } of part) {
        cookie = next;
        if (name === '.' || name === '..') continue;
        entries.push({ name, ino, type });
        if (entry !== undefined) await this.#linkListed(directory, name, entry, since);
      }
    }
  }

  /** fuse_direntplus_link: the epoch is that of now, not that of the request. */
  async #linkListed(parent: KernelInode, name: ByteString, entry: Entry, since: number): Promise<void> {
    const state = this.#state;
    const { epoch } = state;
    const inode = await state.enter(entry, since);
    const known = state.names.get(parent.ino, name);
    if (known?.inode === inode) {
      known.validUntilMs = state.until(entry.entryValidMs);
      known.epoch = epoch;
    } else {
      if (known !== undefined) state.names.drop(known);
      const validUntilMs = state.until(entry.entryValidMs);
      state.names.set({ parent: parent.ino, name, inode, validUntilMs, epoch });
    }
    state.letGo(inode);
  }

  /** fuse_dentry_revalidate: what the name means, if it may be used, with its inode held; it is gone otherwise. */
  async #revalidate(dentry: Dentry, freshness: Freshness): Promise<Dentry | undefined> {
    const state = this.#state;
    const isTimely = state.clock.nowMs() < dentry.validUntilMs && freshness === 'cached';
    if (dentry.epoch === state.epoch && isTimely) return this.#held(dentry);
    if (dentry.epoch !== state.epoch || dentry.inode === undefined) {
      state.names.drop(dentry);
      return undefined;
    }
    const { inode } = dentry;
    const since = state.attributeVersion;
    state.hold(inode);
    try {
      const entry = await state.request((vfs) => vfs.lookup(superuser, dentry.parent, dentry.name));
      if (entry !== undefined) state.letGo(await state.enter(entry, since));
      if (entry?.attributes.ino === inode.ino) {
        dentry.validUntilMs = state.until(entry.entryValidMs);
        return dentry;
      }
    } catch (error) {
      state.names.drop(dentry);
      state.letGo(inode);
      throw error;
    }
    state.names.drop(dentry);
    state.letGo(inode);
    return undefined;
  }

  /** The parent's lock is held, and so is the inode then. An absent name that may not be kept is given as one that is not in the cache. */
  async #lookupLocked(parent: KernelInode, name: ByteString, freshness: Freshness): Promise<Dentry> {
    const key = `${parent.ino}/${name}`;
    for (let under = this.#lookups.get(key); under !== undefined; under = this.#lookups.get(key)) await under;
    const known = this.#state.names.get(parent.ino, name);
    const usable = known && (await this.#revalidate(known, freshness));
    if (usable !== undefined) return usable;
    const running = this.#ask(parent, name);
    const ended = running.then(
      () => undefined,
      () => undefined,
    );
    this.#lookups.set(key, ended);
    try {
      return await running;
    } finally {
      this.#lookups.delete(key);
    }
  }

  async #ask(parent: KernelInode, name: ByteString): Promise<Dentry> {
    const state = this.#state;
    const { epoch, attributeVersion } = state;
    const found = await state.request((vfs) => vfs.find(superuser, parent.ino, name));
    const validUntilMs = state.until(found.entryValidMs);
    const entry = found.attributes === undefined ? undefined : found;
    const inode = entry && (await state.enter(entry, attributeVersion));
    const dentry: Dentry = { parent: parent.ino, name, inode, validUntilMs, epoch };
    state.names.set(dentry);
    return dentry;
  }

  /** A name is to be made: it is looked up afresh, and an existing one is refused here. */
  async #changing<T>(parent: KernelInode, name: ByteString, make: () => Promise<T>): Promise<T> {
    const state = this.#state;
    await state.permission(parent);
    const unlock = await parent.lock.take('alone');
    try {
      const { inode } = await this.#lookupLocked(parent, name, 'fresh');
      if (inode !== undefined) {
        state.letGo(inode);
        return refuse('exists', name);
      }
      return await make();
    } catch (error) {
      if (isStatus(error, 'exists')) this.#drop(parent.ino, name);
      throw error;
    } finally {
      unlock();
    }
  }

  /** Replies to what makes an inode are taken whatever happened meanwhile. */
  async #made(parent: KernelInode, name: ByteString, { entry, epoch }: { entry: Entry; epoch: number }) {
    const state = this.#state;
    const inode = await state.enter(entry, 0);
    state.names.set({ parent: parent.ino, name, inode, validUntilMs: state.until(entry.entryValidMs), epoch });
    state.directoryChanged(parent);
    return inode;
  }

  #held(dentry: Dentry): Dentry {
    if (dentry.inode !== undefined) this.#state.hold(dentry.inode);
    return dentry;
  }

  #drop(parent: Ino, name: ByteString, how: 'with all below' | 'alone' = 'with all below'): void {
    const dentry = this.#state.names.get(parent, name);
    if (dentry === undefined) return;
    if (how === 'alone') this.#state.names.set({ ...dentry, inode: undefined, validUntilMs: 0 });
    else this.#state.names.drop(dentry);
  }
}
