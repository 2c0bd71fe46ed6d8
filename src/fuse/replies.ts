import { type ByteString, fail } from '#base';
import type { Attributes, VolumeStatistics } from '#protocol';
import type { Absence, CreatedFile, Entry, OpenedFile } from '#vfs';
import type { Frame } from './frame.ts';
import { pageBytes, statxAttributesMask, statxMask } from './numbers.table.ts';
import { openOutFields } from './open-flags.ts';
import type { RequestContext } from './request.ts';
import {
  Attr,
  AttrHead,
  CopyFileRangeOut,
  EntryHead,
  LseekOut,
  OpenOut,
  SizeOut,
  StatfsOut,
  StatxOut,
} from './wire.table.ts';

/** Writes an answer's body at `frame.bodyStart`; returns its length. */
export interface Reply<R> {
  encode(frame: Frame, result: R, context: RequestContext): number;
}

const attr = new Attr();
const attrHead = new AttrHead();
const entryHead = new EntryHead();
const openOut = new OpenOut();
const sizeOut = new SizeOut();
const lseekOut = new LseekOut();
const copyOut = new CopyFileRangeOut();
const statfsOut = new StatfsOut();
const statxOut = new StatxOut();

const entryBytes = EntryHead.size + Attr.size;

function encodeAttributes(view: DataView, at: number, from: Attributes): void {
  attr.at(view, at);
  attr.ino = from.ino;
  attr.size = from.size;
  attr.blocks = from.blocks;
  attr.atimeSec = from.atimeSec;
  attr.mtimeSec = from.mtimeSec;
  attr.ctimeSec = from.ctimeSec;
  attr.atimeNsec = from.atimeNsec;
  attr.mtimeNsec = from.mtimeNsec;
  attr.ctimeNsec = from.ctimeNsec;
  attr.mode = from.mode;
  attr.nlink = from.nlink;
  attr.uid = from.uid;
  attr.gid = from.gid;
  attr.rdev = from.rdev;
  attr.blockSize = pageBytes;
  attr.flags = 0;
}

const wholeSeconds = (ms: number): number => Math.floor(ms / 1000);
const restNsec = (ms: number): number => Math.floor((ms % 1000) * 1_000_000);

/** fuse_entry_out at `at`; its length. */
export function encodeEntry(view: DataView, at: number, entry: Entry): number {
  entryHead.at(view, at);
  entryHead.nodeid = entry.attributes.ino;
  // Inode numbers are never reused, so there is one generation.
  entryHead.generation = 0;
  // Asked once: in a shared volume both are worked out anew each time.
  const { entryValidMs, attributesValidMs } = entry;
  entryHead.entryValidSec = wholeSeconds(entryValidMs);
  entryHead.entryValidNsec = restNsec(entryValidMs);
  entryHead.attributesValidSec = wholeSeconds(attributesValidMs);
  entryHead.attributesValidNsec = restNsec(attributesValidMs);
  encodeAttributes(view, at + EntryHead.size, entry.attributes);
  return entryBytes;
}

function encodeOpened(view: DataView, at: number, file: OpenedFile, context: RequestContext): number {
  openOut.at(view, at);
  openOut.handle = file.handle;
  const { openFlags, backingId } = openOutFields(file, context.features);
  openOut.openFlags = openFlags;
  openOut.backingId = backingId;
  return OpenOut.size;
}

export const emptyReply: Reply<void> = { encode: () => 0 };

export const entryReply: Reply<Entry> = {
  encode: (frame, entry) => encodeEntry(frame.view, frame.bodyStart, entry),
};

/** LOOKUP: an absent name is an entry of inode 0, which the kernel may believe for a while, or else ENOENT. */
export const lookupReply: Reply<Entry | Absence> = {
  encode(frame, found) {
    if (found.attributes !== undefined) return encodeEntry(frame.view, frame.bodyStart, found);
    const validMs = found.entryValidMs;
    if (validMs === 0) fail('notFound', 'no such name');
    frame.bytes.fill(0, frame.bodyStart, frame.bodyStart + entryBytes);
    entryHead.at(frame.view, frame.bodyStart);
    entryHead.entryValidSec = wholeSeconds(validMs);
    entryHead.entryValidNsec = restNsec(validMs);
    return entryBytes;
  },
};

