import { type ByteString, type Clock, FsError, type Ino, sleep } from '#base';
import type { DroppedNames, KernelCaches } from '#vfs';

/** The notifications that take copies back; see `Notifications`. */
export interface Notices {
  invalidateInode(ino: Ino, offset: number, length: number): Promise<boolean>;
  invalidateDirectory(ino: Ino): Promise<boolean>;
  invalidateEntry(parent: Ino, name: ByteString): Promise<boolean>;
  incrementEpoch(): Promise<boolean>;
}

export interface KernelCachesOptions {
  readonly notices: Notices;
  readonly clock: Clock;
  /** The kernel knows INC_EPOCH. */
  readonly incrementEpoch: boolean;
  /** Whether the kernel was lent a reference to an inode that it has not given back. */
  readonly isKnown: (ino: Ino) => boolean;
}

/**
 * INVAL_ENTRY waits for whoever works in the directory, perhaps for the very call that this recall holds up; pages wait
 * for reads and writes of them. Longer than this it is not waited for.
 */
const namesMs = 1;
const pagesMs = 2;
/** The first reply about an inode may still be on its way to the caller that will cache it: so long it is asked again. */
const unknownMs = [1, 2, 4];
/** Notifications sent at a time where all is dropped. */
const droppedAtOnce = 1024;

/**
 * Takes the kernel's copies back, in the order of docs/design/0005-cluster.md. Where what takes them away must wait,
 * something that never waits makes the kernel ask before it believes them again, and the rest follows.
 */
export class FuseKernelCaches implements KernelCaches {
  readonly #options: KernelCachesOptions;

  constructor(options: KernelCachesOptions) {
    this.#options = options;
  }

  get namesCanBeLent(): boolean {
    return this.#options.incrementEpoch;
  }

  dropAttributes(ino: Ino): Promise<void> {
    const { notices } = this.#options;
    return this.#certainly(ino, () => notices.invalidateInode(ino, -1, 0));
  }

  async dropContent(ino: Ino): Promise<void> {
    const { notices, clock } = this.#options;
    const dropped = this.#certainly(ino, () => notices.invalidateInode(ino, 0, 0));
    if (await isTimely(dropped, clock, pagesMs)) return;
    // The next read(2) finds the attributes missing, asks, and drops pages of another mtime.
    await this.dropAttributes(ino);
  }

  async dropNames(directory: Ino, names: DroppedNames): Promise<void> {
    const { notices, clock, isKnown } = this.#options;
    // Whatever the kernel knows below a directory holds on to it.
    if (!isKnown(directory)) return;
    const listing = this.#certainly(directory, () => notices.invalidateDirectory(directory));
    if (names !== 'none') {
      // Also where all go: what a listing under way brings is entered as if it were asked for now, so it ends first.
      const name = names === 'all' ? '.' : names.only;
      const entry = done(notices.invalidateEntry(directory, name));
      const timely = await isTimely(entry, clock, namesMs);
      if (names === 'all' || !timely) await done(notices.incrementEpoch());
      if (names === 'all' && !timely) void entry.then(() => done(notices.incrementEpoch()));
    }
    await listing;
  }

  async dropAll(inos: Iterable<Ino>): Promise<void> {
    const { notices } = this.#options;
    let sent = [done(notices.incrementEpoch())];
    for (const ino of inos) {
      sent.push(done(notices.invalidateInode(ino, -1, 0)));
      // Pages and listings follow; until they are gone, they are asked for before they are believed.
      void done(notices.invalidateInode(ino, 0, 0));
      if (sent.length < droppedAtOnce) continue;
      await Promise.all(sent);
      sent = [];
    }
    await Promise.all(sent);
  }

  /** Of an inode that the kernel does not know yet nothing is dropped, and its first reply would be believed. */
  async #certainly(ino: Ino, drop: () => Promise<boolean>): Promise<void> {
    const { clock, isKnown } = this.#options;
    if (!isKnown(ino)) return;
    let found = await done(drop());
    for (const pauseMs of unknownMs) {
      if (found || !isKnown(ino)) return;
      await sleep(clock, pauseMs);
      found = await done(drop());
    }
  }
}

/** The mount has ended, or its notifications are too many: there is nothing more that could be done. */
async function done(notice: Promise<boolean>): Promise<boolean> {
  try {
    return await notice;
  } catch (error) {
    if (error instanceof FsError) return true;
    throw error;
  }
}

async function isTimely(work: Promise<unknown>, clock: Clock, withinMs: number): Promise<boolean> {
  let timely = false;
  const ended = work.then(() => {
    timely = true;
  });
  await Promise.race([ended, sleep(clock, withinMs)]);
  return timely;
}
