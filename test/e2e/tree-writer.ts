import { dirname } from 'node:path/posix';
import { below, type Random } from '#base';
import { type Actor, FALLOC, MAP, MS, O, PROT } from '../actor/index.ts';
import { bytesOf, type Piece, type TreeFact } from './tree-facts.ts';
import { clip, type Edit, type Sync, Thing } from './tree-thing.ts';

const thingsMax = 40;
const piecesMax = 12;
const handlesMax = 8;
const directoriesMax = 6;
/** How files are opened, beside the access. */
const syncFlags = [0, 0, 0, O.DSYNC, O.SYNC];
/** Beyond the largest content that lies in the metadata store, which is 16 KiB. */
const sizeMaxBytes = 60_000;

/**
 * An application that does to a tree of files whatever system calls can, syncs some of it in each way there is, and
 * tells what it was promised. It works in the directory of its actor, one call after the other.
 */
export class TreeWriter {
  readonly #random: Random;
  #actor!: Actor;
  #tell!: (fact: TreeFact) => Promise<void>;
  readonly #things = new Map<number, Thing>();
  readonly #steps: readonly (() => Promise<void>)[];
  #last = 0;

  constructor(random: Random) {
    this.#random = random;
    this.#steps = [
      ...times(4, () => this.#create()),
      () => this.#createUnnamed(),
      ...times(6, () => this.#write()),
      ...times(2, () => this.#append()),
      ...times(2, () => this.#truncate()),
      ...times(2, () => this.#allocate()),
      () => this.#map(),
      () => this.#copy(),
      ...times(2, () => this.#setAttributes()),
      ...times(3, () => this.#rename()),
      () => this.#link(),
      ...times(3, () => this.#unlink()),
      () => this.#mkdir(),
      () => this.#symlink(),
    ];
  }

  /** Goes on with another actor in the same directory. `tell` returns when what it is told is on record. */
  useActor(actor: Actor, tell: (fact: TreeFact) => Promise<void>): void {
    this.#actor = actor;
    this.#tell = tell;
    for (const thing of this.#things.values()) thing.fd = undefined;
  }

  async step(): Promise<void> {
    await this.#pick(this.#steps)();
  }

  // ---- files come ----

  async #create(): Promise<void> {
    if (this.#things.size >= thingsMax) return this.#unlink();
    const name = this.#newName('file');
    const thing = this.#newThing('file');
    const piece = this.#newPiece(thing, 0, this.#size());
    await this.#changing(thing, [name], piece);
    const flags = this.#pick([O.WRONLY, O.RDWR]) | this.#pick(syncFlags);
    const fd = await this.#actor.open(name, O.CREAT | O.EXCL | flags);
    thing.addName(name);
    await this.#put(fd, thing, piece);
    await this.#end(thing, fd, { flags, syncs: await this.#sync(fd, flags) });
  }

  async #createUnnamed(): Promise<void> {
    if (this.#things.size >= thingsMax) return this.#unlink();
    const name = this.#newName('file');
    const thing = this.#newThing('file');
    const piece = this.#newPiece(thing, 0, this.#size());
    await this.#changing(thing, [name], piece);
    const fd = await this.#actor.open(dirname(name), O.TMPFILE | O.RDWR);
    await this.#put(fd, thing, piece);
    if (this.#chance(3)) await this.#actor.fsync(fd);
    await this.#actor.linkDescriptor(fd, name);
    thing.addName(name);
    await this.#end(thing, fd, { flags: O.RDWR, syncs: await this.#sync(fd, 0) });
  }

  // ---- content ----

  async #write(): Promise<void> {
    await this.#edit((thing) => {
      const from = below(this.#random, thing.size + 2000);
      return { piece: this.#newPiece(thing, from, Math.min(from + this.#size(), sizeMaxBytes)) };
    });
  }

  async #append(): Promise<void> {
    await this.#edit((thing) => {
      const piece = this.#newPiece(thing, thing.size, thing.size + 1 + below(this.#random, 3000));
      return { piece, flags: O.APPEND };
    });
  }

  async #truncate(): Promise<void> {
    await this.#edit((thing) => ({
      call: async (fd) => {
        const size = below(this.#random, thing.size + 3000);
        await this.#actor.ftruncate(fd, size);
        thing.resize(size);
      },
    }));
  }

  async #allocate(): Promise<void> {
    await this.#edit((thing) => ({
      call: async (fd) => {
        const from = below(this.#random, thing.size + 1);
        const end = from + 1 + below(this.#random, 9000);
        const mode = this.#pick([0, FALLOC.PUNCH_HOLE | FALLOC.KEEP_SIZE, FALLOC.ZERO_RANGE, FALLOC.KEEP_SIZE]);
        await this.#actor.fallocate(fd, mode, from, end - from);
        thing.cut(from, (mode & (FALLOC.PUNCH_HOLE | FALLOC.ZERO_RANGE)) === 0 ? from : end);
        if ((mode & FALLOC.KEEP_SIZE) === 0) thing.size = Math.max(thing.size, end);
      },
    }));
  }

