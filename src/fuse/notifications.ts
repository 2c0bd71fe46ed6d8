import { type ByteString, FsError, type Ino } from '#base';
import type { KernelFeatures } from './handshake.ts';
import { expireOnly, notifyCode, outHeaderBytes } from './numbers.table.ts';
import {
  DeleteOut,
  InvalEntryOut,
  InvalInodeOut,
  OutHeader,
  PollOut,
  PruneOut,
  RetrieveOut,
  StoreOut,
} from './wire.table.ts';

/** What a notification may wait for in the kernel; one that waits holds up those behind it on its lane. */
export type NotificationLane = 'names' | 'pages' | 'nothing';

/** Writes messages to the kernel, from one thread for each lane. `done` gets the length written, or `-errno`. */
export interface NotificationSender {
  notify(message: Uint8Array, lane: NotificationLane, done?: (result: number) => void): boolean;
}

/**
 * What the daemon tells the kernel unasked. Each of these returns once the kernel has done it, which may be only
 * after requests that are under way have been answered (INVAL_ENTRY waits for operations in its directory,
 * INVAL_INODE for reads and writes of the pages): so never wait for one before answering a request.
 *
 * A promise gives whether the kernel knew the object; not to know it is as good as having dropped it. It fails with
 * `noMemory` when 65,536 notifications are queued, and with what the kernel refused otherwise.
 */
export class Notifications {
  readonly #sender: NotificationSender;
  readonly #features: KernelFeatures;

  constructor(sender: NotificationSender, features: KernelFeatures) {
    this.#sender = sender;
    this.#features = features;
  }

  /**
   * Drops attributes, ACLs and the pages of a range; `length` 0 means to the end. Of a directory, offset 0 drops its
   * cached listing. With `offset` below 0 pages stay, and nothing is waited for.
   */
  invalidateInode(ino: Ino, offset: number, length: number): Promise<boolean> {
    return this.#send(encodeInvalidateInode(ino, offset, length), offset < 0 ? 'nothing' : 'pages');
  }

  /** Drops attributes and the cached listing of a directory. Never waits. */
  invalidateDirectory(ino: Ino): Promise<boolean> {
    return this.#send(encodeInvalidateInode(ino, 0, 0), 'nothing');
  }

  /** Drops a name. Open files below it show as deleted. */
  invalidateEntry(parent: Ino, name: ByteString): Promise<boolean> {
    return this.#send(encodeInvalidateEntry(parent, name, 0), 'names');
  }

  /** The kernel looks the name up again before it uses it; nothing else happens to it. */
  expireEntry(parent: Ino, name: ByteString): Promise<boolean> {
    return this.#send(encodeInvalidateEntry(parent, name, expireOnly), 'names');
  }

  /** A name and its inode are gone: watchers of the inode are told. */
  delete(parent: Ino, child: Ino, name: ByteString): Promise<boolean> {
    return this.#send(encodeDelete(parent, child, name), 'names');
  }

  /** Every name is looked up again at its next use. Never waits. False where the kernel cannot (before 7.44). */
  incrementEpoch(): Promise<boolean> {
    return this.#features.incrementEpoch
      ? this.#send(message(notifyCode.incEpoch, 0), 'nothing')
      : Promise.resolve(false);
  }

  /** Forgets unused inodes. False where the kernel cannot (before 7.45). */
  prune(inos: readonly Ino[]): Promise<boolean> {
    return this.#features.prune ? this.#send(encodePrune(inos), 'nothing') : Promise.resolve(false);
  }

  /** Puts data into the page cache. */
  store(ino: Ino, offset: number, data: Uint8Array): Promise<boolean> {
    return this.#send(encodeStore(ino, offset, data), 'pages');
  }

  /** Requests that were read and not answered come again, with bit 63 of `unique` set. */
  resend(): Promise<boolean> {
    return this.#send(message(notifyCode.resend, 0), 'nothing');
  }

  #send(bytes: Uint8Array, lane: NotificationLane): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const queued = this.#sender.notify(bytes, lane, (result) => {
        if (result >= 0 || result === -ENOENT) resolve(result >= 0);
        else reject(new FsError('io', `a notification was refused: errno ${-result}`));
      });
      if (!queued) reject(new FsError('noMemory', 'too many notifications are queued, or the mount has ended'));
    });
  }
}

const ENOENT = 2;

/** A notification of `bodyBytes` with its header filled in. */
function message(code: number, bodyBytes: number): Buffer {
  const bytes = Buffer.alloc(outHeaderBytes + bodyBytes);
  const out = new OutHeader().at(viewOf(bytes), 0);
  out.length = bytes.length;
  // A notification answers nothing: unique is 0 and the code stands in the place of the error.
  out.error = code;
  return bytes;
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export function encodeInvalidateInode(ino: Ino, offset: number, length: number): Buffer {
  const bytes = message(notifyCode.invalInode, InvalInodeOut.size);
  Object.assign(new InvalInodeOut().at(viewOf(bytes), outHeaderBytes), { ino, position: offset, length });
  return bytes;
}

export function encodeInvalidateEntry(parent: Ino, name: ByteString, flags: number): Buffer {
  const bytes = message(notifyCode.invalEntry, InvalEntryOut.size + name.length + 1);
  const body = { parent, nameLength: name.length, flags };
  Object.assign(new InvalEntryOut().at(viewOf(bytes), outHeaderBytes), body);
  bytes.write(name, outHeaderBytes + InvalEntryOut.size, 'latin1');
  return bytes;
}

export function encodeDelete(parent: Ino, child: Ino, name: ByteString): Buffer {
  const bytes = message(notifyCode.delete, DeleteOut.size + name.length + 1);
  Object.assign(new DeleteOut().at(viewOf(bytes), outHeaderBytes), { parent, child, nameLength: name.length });
  bytes.write(name, outHeaderBytes + DeleteOut.size, 'latin1');
  return bytes;
}

export function encodeStore(nodeid: Ino, offset: number, data: Uint8Array): Buffer {
  const bytes = message(notifyCode.store, StoreOut.size + data.length);
  Object.assign(new StoreOut().at(viewOf(bytes), outHeaderBytes), { nodeid, position: offset, size: data.length });
  bytes.set(data, outHeaderBytes + StoreOut.size);
  return bytes;
}

/** The pages come in a NOTIFY_REPLY whose unique is `notifyUnique`. */
export function encodeRetrieve(notifyUnique: number, nodeid: Ino, range: { offset: number; size: number }): Buffer {
  const bytes = message(notifyCode.retrieve, RetrieveOut.size);
  const body = { notifyUnique, nodeid, position: range.offset, size: range.size };
  Object.assign(new RetrieveOut().at(viewOf(bytes), outHeaderBytes), body);
  return bytes;
}

export function encodePollWakeup(kernelHandle: number): Buffer {
  const bytes = message(notifyCode.poll, PollOut.size);
  new PollOut().at(viewOf(bytes), outHeaderBytes).kernelHandle = kernelHandle;
  return bytes;
}

export function encodePrune(inos: readonly Ino[]): Buffer {
  const bytes = message(notifyCode.prune, PruneOut.size + inos.length * 8);
  new PruneOut().at(viewOf(bytes), outHeaderBytes).count = inos.length;
  inos.forEach((ino, index) => {
    bytes.writeBigUInt64LE(BigInt(ino), outHeaderBytes + PruneOut.size + index * 8);
  });
  return bytes;
}
