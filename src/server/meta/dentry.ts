import { type ByteString, fail, type Ino, nameMaxBytes } from '#base';
import { S_IFMT } from '#protocol';
import type { Snapshot, Transaction } from '../kv/transaction.ts';
import { key } from './keys.ts';
import type { NameMarks, NewDirectories } from './new-directories.ts';

/**
 * Names in directories. A name's key is its directory and a hash of the name; the value is the bucket of all names
 * with that hash, nearly always one. An entry keeps its ordinal within the bucket for life, so that
 * cookie = hash × 8 + ordinal is a position in the listing that stays valid whatever comes and goes.
 *
 * An entry: ordinal (1 byte), type (1, DT_*), inode number (8, little-endian), length of the name (1), the name.
 * It is read byte by byte: a bucket is read once per lookup, and a DataView over it would cost more than the reading.
 */
export interface Dentry {
  readonly ino: Ino;
  /** File type bits of the mode (`S_IF*`). */
  readonly type: number;
  readonly cookie: number;
}

/** Where a name is or would be: its bucket as it was read. */
export interface DentrySlot {
  readonly key: ByteString;
  readonly hash: number;
  readonly name: ByteString;
  /** Of a directory that is new in this run: what has no mark is absent. */
  readonly marks: NameMarks | undefined;
  bucket: Uint8Array | undefined;
  /** The name's entry; undefined when there is none. */
  entry: Dentry | undefined;
}

export interface NamedDentry extends Dentry {
  readonly name: ByteString;
}

const ordinals = 8;
const headerBytes = 11;
const noBytes = new Uint8Array(0);

/** What a name's place is found with. */
export interface Naming {
  readonly hashSeed: number;
  readonly newDirectories?: NewDirectories;
}

/** Reads the bucket of a name. Fails with `nameTooLong` and `invalid` for what cannot be a name. */
export function dentrySlot(snapshot: Snapshot, naming: Naming, parent: Ino, name: ByteString): DentrySlot {
  const hash = hashName(naming.hashSeed, name);
  const slotKey = key.dentry(parent, hash);
  const marks = naming.newDirectories?.marksOf(parent);
  const bucket = marks === undefined || marks.has(hash) ? snapshot.get(slotKey) : undefined;
  return { key: slotKey, hash, name, marks, bucket, entry: bucket && findEntry(bucket, hash, name) };
}

/** Whether `name` is surely absent from `parent`, as far as that can be told without the store. */
export function isSurelyAbsent(naming: Naming, parent: Ino, name: ByteString): boolean {
  const marks = naming.newDirectories?.marksOf(parent);
  return marks !== undefined && !marks.has(hashName(naming.hashSeed, name));
}

/** Reads the bucket again, after another slot's change that may have touched it. */
export function refreshSlot(snapshot: Snapshot, slot: DentrySlot): void {
  slot.bucket = snapshot.get(slot.key);
  slot.entry = slot.bucket && findEntry(slot.bucket, slot.hash, slot.name);
}

/** Adds the name, which must be absent; returns its cookie. */
export function addDentry(tx: Transaction, slot: DentrySlot, ino: Ino, mode: number): number {
  slot.marks?.add(slot.hash);
  const old = slot.bucket ?? noBytes;
  const ordinal = freeOrdinal(old);
  const bytes = new Uint8Array(old.length + headerBytes + slot.name.length);
  bytes.set(old);
  writeEntry(bytes, old.length, ordinal, slot.name);
  writeTarget(bytes, old.length, ino, mode);
  tx.put(slot.key, bytes);
  slot.bucket = bytes;
  return slot.hash * ordinals + ordinal;
}

/** Lets the name, which must be present, mean another inode; its cookie stays. */
export function replaceDentry(tx: Transaction, slot: DentrySlot, ino: Ino, mode: number): void {
  const bytes = new Uint8Array(slot.bucket!);
  writeTarget(bytes, entryOffset(bytes, slot.name), ino, mode);
  tx.put(slot.key, bytes);
  slot.bucket = bytes;
}

/** Removes the name, which must be present. */
export function removeDentry(tx: Transaction, slot: DentrySlot): void {
  const old = slot.bucket!;
  const at = entryOffset(old, slot.name);
  const end = at + headerBytes + slot.name.length;
  slot.entry = undefined;
  if (at === 0 && end === old.length) {
    tx.delete(slot.key);
    slot.bucket = undefined;
    return;
  }
  const bytes = new Uint8Array(old.length - (end - at));
  bytes.set(old.subarray(0, at));
  bytes.set(old.subarray(end), at);
  tx.put(slot.key, bytes);
  slot.bucket = bytes;
}

/** For repair: takes one name out of the bucket under `bucketKey`, whatever its hash. */
export function removeNameFromBucket(tx: Transaction, bucketKey: ByteString, name: ByteString): void {
  const bucket = tx.get(bucketKey);
  if (bucket === undefined || entryOffset(bucket, name) < 0) return;
  removeDentry(tx, { key: bucketKey, hash: 0, name, marks: undefined, bucket, entry: undefined });
}

/** For repair: corrects the file type that a name tells. */
export function retypeNameInBucket(
  tx: Transaction,
  bucketKey: ByteString,
  fix: { name: ByteString; mode: number },
): void {
  const bucket = tx.get(bucketKey);
  const at = bucket === undefined ? -1 : entryOffset(bucket, fix.name);
  if (at < 0) return;
  const bytes = new Uint8Array(bucket!);
  bytes[at + 1] = (fix.mode & S_IFMT) >> 12;
  tx.put(bucketKey, bytes);
}

