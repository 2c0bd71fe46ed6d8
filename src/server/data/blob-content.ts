import { chain, FsError, type Ino, type Maybe } from '#base';
import type { Caller } from '#protocol';
import type { BlobStat } from '../blob/blob-store.ts';
import type { Transaction } from '../kv/transaction.ts';
import { staysRecent } from '../meta/ino-allocator.ts';
import { putInode } from '../meta/inode.ts';
import { key } from '../meta/keys.ts';
import { type Inode, trait } from '../meta/records.ts';
import type { Volume } from '../volume.ts';
import { dropPrivileges, inlineContent, isInBlob, putChanged, requireFile } from './content.ts';
import { mergeStat } from './lent-blobs.ts';
import { unsyncedMark } from './unsynced.ts';

/*
 * The record says how large a file is, the blob may be longer or shorter. Longer: a write reached it whose record
 * did not become durable; those bytes are never shown, and whoever extends the file over them cuts them off first.
 * Shorter: what is missing is zeros. Only while a blob is lent, the file itself has the say.
 */

/** The blob of an inode that has one; a missing one contradicts the record. */
export async function statBlob(volume: Volume, ino: Ino): Promise<BlobStat> {
  try {
    return await volume.blobs.stat(ino);
  } catch (cause) {
    throw explained(cause, ino);
  }
}

/** Turns the absence of a blob that a record promises into a sentence. */
export function explained(cause: unknown, ino: Ino): unknown {
  if (!(cause instanceof FsError) || cause.status !== 'notFound') return cause;
  return new FsError('corrupted', `inode ${ino}: its blob is missing; run cfs fsck`, { cause });
}

/** How large the file is now, and its blob's state, ready to be extended from that size on. */
export async function prepareBlob(
  volume: Volume,
  ino: Ino,
  inode: Inode,
): Promise<{ size: number; stat: BlobStat; trim: () => Promise<void> }> {
  const stat = await statBlob(volume, ino);
  const size = volume.lent.get(ino) === undefined ? inode.size : stat.size;
  const trim = async (): Promise<void> => {
    if (stat.size > size) await volume.blobs.truncate(ino, size);
  };
  return { size, stat, trim };
}

export interface BlobChange {
  /** The file ends at least here now. */
  end?: number;
  /** The file ends exactly here now. */
  size?: number;
  killPrivileges: boolean;
  keepCapabilities?: boolean | undefined;
  caller?: Caller | undefined;
  /** Of the call, when it is known by now: kept with the change. */
  reply?: unknown;
}

/** Brings the record in line with a blob that was just changed. */
export async function recordBlobChange(volume: Volume, ino: Ino, change: BlobChange): Promise<void> {
  // A reply that is kept with its effect promises the content too: a repetition would not bring it again.
  if (volume.keepReply !== undefined) await volume.blobs.sync(ino, false);
  const stat = await volume.blobs.stat(ino);
  const grown = await volume.store.transact((tx) => {
    const inode = requireFile(tx, ino);
    const before = inode.size;
    const lent = volume.lent.get(ino);
    if (lent !== undefined) {
      mergeStat(inode, stat);
      inode.dataVersion += 1;
      dropPrivileges(tx, inode, change);
      putInode(tx, inode);
    } else {
      inode.size = change.size ?? Math.max(before, change.end ?? 0);
      inode.blocks = stat.blocks;
      putChanged(volume, tx, inode, change);
    }
    volume.keepReply?.(tx, change.reply);
    // While it is lent for writing, its key says already that the file knows better.
    if (inode.size <= before || (lent !== undefined && lent.writers > 0)) return false;
    markUnsynced(volume, tx, ino);
    return true;
  });
  if (grown) volume.unsynced.blobGrew(ino);
}

/**
 * Runs `shrink`, which makes a blob shorter and then its record. The disk may keep the first and lose the second: the
 * old size, with zeros where the file ended before. So the mark that lets the record follow the blob has to be durable
 * before. That costs a commit once for each time the blob was synced.
 */
export async function shrinking(volume: Volume, ino: Ino, shrink: () => Promise<void>): Promise<void> {
  volume.unsynced.shrinks(ino);
  try {
    if (!volume.unsynced.isMarkDurable(ino)) await markDurably(volume, ino);
    await shrink();
  } finally {
    volume.unsynced.shrank(ino);
  }
}