export const attributesReply: Reply<Entry> = {
  encode(frame, { attributes, attributesValidMs }) {
    attrHead.at(frame.view, frame.bodyStart);
    attrHead.attributesValidSec = wholeSeconds(attributesValidMs);
    attrHead.attributesValidNsec = restNsec(attributesValidMs);
    attrHead.padding = 0;
    encodeAttributes(frame.view, frame.bodyStart + AttrHead.size, attributes);
    return AttrHead.size + Attr.size;
  },
};

export const openedReply: Reply<OpenedFile> = {
  encode: (frame, file, context) => encodeOpened(frame.view, frame.bodyStart, file, context),
};

export const createdReply: Reply<CreatedFile> = {
  encode(frame, { entry, file }, context) {
    const length = encodeEntry(frame.view, frame.bodyStart, entry);
    return length + encodeOpened(frame.view, frame.bodyStart + length, file, context);
  },
};

/** Bytes; the runner sends long ones from where they are. */
export const bytesReply: Reply<Uint8Array> = {
  encode(frame, bytes) {
    if (bytes.length > frame.bodyLimit) fail('io', `a reply of ${bytes.length} bytes`);
    frame.bytes.set(bytes, frame.bodyStart);
    return bytes.length;
  },
};

export const textReply: Reply<ByteString> = {
  encode: (frame, text) => frame.bytes.latin1Write(text, frame.bodyStart, frame.bodyLimit),
};

/** WRITE and COPY_FILE_RANGE: how much was done. */
export const countReply: Reply<number> = {
  encode(frame, count) {
    sizeOut.at(frame.view, frame.bodyStart);
    sizeOut.size = count;
    sizeOut.padding = 0;
    return SizeOut.size;
  },
};

export const copiedReply: Reply<number> = {
  encode(frame, count) {
    copyOut.at(frame.view, frame.bodyStart).copied = count;
    return CopyFileRangeOut.size;
  },
};

export const offsetReply: Reply<number> = {
  encode(frame, offset) {
    lseekOut.at(frame.view, frame.bodyStart).position = offset;
    return LseekOut.size;
  },
};

export const statfsReply: Reply<VolumeStatistics> = {
  encode(frame, volume) {
    frame.bytes.fill(0, frame.bodyStart, frame.bodyStart + StatfsOut.size);
    statfsOut.at(frame.view, frame.bodyStart);
    statfsOut.blocks = volume.blocks;
    statfsOut.blocksFree = volume.blocksFree;
    statfsOut.blocksAvailable = volume.blocksAvailable;
    statfsOut.files = volume.files;
    statfsOut.filesFree = volume.filesFree;
    // Blocks are counted in fragments; two sizes only confuse df.
    statfsOut.blockSize = volume.blockSize;
    statfsOut.fragmentSize = volume.blockSize;
    statfsOut.nameMax = volume.nameMax;
    return StatfsOut.size;
  },
};

export const statxReply: Reply<Entry> = {
  encode(frame, { attributes, attributesValidMs }) {
    frame.bytes.fill(0, frame.bodyStart, frame.bodyStart + StatxOut.size);
    const out = statxOut.at(frame.view, frame.bodyStart);
    out.attributesValidSec = wholeSeconds(attributesValidMs);
    out.attributesValidNsec = restNsec(attributesValidMs);
    // All basic fields, or the kernel does not cache them.
    out.mask = statxMask;
    out.blockSize = pageBytes;
    out.statAttributes = attributes.flags & statxAttributesMask;
    out.statAttributesMask = statxAttributesMask;
    out.nlink = attributes.nlink;
    out.uid = attributes.uid;
    out.gid = attributes.gid;
    out.mode = attributes.mode;
    out.ino = attributes.ino;
    out.size = attributes.size;
    out.blocks = attributes.blocks;
    out.atimeSec = attributes.atimeSec;
    out.atimeNsec = attributes.atimeNsec;
    out.btimeSec = attributes.btimeSec;
    out.btimeNsec = attributes.btimeNsec;
    out.ctimeSec = attributes.ctimeSec;
    out.ctimeNsec = attributes.ctimeNsec;
    out.mtimeSec = attributes.mtimeSec;
    out.mtimeNsec = attributes.mtimeNsec;
    // The kernel splits a device number of stat as minor low 8 | major << 8 | minor high << 12.
    out.rdevMajor = (attributes.rdev >>> 8) & 0xfff;
    out.rdevMinor = (attributes.rdev & 0xff) | ((attributes.rdev >>> 12) & 0xfff00);
    return StatxOut.size;
  },
};
