import { chain, type Ino, type Maybe } from '#base';
import type { DirectoryEntry } from '#protocol';
import { fopen, fsyncDataOnly, replyBodyBytes } from './numbers.table.ts';
import { operation } from './operation.ts';
import { emptyReply, encodeEntry, type Reply } from './replies.ts';
import type { Request, RequestContext } from './request.ts';
import { Attr, Dirent, EntryHead, FsyncIn, OpenIn, OpenOut, ReadIn, ReleaseIn } from './wire.table.ts';

/** Requests about directories. They are open without a handle: a listing resumes by its cookie alone. */

const dirent = new Dirent();
const openOut = new OpenOut();
const entryBytes = EntryHead.size + Attr.size;
/** Of a name as most are, in a listing whose size is to be guessed. */
const typicalNameBytes = 16;

/** One answer to READDIR or READDIRPLUS: as many of `entries` as fit into `limitBytes`. */
interface Listing {
  readonly directory: Ino;
  readonly entries: readonly DirectoryEntry[];
  readonly limitBytes: number;
  readonly plus: boolean;
  /** Inodes of which a reference was lent. */
  readonly delivered: Ino[];
}

const recordBytes = (nameBytes: number): number => (Dirent.size + nameBytes + 7) & ~7;

/**
 * Every entry that is read and then does not fit is read again, and every one that is missing costs a part of a
 * round trip; so for as many as fit if their names are of the usual length.
 */
function entryLimit(limitBytes: number, plus: boolean): number {
  const each = recordBytes(typicalNameBytes) + (plus ? entryBytes : 0);
  return Math.max(1, Math.ceil(limitBytes / each));
}

function list(request: Request, cookie: number, size: number, plus: boolean): Maybe<Listing> {
  const limitBytes = Math.min(size, replyBodyBytes);
  const directory = request.nodeid;
  const entries = request.vfs.readdir(directory, cookie, entryLimit(limitBytes, plus), plus, request.caller());
  return chain(entries, (found) => ({ directory, entries: found, limitBytes, plus, delivered: [] }));
}

const listingReply: Reply<Listing> = {
  encode(frame, listing, { vfs }) {
    const { bytes, view } = frame;
    const end = frame.bodyStart + listing.limitBytes;
    const headBytes = listing.plus ? entryBytes : 0;
    let at = frame.bodyStart;
    for (const entry of listing.entries) {
      const { length } = entry.name;
      const next = at + headBytes + recordBytes(length);
      if (next > end) break;
      if (listing.plus) {
        const { attributes } = entry;
        if (attributes === undefined) {
          // Inode 0: the kernel takes the name only, and no reference.
          bytes.fill(0, at, at + headBytes);
        } else {
          encodeEntry(view, at, vfs.deliver(attributes, listing.directory, entry.name));
          listing.delivered.push(attributes.ino);
        }
        at += headBytes;
      }
      dirent.at(view, at);
      dirent.ino = entry.ino;
      dirent.cookie = entry.cookie;
      dirent.nameLength = length;
      dirent.type = entry.type >>> 12;
      // The last 8 bytes first: what the name does not cover of them must be zero.
      view.setFloat64(next - 8, 0);
      bytes.latin1Write(entry.name, at + Dirent.size, length);
      at = next;
    }
    return at - frame.bodyStart;
  },
};

function forgetDelivered({ vfs }: RequestContext, listing: Listing): void {
  for (const ino of listing.delivered) vfs.forget(ino, 1);
}

/**
 * The kernel keeps the listing until something in the directory changes: all that changes it passes through this
 * kernel, or is announced by a notification. Without a lease nothing is announced, and it keeps none.
 */
const directoryReply: Reply<Ino> = {
  encode(frame, directory, { vfs }) {
    openOut.at(frame.view, frame.bodyStart);
    openOut.handle = 0;
    openOut.openFlags = vfs.mayKeepListing(directory) ? fopen.cacheDir | fopen.keepCache : 0;
    openOut.backingId = 0;
    return OpenOut.size;
  },
};

const read = { window: new ReadIn(), bytes: ReadIn.size };

export const directoryOperations = [
  operation({
    opcode: 27,
    name: 'OPENDIR',
    arguments: { window: new OpenIn(), bytes: OpenIn.size },
    interrupt: 'finish',
    call(request) {
      const directory = request.nodeid;
      return chain(request.vfs.opendir(request.caller(), directory), () => directory);
    },
    reply: directoryReply,
  }),
  operation({
    opcode: 28,
    name: 'READDIR',
    arguments: read,
    interrupt: 'finish',
    call: (request, { position, size }) => list(request, position, size, false),
    reply: listingReply,
  }),
  operation({
    opcode: 44,
    name: 'READDIRPLUS',
    arguments: read,
    interrupt: 'finish',
    call: (request, { position, size }) => list(request, position, size, true),
    reply: listingReply,
    undo: forgetDelivered,
  }),
  operation({
    opcode: 29,
    name: 'RELEASEDIR',
    arguments: { window: new ReleaseIn(), bytes: ReleaseIn.size },
    interrupt: 'finish',
    call: () => undefined,
    reply: emptyReply,
  }),
  operation({
    opcode: 30,
    name: 'FSYNCDIR',
    arguments: { window: new FsyncIn(), bytes: FsyncIn.size },
    interrupt: 'finish',
    call: (request, { fsyncFlags }) => request.vfs.fsync(request.nodeid, (fsyncFlags & fsyncDataOnly) !== 0),
    reply: emptyReply,
  }),
];