  /** Writes through a mapping. */
  async #map(): Promise<void> {
    const thing = this.#pickThing();
    if (thing === undefined || thing.size === 0) return;
    const from = below(this.#random, thing.size);
    const piece = this.#newPiece(thing, from, Math.min(thing.size, from + 1 + below(this.#random, 6000)));
    await this.#changing(thing, [], piece);
    const fd = await this.#actor.open(this.#nameOf(thing), O.RDWR);
    // Past the daemon msync(2) syncs the bytes alone: the rest has to be durable before.
    await this.#actor.fsync(fd);
    thing.synced('all');
    const mapping = await this.#actor.mmap(fd, thing.size, PROT.READ | PROT.WRITE, MAP.SHARED);
    await this.#actor.store(mapping, from, bytesOf(piece));
    thing.cover(piece);
    const syncs = this.#chance(3) ? 'nothing' : 'data';
    if (syncs === 'data') await this.#actor.msync(mapping, MS.SYNC);
    await this.#actor.munmap(mapping);
    await this.#end(thing, fd, { flags: 0, syncs });
  }

  /** Copies a range to the same place of another file. */
  async #copy(): Promise<void> {
    const source = this.#pickThing();
    if (source === undefined || source.size === 0) return;
    const from = below(this.#random, source.size);
    const to = Math.min(source.size, from + 1 + below(this.#random, 20_000));
    const pieces = source.pieces.flatMap((piece) => clip(piece, from, to));
    await this.#edit((thing) => ({
      pieces,
      call: async (fd) => {
        if (thing === source) return;
        const sourceFd = await this.#actor.open(this.#nameOf(source));
        await this.#actor.copyFileRange(sourceFd, from, fd, from, to - from);
        await this.#actor.close(sourceFd);
        thing.cut(from, to);
        thing.size = Math.max(thing.size, to);
        for (const piece of pieces) thing.cover(piece);
      },
    }));
  }

  async #setAttributes(): Promise<void> {
    await this.#edit((thing) => ({
      call: async (fd) => {
        const choice = below(this.#random, 3);
        if (choice === 0) {
          thing.mode = this.#pick([0o600, 0o640, 0o644, 0o755]);
          await this.#actor.fchmod(fd, thing.mode);
        } else if (choice === 1) {
          await this.#actor.futimens(fd, 'omit', BigInt(below(this.#random, 2 ** 31)) * 1_000_000_007n);
        } else {
          thing.xattr = `value ${below(this.#random, 1000)}`;
          await this.#actor.setxattr(this.#nameOf(thing), 'user.test', thing.xattr);
        }
        thing.attributesChanged();
      },
    }));
  }

  /** The whole file anew, as most programs save theirs. */
  async #rewrite(thing: Thing): Promise<void> {
    const piece = this.#newPiece(thing, 0, this.#size());
    await this.#changing(thing, [], piece);
    const flags = this.#pick([O.WRONLY, O.RDWR]);
    const fd = await this.#actor.open(this.#nameOf(thing), O.TRUNC | flags);
    thing.resize(0);
    await this.#put(fd, thing, piece);
    await this.#end(thing, fd, { flags, syncs: await this.#sync(fd, 0) });
  }

  /** One change of a file through a handle, and what is promised after it. */
  async #edit(plan: (thing: Thing) => Edit): Promise<void> {
    const thing = this.#pickThing();
    if (thing === undefined) return;
    if (thing.pieces.length > piecesMax) return this.#rewrite(thing);
    const { piece, pieces = [], flags: append = 0, call } = plan(thing);
    await this.#changing(thing, [], ...(piece === undefined ? pieces : [piece]));
    const isKept = thing.fd !== undefined && append === 0;
    const flags = isKept ? 0 : append | this.#pick(syncFlags);
    const fd = isKept ? thing.fd! : await this.#actor.open(this.#nameOf(thing), O.RDWR | flags);
    // An O_DSYNC write promises itself, and nothing that was written before it.
    const promises = piece !== undefined && !thing.isContentDirty;
    if (piece !== undefined) await this.#put(fd, thing, piece);
    await call?.(fd);
    const syncs = await this.#sync(fd, promises ? flags : 0);
    await this.#end(thing, isKept ? undefined : fd, { flags: O.RDWR | flags, syncs });
  }

  // ---- names ----

  async #rename(): Promise<void> {
    const thing = this.#pickThing();
    if (thing === undefined) return;
    const from = this.#nameOf(thing);
    const over = this.#chance(2) ? this.#pickThing() : undefined;
    const replaced = over === thing ? undefined : over;
    const to = replaced === undefined ? this.#newName('file') : this.#nameOf(replaced);
    if (replaced !== undefined) await this.#changing(replaced, []);
    await this.#changing(thing, [to]);
    await this.#actor.rename(from, to);
    const wasClean = !thing.isLinkCountDirty;
    thing.removeName(from);
    thing.addName(to);
    const isDurable = await this.#syncDirectories(from, to);
    if (isDurable) {
      await this.#tell({ kind: 'gone', name: from });
      thing.nameSynced(to, wasClean);
    }
    await this.#end(thing, undefined, { flags: 0, syncs: 'nothing' });
    if (replaced !== undefined) await this.#loseName(replaced, to, isDurable);
  }

  async #link(): Promise<void> {
    const thing = this.#pickThing();
    if (thing === undefined) return;
    const name = this.#newName('file');
    await this.#changing(thing, [name]);
    await this.#actor.link(this.#nameOf(thing), name);
    await this.#gotName(thing, name);
  }

  async #unlink(): Promise<void> {
    const thing = this.#pick([...this.#things.values()].filter(({ type }) => type !== 'directory'));
    if (thing === undefined) return;
    const name = this.#nameOf(thing);
    await this.#changing(thing, []);
    await this.#actor.unlink(name);
    const isDurable = await this.#syncDirectories(name);
    if (isDurable) await this.#tell({ kind: 'gone', name });
    await this.#loseName(thing, name, isDurable);
  }

  async #loseName(thing: Thing, name: string, isDurable: boolean): Promise<void> {
    const wasClean = !thing.isLinkCountDirty;
    thing.removeName(name);
    if (isDurable && wasClean) thing.isLinkCountDirty = false;
    if (thing.names.size > 0) return this.#end(thing, undefined, { flags: 0, syncs: 'nothing' });
    this.#things.delete(thing.id);
    // A handle that stays open keeps an inode without names, which the next start has to remove.
    if (thing.fd !== undefined && this.#chance(2)) await this.#actor.close(thing.fd);
  }

  async #mkdir(): Promise<void> {
    if (this.#directories().length > directoriesMax) return;
    const thing = this.#newThing('directory');
    const name = this.#newName('dir');
    await this.#changing(thing, [name]);
    await this.#actor.mkdir(name, thing.mode);
    await this.#gotName(thing, name);
  }

  async #symlink(): Promise<void> {
    if (this.#things.size >= thingsMax) return this.#unlink();
    const thing = this.#newThing('symlink', `target-${below(this.#random, 1000)}`);
    const name = this.#newName('link');
    await this.#changing(thing, [name]);
    await this.#actor.symlink(thing.target!, name);
    await this.#gotName(thing, name);
  }

  async #gotName(thing: Thing, name: string): Promise<void> {
    thing.addName(name);
    if (await this.#syncDirectories(name)) thing.nameSynced(name, false);
    await this.#end(thing, undefined, { flags: 0, syncs: 'nothing' });
  }

  // ---- the record ----

  async #changing(thing: Thing, moreNames: readonly string[], ...pieces: readonly Piece[]): Promise<void> {
    for (const piece of pieces) thing.origins.set(`${piece.id} ${piece.version}`, piece);
    const names = [...thing.names, ...moreNames];
    const { id, formerNames, origins } = thing;
    await this.#tell({ kind: 'changing', id, names, formerNames: [...formerNames], pieces: [...origins.values()] });
  }

  /** Tells what is promised of a thing after a change, and closes its handle or keeps it. */
  async #end(thing: Thing, fd: number | undefined, how: { flags: number; syncs: Sync }): Promise<void> {
    thing.synced(how.syncs);
    const names = [...thing.names].filter((name) => !thing.dirtyNames.has(name));
    if (names.length > 0) {
      const { mtime } = await this.#actor.lstat(names[0]!);
      await this.#tell({ kind: 'object', id: thing.id, names, state: thing.promised(String(mtime)) });
    }
    if (fd === undefined) return;
    const kept = [...this.#things.values()].filter((each) => each.fd !== undefined).length;
    if (how.flags === O.RDWR && thing.fd === undefined && kept < handlesMax) thing.fd = fd;
    else await this.#actor.close(fd);
  }

  /** Syncs a file in one of the ways there are, perhaps only by the `flags` of its handle. */
  async #sync(fd: number, flags: number): Promise<Sync> {
    if ((flags & O.DSYNC) !== 0 && !this.#chance(4)) return 'data';
    const choice = below(this.#random, 10);
    if (choice < 4) await this.#actor.fsync(fd);
    else if (choice < 6) await this.#actor.fdatasync(fd);
    return choice < 4 ? 'all' : choice < 6 ? 'data' : 'nothing';
  }

  /** Syncs the directories of these names, or not. */
  async #syncDirectories(...names: readonly string[]): Promise<boolean> {
    if (this.#chance(3)) return false;
    for (const directory of new Set(names.map(dirname))) {
      const fd = await this.#actor.open(directory, O.DIRECTORY);
      await this.#actor.fsync(fd);
      await this.#actor.close(fd);
    }
    return true;
  }

  async #put(fd: number, thing: Thing, piece: Piece): Promise<void> {
    const bytes = bytesOf(piece);
    const half = below(this.#random, bytes.length + 1);
    for (const [from, to] of [
      [0, half],
      [half, bytes.length],
    ] as const) {
      if (to > from) await this.#actor.pwrite(fd, bytes.subarray(from, to), piece.from + from);
    }
    thing.cover(piece);
  }

  #newThing(type: Thing['type'], target?: string): Thing {
    this.#last += 1;
    const mode = type === 'directory' ? 0o755 : 0o644;
    const thing = new Thing(this.#last, type, target === undefined ? { mode } : { mode, target });
    this.#things.set(thing.id, thing);
    return thing;
  }

  #newPiece({ id }: Thing, from: number, to: number): Piece {
    this.#last += 1;
    return { from, to: Math.max(from, to), id, version: this.#last };
  }

  #newName(kind: string): string {
    this.#last += 1;
    const directory = kind === 'dir' ? '.' : this.#pick(this.#directories());
    return directory === '.' ? `${kind}-${this.#last}` : `${directory}/${kind}-${this.#last}`;
  }

  #directories(): string[] {
    return [
      '.',
      ...[...this.#things.values()].filter(({ type }) => type === 'directory').flatMap((thing) => [...thing.names]),
    ];
  }

  #size(): number {
    return below(this.#random, this.#chance(4) ? sizeMaxBytes : 6000);
  }

  #nameOf({ names }: Thing): string {
    return this.#pick([...names]);
  }

  /** A file. */
  #pickThing(): Thing | undefined {
    return this.#pick([...this.#things.values()].filter(({ type, names }) => type === 'file' && names.size > 0));
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[below(this.#random, choices.length)]!;
  }

  /** One time in `of`. */
  #chance(of: number): boolean {
    return below(this.#random, of) === 0;
  }
}

function times<T>(count: number, step: T): T[] {
  return new Array<T>(count).fill(step);
}
