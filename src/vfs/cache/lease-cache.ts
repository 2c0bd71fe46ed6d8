import type { ByteString, Clock, Ino } from '#base';
import { type Answer, type Attributes, type DirectoryEntry, leases, type Pushes, S_IFDIR, S_IFMT } from '#protocol';
import type { InodeTable } from '../inode-table.ts';
import { type KernelCaches, noKernelCaches } from '../kernel-caches.ts';
import type { VfsOptions } from '../options.ts';
import type { Validity } from '../validity.ts';
import { type CacheModeRow, cacheModes } from './cache-modes.table.ts';
import { type CachedObject, type Doubt, type ListingPart, movesAtime, namesToDrop } from './cached-object.ts';
import { Generations } from './generations.ts';
import { LeaseReturns } from './lease-returns.ts';
import type { LeaseCacheOptions, LeaseSession, SentCall } from './lease-session.ts';
import { ObjectTable, type ObjectTableLimits } from './object-table.ts';
import type { OwnChange } from './own-changes.ts';

/** About 200 MiB where all of it is used. */
const defaultLimits: ObjectTableLimits = { objects: 262_144, bytes: 128 * 1024 * 1024 };
/** What the kernel may believe is this part of a TTL. */
const validityPerTtl = 3;
/** This process looks at the clock so often, and was stopped when it did not for so long. */
const lookEveryMs = 250;
const stoppedMs = 1000;

/**
 * What a mount believes of a shared volume, and what it lets its kernel believe: only what leases cover (or, without
 * leases, what is young enough). A recall is obeyed in the order of docs/design/0005-cluster.md.
 */
export class LeaseCache implements Validity {
  readonly generations = new Generations();
  readonly #clock: Clock;
  readonly #session: LeaseSession;
  readonly #mode: CacheModeRow;
  readonly #bounds: VfsOptions;
  readonly #table: ObjectTable;
  readonly #returns: LeaseReturns;
  /** Objects that the kernel is still forgetting. */
  readonly #evicting = new Map<Ino, Promise<void>>();
  #kernel: KernelCaches = noKernelCaches;
  #inodes: InodeTable | undefined;
  #lookedAtMs: number;
  #settling: Promise<void> | undefined;
  #isClosed = false;

  constructor({ clock, session, mode, vfs, limits = defaultLimits }: LeaseCacheOptions) {
    this.#clock = clock;
    this.#session = session;
    this.#mode = cacheModes[mode];
    this.#bounds = vfs;
    this.#table = new ObjectTable(limits, (object) => this.#evicted(object));
    this.#returns = new LeaseReturns(clock, (given) => void session.sendOnce('returnLeases', { leases: given }));
    this.#lookedAtMs = clock.nowMs();
    this.#look();
  }

  /** The kernel that is lent to, and what it knows. */
  attach(kernel: KernelCaches, inodes: InodeTable): void {
    this.#kernel = kernel;
    this.#inodes = inodes;
  }

  get size(): number {
    return this.#table.size;
  }

