import type { ByteString, Ino } from '#base';
import { type Attributes, FS_NOATIME_FL, type LeaseGrant, leases } from '#protocol';
import type { DroppedNames } from '../kernel-caches.ts';
import { Listing } from './listing.ts';

/** What a name means, and at which serial that was so. */
interface CachedName {
  /** Undefined: nothing. */
  readonly ino: Ino | undefined;
  readonly serial: number;
}

/** Names that the kernel was lent in one directory and that are remembered one by one. */
const lentNamesMax = 8;
/** Estimates, for the bound on memory. */
const objectBytes = 600;
const nameBytes = 150;
const entryBytes = 250;

/** What a client knows of one inode. Whether it may be believed is for the caller to know: leases, time, doubts. */
export class CachedObject {
  readonly ino: Ino;
  /** Bits of the leases that are held. */
  kinds = 0;
  /** Of the latest grant. */
  grantNumber = 0;
  /** Looked at since the last sweep. */
  isUsed = true;
  attributes: Attributes | undefined;
  attributesSerial = 0;
  /** Where there are no leases: how long they are believed. */
  attributesUntilMs = 0;
  /** Own changes under way, after which the attributes will be others. */
  doubts = 0;
  target: ByteString | undefined;
  absentXattrs: Set<ByteString> | undefined;
  /** Grows with each own change of names: a listing that was on its way then has a hole. */
  namesVersion = 0;
  listing: Listing | undefined;
  /** Names that the kernel may have. */
  lent: Set<ByteString> | 'many' | undefined;
  /** Of a directory; good as long as its attributes are. */
  #parent: Ino | undefined;
  #attributesSince = 0;
  #namesSince = 0;
  #names: Map<ByteString, CachedName> | undefined;
  #nameDoubts: Map<ByteString, number> | undefined;

  constructor(ino: Ino) {
    this.ino = ino;
  }