/** All entries of a bucket, by ordinal. */
export function decodeBucket(bucket: Uint8Array, hash: number): NamedDentry[] {
  const entries: NamedDentry[] = [];
  for (let at = 0; at < bucket.length; at += headerBytes + bucket[at + 10]!) {
    entries.push({ ...readEntry(bucket, at, hash), name: readName(bucket, at) });
  }
  return entries.length > 1 ? entries.sort((a, b) => a.cookie - b.cookie) : entries;
}

/** Whether the bytes are whole entries with ordinals of their own. */
export function isWellFormedBucket(bucket: Uint8Array): boolean {
  let used = 0;
  let at = 0;
  while (at + headerBytes < bucket.length) {
    const bit = 1 << bucket[at]!;
    if (bucket[at]! >= ordinals || (used & bit) !== 0 || bucket[at + 10] === 0) return false;
    used |= bit;
    at += headerBytes + bucket[at + 10]!;
  }
  return at === bucket.length && at > 0;
}

export function cookieHash(cookie: number): number {
  return Math.floor(cookie / ordinals);
}

/**
 * 50 bits of a keyed hash, never 0: two lanes of 32-bit multiplication, each mixed at the end (the finalizer of
 * MurmurHash3). The seed is the volume's secret, so that nobody can choose names that collide.
 */
export function hashName(seed: number, name: ByteString): number {
  if (name.length > nameMaxBytes) fail('nameTooLong', `a name of ${name.length} bytes; ${nameMaxBytes} are allowed`);
  if (name.length === 0) fail('notFound', 'an empty name');
  let a = seed ^ 0x2545f491;
  let b = Math.imul(seed, 0x9e3779b1) ^ name.length;
  for (let i = 0; i < name.length; i++) {
    const byte = name.charCodeAt(i);
    if (byte === 0 || byte === slash || byte > 255) fail('invalid', `a name with the character ${byte}`);
    a = Math.imul(a ^ byte, 0x85ebca6b);
    a ^= a >>> 15;
    b = Math.imul(b ^ byte, 0xc2b2ae35);
    b ^= b >>> 13;
  }
  const high = finish(a ^ Math.imul(b, 0x27d4eb2f)) >>> 7;
  const low = finish(b ^ Math.imul(a, 0x165667b1)) >>> 7;
  return high * twoTo25 + low || 1;
}

const slash = 47;
const twoTo25 = 33_554_432;

function finish(lane: number): number {
  let h = lane ^ (lane >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}

function findEntry(bucket: Uint8Array, hash: number, name: ByteString): Dentry | undefined {
  const at = entryOffset(bucket, name);
  return at < 0 ? undefined : readEntry(bucket, at, hash);
}

/** Where the entry of `name` begins; -1 when there is none. */
function entryOffset(bucket: Uint8Array, name: ByteString): number {
  for (let at = 0; at < bucket.length; at += headerBytes + bucket[at + 10]!) {
    if (nameEquals(bucket, at, name)) return at;
  }
  return -1;
}

function nameEquals(bucket: Uint8Array, at: number, name: ByteString): boolean {
  if (bucket[at + 10] !== name.length) return false;
  for (let i = 0; i < name.length; i++) {
    if (bucket[at + headerBytes + i] !== name.charCodeAt(i)) return false;
  }
  return true;
}

function readEntry(bucket: Uint8Array, at: number, hash: number): Dentry {
  const low = bucket[at + 2]! | (bucket[at + 3]! << 8) | (bucket[at + 4]! << 16) | (bucket[at + 5]! << 24);
  const high = bucket[at + 6]! | (bucket[at + 7]! << 8) | (bucket[at + 8]! << 16);
  const ino = (high * 4294967296 + (low >>> 0)) as Ino;
  return { ino, type: bucket[at + 1]! << 12, cookie: hash * ordinals + bucket[at]! };
}

function readName(bucket: Uint8Array, at: number): ByteString {
  const end = at + headerBytes + bucket[at + 10]!;
  let name = '';
  for (let i = at + headerBytes; i < end; i++) name += String.fromCharCode(bucket[i]!);
  return name;
}

function writeEntry(bytes: Uint8Array, at: number, ordinal: number, name: ByteString): void {
  bytes[at] = ordinal;
  bytes[at + 10] = name.length;
  for (let i = 0; i < name.length; i++) bytes[at + headerBytes + i] = name.charCodeAt(i);
}

function writeTarget(bytes: Uint8Array, at: number, ino: Ino, mode: number): void {
  const high = Math.floor(ino / 4294967296);
  bytes[at + 1] = (mode & S_IFMT) >> 12;
  bytes[at + 2] = ino;
  bytes[at + 3] = ino >>> 8;
  bytes[at + 4] = ino >>> 16;
  bytes[at + 5] = ino >>> 24;
  bytes[at + 6] = high;
  bytes[at + 7] = high >>> 8;
  bytes[at + 8] = high >>> 16;
}

function freeOrdinal(bucket: Uint8Array): number {
  let used = 0;
  for (let at = 0; at < bucket.length; at += headerBytes + bucket[at + 10]!) used |= 1 << bucket[at]!;
  for (let ordinal = 0; ordinal < ordinals; ordinal++) {
    if ((used & (1 << ordinal)) === 0) return ordinal;
  }
  return fail('noSpace', `${ordinals} names of one directory have the same hash`);
}