  /** How many inodes leases are held on. */
  get leased(): number {
    let count = 0;
    for (const { kinds } of this.#table.values()) if (kinds !== 0) count += 1;
    return count;
  }

  close(): void {
    this.#isClosed = true;
    this.#returns.clear();
  }

  // ---- what is believed ----

  /**
   * To be asked before anything is answered: what to wait for where this process was stopped for long, so that the
   * kernel may have believed too much.
   */
  settling(): Promise<void> | undefined {
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#lookedAtMs > stoppedMs) this.endAll();
    this.#lookedAtMs = nowMs;
    return this.#settling;
  }

  attributes(ino: Ino): Attributes | undefined {
    const object = this.#table.get(ino);
    return object !== undefined && this.#believesAttributes(object) ? object.attributes : undefined;
  }

  meaning(parent: Ino, name: ByteString): Ino | 'absent' | undefined {
    const object = this.#namesOf(parent);
    return object?.meaning(name);
  }

  /** The parent of a directory. */
  parentOf(ino: Ino): Ino | undefined {
    return this.attributes(ino) && this.#table.get(ino)?.parent;
  }

  targetOf(ino: Ino): ByteString | undefined {
    return this.attributes(ino) && this.#table.get(ino)?.target;
  }

  lacksXattr(ino: Ino, name: ByteString): boolean {
    const attributes = this.attributes(ino);
    if (attributes === undefined) return false;
    if (name === 'security.capability') return !attributes.hasFileCapabilities;
    if (name === 'system.posix_acl_access' || name === 'system.posix_acl_default') return !attributes.hasAcl;
    return this.#table.get(ino)?.absentXattrs?.has(name) ?? false;
  }

  /** Undefined unless the whole directory is known, and all attributes where they are wanted. */
  entries(ino: Ino, cookie: number, limit: number, withAttributes: boolean): DirectoryEntry[] | undefined {
    const directory = this.#namesOf(ino);
    if (directory?.listing?.isComplete !== true || directory.isInDoubt) return;
    const found: DirectoryEntry[] = [];
    for (const entry of directory.listing.after(cookie, limit)) {
      const attributes = withAttributes ? this.attributes(entry.ino) : undefined;
      if (withAttributes && attributes === undefined) return;
      found.push(withAttributes ? { ...entry, attributes } : entry);
    }
    return found;
  }

  /** Whether the names of a directory are covered. */
  coversNames(ino: Ino): boolean {
    return this.#namesOf(ino) !== undefined;
  }

  /** Whether the kernel may keep pages of a file. */
  coversContent(ino: Ino): boolean {
    if (!this.#mode.leases) return true;
    return this.#isAlive() && (this.#table.get(ino)?.holds('read') ?? false);
  }

  // ---- what the kernel may believe ----

  attributesMs(attributes: Attributes): number {
    const object = this.#table.get(attributes.ino);
    if (object?.attributes !== attributes || !this.#believesAttributes(object)) return 0;
    const { attributeValidityMs } = this.#bounds;
    if (!this.#mode.leases) return Math.max(0, object.attributesUntilMs - this.#clock.nowMs());
    return Math.min(attributeValidityMs, this.#leaseMs());
  }

  nameMs(parent: Ino, name: ByteString, ino: Ino | undefined): number {
    const { entryValidityMs, negativeValidityMs } = this.#bounds;
    if (!this.#mode.leases)
      return this.#isDirectory(ino) ? Math.min(entryValidityMs, this.#bounds.attributeValidityMs) : 0;
    const object = this.#namesOf(parent);
    if (!this.#kernel.namesCanBeLent || object?.meaning(name) !== (ino ?? 'absent')) return 0;
    object.lendName(name);
    return Math.min(ino === undefined ? negativeValidityMs : entryValidityMs, this.#leaseMs());
  }

  /**
   * Names that an own rename has given a meaning: the kernel goes on to believe them for as long as it believed the
   * names that it moved. Where no lease covers them, that is to end before the rename is answered.
   */
  namesMoved(names: readonly { readonly parent: Ino; readonly name: ByteString }[]): Promise<unknown> | undefined {
    if (!this.#mode.leases) return;
    const drops: Promise<void>[] = [];
    for (const { parent, name } of names) {
      const directory = this.#namesOf(parent);
      if (directory === undefined) drops.push(this.#kernel.dropNames(parent, 'all'));
      else directory.lendName(name);
    }
    return drops.length === 0 ? undefined : Promise.all(drops);
  }

  /** Pages came to the kernel that no lease covers: they go again. */
  contentRead(ino: Ino): void {
    if (!this.coversContent(ino)) void this.#dropContent(ino);
  }

  // ---- what is learned ----

  sent(): SentCall {
    return { generation: this.generations.now };
  }

  /** Takes what was granted, and the attributes that came along. */
  learn({ generation }: SentCall, answer: Answer<unknown>, shown: Attributes | undefined): void {
    const { grants, also, serial } = answer;
    for (const grant of this.#mode.leases ? grants : []) {
      if (this.generations.isUnchanged(grant.ino, generation) && this.#isAlive()) {
        const object = this.#table.ensure(grant.ino);
        object.grant(grant, serial);
        this.#table.count(object);
      } else this.#returns.add(grant);
    }
    for (const attributes of also) this.learnAttributes(attributes, serial);
    if (shown !== undefined) this.learnAttributes(shown, serial);
  }

  learnAttributes(attributes: Attributes, serial: number): void {
    const object = this.#mode.leases ? this.#table.get(attributes.ino) : this.#table.ensure(attributes.ino);
    if (object === undefined || !object.takesAttributes(serial)) return;
    if (this.#mode.leases ? !object.holds('attr') : this.#bounds.attributeValidityMs === 0) return;
    object.learnAttributes(attributes, serial);
    object.attributesUntilMs = this.#clock.nowMs() + this.#bounds.attributeValidityMs;
    this.#table.count(object);
  }

  learnName(parent: Ino, name: ByteString, ino: Ino | undefined, serial: number): void {
    const object = this.#namesOf(parent);
    if (object === undefined) return;
    object.learnName(name, ino, serial);
    this.#table.count(object);
  }

  learnParent(ino: Ino, parent: Ino, serial: number): void {
    this.#table.get(ino)?.learnParent(parent, serial);
  }

  learnTarget(ino: Ino, target: ByteString): void {
    const object = this.#table.get(ino);
    if (object?.attributes !== undefined) object.target = target;
  }

  /** Whether reading it moves its access time, which nobody is told of. */
  movesAtime(ino: Ino): boolean {
    const attributes = this.#table.get(ino)?.attributes;
    if (attributes === undefined) return false;
    this.#clock.readWall();
    return movesAtime(attributes, this.#clock.wallSec);
  }

  /** The client has read it at the server. */
  accessed(ino: Ino): void {
    if (this.movesAtime(ino)) this.#table.get(ino)?.forgetAttributes();
  }

  /** An answer without a serial: believed where the lease was there all the time. */
  learnAbsentXattr({ generation }: SentCall, ino: Ino, name: ByteString): void {
    const object = this.#table.get(ino);
    if (object?.attributes === undefined || object.doubts > 0) return;
    if (!this.generations.isUnchanged(ino, generation)) return;
    object.absentXattrs ??= new Set();
    object.absentXattrs.add(name);
  }

  namesVersion(ino: Ino): number {
    return this.#table.get(ino)?.namesVersion ?? 0;
  }

  learnEntries(ino: Ino, part: ListingPart, namesVersion: number): void {
    const object = this.#namesOf(ino);
    if (object === undefined) return;
    object.learnEntries(part, namesVersion);
    this.#table.count(object);
  }

  // ---- own changes ----

  /** What an own change will change is not believed from here on; what the result gives ends that. */
  doubt({ inos, names }: OwnChange): Doubt {
    const objects = inos.map((ino) => this.#table.ensure(ino));
    for (const object of objects) object.doubts += 1;
    const directories = names.map(({ parent, name }) => ({ directory: this.#table.ensure(parent), name }));
    for (const { directory, name } of directories) directory.doubtName(name);
    return { objects, directories };
  }

  /** The change is known to be done at `serial`, and learned; or (0) it failed, or nobody knows when it was. */
  trust({ objects, directories }: Doubt, serial: number): void {
    for (const object of objects) {
      object.doubts -= 1;
      if (serial === 0 || object.attributesSerial < serial) object.forgetAttributes();
      object.absentXattrs = undefined;
    }
    for (const { directory, name } of directories) {
      directory.trustName(name);
      if (serial === 0) directory.changeName(name, 'unknown', 0);
    }
  }

  /** What a name means after an own change. */
  changeName(parent: Ino, name: ByteString, ino: Ino | undefined | 'unknown', serial: number): void {
    const object = this.#table.get(parent);
    if (object === undefined) return;
    if (object.holds('entries')) object.changeName(name, ino, serial);
    else object.forgetNames();
    this.#table.count(object);
  }

  // ---- the end of leases ----

  /** Obeys a recall: forgets at once, has the kernel forget, and then says so. */
  recall({ leases: recalled, awaited }: Pushes['recall']): void {
    const drops: Promise<void>[] = [];
    for (const { ino, kinds, name } of recalled) {
      this.generations.raise(ino);
      drops.push(this.#drop(this.#table.get(ino), ino, kinds, name), this.#evicting.get(ino) ?? Promise.resolve());
    }
    if (!awaited) return;
    const returned = recalled.map(({ ino, kinds, number }) => ({ ino, kinds, number }));
    void Promise.all(drops).then(() => this.#session.sendOnce('returnLeases', { leases: returned }));
  }

  /** Nothing that was believed counts any more, nor what is under way; until the kernel knows, calls wait. */
  endAll(): void {
    this.generations.raiseAll();
    this.#table.clear();
    this.#returns.clear();
    const settling = this.#kernel.dropAll(this.#inodes?.known() ?? []).finally(() => {
      if (this.#settling === settling) this.#settling = undefined;
    });
    this.#settling = settling;
  }

  reattached(): void {
    if (this.#mode.dropsWhenReattached) this.endAll();
  }

  #evicted(object: CachedObject): void {
    const { ino, kinds } = object;
    this.generations.raise(ino);
    if (kinds === 0) return;
    const dropped = this.#drop(object, ino, kinds, undefined).then(() => {
      if (this.#evicting.get(ino) === dropped) this.#evicting.delete(ino);
      this.#returns.add({ ino, kinds, number: object.grantNumber });
    });
    this.#evicting.set(ino, dropped);
  }

  async #drop(object: CachedObject | undefined, ino: Ino, kinds: number, name: ByteString | undefined): Promise<void> {
    const lent = object?.lent;
    object?.end(kinds);
    if (object !== undefined) this.#table.count(object);
    const drops: Promise<void>[] = [];
    if ((kinds & contentKinds) !== 0) drops.push(this.#dropContent(ino));
    else if ((kinds & leases.attr.bit) !== 0) drops.push(this.#kernel.dropAttributes(ino));
    if ((kinds & leases.entries.bit) !== 0) drops.push(this.#kernel.dropNames(ino, namesToDrop(lent, name)));
    await Promise.all(drops);
  }

  #dropContent(ino: Ino): Promise<void> {
    this.#inodes?.dropCache(ino);
    return this.#kernel.dropContent(ino);
  }

  /** Looks at the clock, so that it is noticed when nothing else does either. */
  #look(): void {
    this.#clock.after(lookEveryMs, () => {
      if (this.#isClosed) return;
      void this.settling();
      this.#look();
    });
  }

  #isAlive(): boolean {
    return this.#session.leaseLeftMs() > 0;
  }

  #leaseMs(): number {
    return Math.min(this.#session.ttlMs / validityPerTtl, this.#session.leaseLeftMs());
  }

  #believesAttributes(object: CachedObject): boolean {
    if (object.attributes === undefined || object.doubts > 0) return false;
    if (!this.#mode.leases) return this.#clock.nowMs() < object.attributesUntilMs;
    return object.holds('attr') && this.#isAlive();
  }

  #namesOf(ino: Ino): CachedObject | undefined {
    const object = this.#table.get(ino);
    return object?.holds('entries') && this.#isAlive() ? object : undefined;
  }

  #isDirectory(ino: Ino | undefined): boolean {
    const attributes = ino === undefined ? undefined : this.#table.get(ino)?.attributes;
    return attributes !== undefined && (attributes.mode & S_IFMT) === S_IFDIR;
  }
}

const contentKinds = leases.read.bit | leases.write.bit;