  /** Roughly how much memory all of this takes. */
  get bytes(): number {
    return objectBytes + nameBytes * (this.#names?.size ?? 0) + entryBytes * (this.listing?.size ?? 0);
  }

  holds(kind: keyof typeof leases): boolean {
    return (this.kinds & leases[kind].bit) !== 0;
  }

  /** Leases are held from `serial` on; those that were held already are older. */
  grant({ kinds, number }: LeaseGrant, serial: number): void {
    this.grantNumber = Math.max(this.grantNumber, number);
    const added = kinds & ~this.kinds;
    this.kinds |= kinds;
    if ((added & leases.attr.bit) !== 0) this.#attributesSince = serial;
    if ((added & leases.entries.bit) !== 0) this.#namesSince = serial;
  }

  /** These leases are over, and so is what they covered. */
  end(kinds: number): void {
    this.kinds &= ~kinds;
    if ((kinds & leases.attr.bit) !== 0) this.forgetAttributes();
    if ((kinds & leases.entries.bit) !== 0) this.forgetNames();
  }

  forgetAttributes(): void {
    this.attributes = undefined;
    this.attributesSerial = 0;
    this.absentXattrs = undefined;
    this.#parent = undefined;
  }

  forgetNames(): void {
    this.#names = undefined;
    this.listing = undefined;
    this.namesVersion += 1;
    this.lent = undefined;
  }

  /** Whether a value of `serial` is neither older than the lease nor than what is known. */
  takesAttributes(serial: number): boolean {
    return serial >= this.#attributesSince && serial >= this.attributesSerial;
  }

  learnAttributes(attributes: Attributes, serial: number): void {
    // A directory that was moved has another ctime.
    if (serial > this.attributesSerial) this.#parent = undefined;
    this.attributes = attributes;
    this.attributesSerial = serial;
  }

  get parent(): Ino | undefined {
    return this.#parent;
  }

  learnParent(parent: Ino, serial: number): void {
    if (this.attributes !== undefined && serial >= this.attributesSerial) this.#parent = parent;
  }

  // ---- names ----

  /** What `name` means: an inode, `absent`, or undefined where that is not known or in doubt. */
  meaning(name: ByteString): Ino | 'absent' | undefined {
    if (this.#nameDoubts?.has(name)) return;
    const known = this.#names?.get(name);
    if (known !== undefined) return known.ino ?? 'absent';
    if (this.listing === undefined) return;
    return this.listing.find(name)?.ino ?? (this.listing.isComplete ? 'absent' : undefined);
  }

  learnName(name: ByteString, ino: Ino | undefined, serial: number): void {
    if (serial < this.#namesSince) return;
    this.#names ??= new Map();
    const known = this.#names.get(name);
    if (known === undefined || known.serial <= serial) this.#names.set(name, { ino, serial });
  }

  /** A change of the client's own: `ino` undefined where nothing has the name now, 'unknown' where that is not known. */
  changeName(name: ByteString, ino: Ino | undefined | 'unknown', serial: number): void {
    this.namesVersion += 1;
    if (ino === undefined) this.listing?.remove(name);
    else if (this.listing?.find(name)?.ino !== ino) this.listing = undefined;
    if (ino === 'unknown') this.#names?.delete(name);
    else this.learnName(name, ino, serial);
  }

  doubtName(name: ByteString): void {
    this.#nameDoubts ??= new Map();
    this.#nameDoubts.set(name, (this.#nameDoubts.get(name) ?? 0) + 1);
  }

  trustName(name: ByteString): void {
    const left = (this.#nameDoubts?.get(name) ?? 1) - 1;
    if (left > 0) this.#nameDoubts?.set(name, left);
    else this.#nameDoubts?.delete(name);
    if (this.#nameDoubts?.size === 0) this.#nameDoubts = undefined;
  }

  get isInDoubt(): boolean {
    return this.doubts > 0 || this.#nameDoubts !== undefined;
  }

  /** Part of a listing, sent for when `namesVersion` was `version`. */
  learnEntries(part: ListingPart, version: number): void {
    if (version !== this.namesVersion || this.listing?.isComplete === true || part.serial < this.#namesSince) return;
    if (part.cookie === 0) this.listing = new Listing();
    if (this.listing?.end !== part.cookie) return;
    if (!this.listing.append(part.entries, part.isLast)) this.listing = undefined;
  }

  lendName(name: ByteString): void {
    if (this.lent === 'many') return;
    this.lent ??= new Set();
    this.lent.add(name);
    if (this.lent.size > lentNamesMax) this.lent = 'many';
  }
}

export interface ListingPart {
  /** After which it begins. */
  readonly cookie: number;
  readonly entries: Parameters<Listing['append']>[0];
  readonly isLast: boolean;
  readonly serial: number;
}

/** What an own change has put in doubt. */
export interface Doubt {
  readonly objects: readonly CachedObject[];
  readonly directories: readonly { readonly directory: CachedObject; readonly name: ByteString }[];
}

/** Of the names that the kernel may have, those that lose their lease; `changed` is the only one that changes. */
export function namesToDrop(lent: CachedObject['lent'], changed: ByteString | undefined): DroppedNames {
  if (lent === undefined) return 'none';
  if (lent === 'many' || changed === undefined || lent.size > 1 || !lent.has(changed)) return 'all';
  return { only: changed };
}

const dayInSeconds = 86_400;

/** As relatime does: when it is not after mtime and ctime, or a day old. The server decides likewise. */
export function movesAtime(attributes: Attributes, nowSec: number): boolean {
  const { atimeSec, atimeNsec, mtimeSec, mtimeNsec, ctimeSec, ctimeNsec, flags } = attributes;
  if ((flags & FS_NOATIME_FL) !== 0) return false;
  const isAfter = (sec: number, nsec: number): boolean => atimeSec > sec || (atimeSec === sec && atimeNsec > nsec);
  return !isAfter(mtimeSec, mtimeNsec) || !isAfter(ctimeSec, ctimeNsec) || nowSec - atimeSec >= dayInSeconds;
}