async function markDurably(volume: Volume, ino: Ino): Promise<void> {
  await volume.store.transact((tx) => {
    // The mark of a file that is lent for writing says more.
    if (tx.get(key.lent(ino)) === undefined) tx.put(key.lent(ino), unsyncedMark);
  });
  try {
    await volume.store.flush();
  } catch (cause) {
    // A full disk may be what the truncation is to mend.
    if (!(cause instanceof FsError) || cause.status !== 'noSpace') throw cause;
    return;
  }
  volume.unsynced.markIsDurable(ino);
}

/** Sees to it that a crash cannot leave a size whose bytes never reached the disk. */
function markUnsynced(volume: Volume, tx: Transaction, ino: Ino): void {
  if (!volume.unsynced.hasBlob(ino)) tx.put(key.lent(ino), unsyncedMark);
}

/**
 * Moves inline content to a blob of its own, empty content too. Runs in the inode's turn. The blob is synced before
 * the record may name it wherever someone may rely on the content: else a power cut could leave a durable record
 * without the bytes that were durable inline.
 */
export async function spill(volume: Volume, ino: Ino): Promise<void> {
  const inline = await volume.store.read((tx) => {
    const inode = requireFile(tx, ino);
    if (isInBlob(inode)) return undefined;
    const content = inlineContent(tx, inode) ?? new Uint8Array(0);
    return { content, size: inode.size, isFound: staysRecent(tx, ino) };
  });
  if (inline === undefined) return;
  // A crash may leave the blob without a record that names it. Of an older inode only the mark tells the next start.
  if (!inline.isFound) await markDurably(volume, ino);
  await makeBlob(volume, ino);
  try {
    await fillBlob(volume, ino, inline);
    let isSynced = inline.size === 0;
    // Until the record names the blob, an fsync that comes in between makes the inline content durable.
    while (!(await volume.store.transact((tx) => nameBlob(volume, tx, ino, isSynced)))) {
      await volume.blobs.sync(ino, false);
      isSynced = true;
    }
  } catch (cause) {
    await volume.blobs.remove(ino);
    if (!inline.isFound) await unmarkRemoved(volume, ino);
    throw cause;
  }
  volume.unsynced.inlineSettled(ino);
  volume.unsynced.blobGrew(ino);
}

async function unmarkRemoved(volume: Volume, ino: Ino): Promise<void> {
  await volume.blobs.syncRemoved([ino]);
  await volume.store.transact((tx) => tx.delete(key.lent(ino)));
}

/** Gives the blob the whole size, zeros at the end included: after a crash the record is cut down to what it has. */
async function fillBlob(volume: Volume, ino: Ino, inline: { content: Uint8Array; size: number }): Promise<void> {
  const { content, size } = inline;
  if (content.length > 0) {
    const written = await volume.blobs.write(ino, 0, content);
    if (written < content.length) throw new FsError('noSpace', `inode ${ino}: no space for its blob`);
  }
  if (content.length < size) await volume.blobs.truncate(ino, size);
}

/** False when the blob must be synced before the record may name it. */
function nameBlob(volume: Volume, tx: Transaction, ino: Ino, isSynced: boolean): boolean {
  if (!isSynced && (volume.keepReply !== undefined || volume.unsynced.mayBePromised(ino))) return false;
  const inode = requireFile(tx, ino);
  if (inode.blocks > 0) tx.delete(key.content(ino));
  inode.traits |= trait.blob;
  putInode(tx, inode);
  markUnsynced(volume, tx, ino);
  return true;
}

/** A blob that is there already was made before a crash, for a record that did not become durable. */
function makeBlob(volume: Volume, ino: Ino): Maybe<void> {
  const anew = (cause: unknown): Maybe<void> => {
    if (!(cause instanceof FsError) || cause.status !== 'exists') throw cause;
    return chain(volume.blobs.remove(ino), () => volume.blobs.create(ino));
  };
  try {
    const made = volume.blobs.create(ino);
    return made instanceof Promise ? made.catch(anew) : made;
  } catch (cause) {
    return anew(cause);
  }
}
