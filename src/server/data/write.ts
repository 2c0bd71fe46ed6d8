import { chain, fail, type Maybe } from '#base';
import { fileSizeMaxBytes, type WriteReply, type WriteRequest } from '#protocol';
import type { Transaction } from '../kv/transaction.ts';
import type { Volume } from '../volume.ts';
import { explained, prepareBlob, recordBlobChange, spill } from './blob-content.ts';
import { inlineContent, isInBlob, putChanged, putInline, requireChangeable } from './content.ts';
import { syncContent } from './fsync.ts';
import { writeInline } from './inline-content.ts';

/**
 * write(2): all of `data`, at the file's end when `append`; fewer bytes only where the disk is full or the largest
 * size reached. A small file is written in one transaction and answered at once. Fails with `fileTooLarge`,
 * `noSpace`, `notPermitted` (immutable), `stale`.
 */
export function write(volume: Volume, request: WriteRequest): Maybe<WriteReply> {
  const reply = volume.exclusively(request.ino, () => writeContent(volume, request));
  return request.sync ? chain(reply, (done) => chain(syncContent(volume, request.ino, true), () => done)) : reply;
}

/** As `write`, for those whose turn it is already. */
export function writeContent(volume: Volume, request: WriteRequest): Maybe<WriteReply> {
  const inline = volume.store.transact((tx) => tryInline(volume, tx, request));
  if (inline instanceof Promise) return inline.then((reply) => reply ?? writeBlob(volume, request));
  return inline ?? writeBlob(volume, request);
}

/** Writes content that is small and stays small; undefined for any other. */
function tryInline(volume: Volume, tx: Transaction, request: WriteRequest): WriteReply | undefined {
  const inode = requireChangeable(tx, request.ino);
  if (isInBlob(inode)) return undefined;
  const offset = request.append ? inode.size : request.offset;
  const end = offset + request.data.length;
  if (end > volume.inlineLimitBytes) return undefined;
  if (end === offset) return { written: 0, end };
  const old = inlineContent(tx, inode);
  // Zeros that a truncation made are content too, and may be promised.
  if (inode.size === 0) volume.unsynced.startedInline(inode.ino);
  putInline(tx, inode, writeInline(old, offset, request.data), Math.max(inode.size, end));
  putChanged(volume, tx, inode, request);
  const reply = { written: request.data.length, end };
  volume.keepReply?.(tx, reply);
  return reply;
}

async function writeBlob(volume: Volume, request: WriteRequest): Promise<WriteReply> {
  const { ino } = request;
  const inode = await volume.store.read((tx) => requireChangeable(tx, ino));
  // An inline file's own size decides where an append goes, and what is too large must not make a blob.
  if (!isInBlob(inode)) {
    requireRoom(request.append ? inode.size : request.offset, request);
    await spill(volume, ino);
  }
  const { size, trim } = await prepareBlob(volume, ino, inode);
  const offset = request.append ? size : request.offset;
  const data = request.data.subarray(0, requireRoom(offset, request));
  if (data.length === 0) return { written: 0, end: offset };
  if (offset > size) await trim();
  const written = await writeBytes(volume, ino, offset, data);
  const end = offset + written;
  const reply = { written, end };
  await recordBlobChange(volume, ino, {
    end,
    killPrivileges: request.killPrivileges,
    keepCapabilities: request.keepCapabilities,
    caller: request.caller,
    reply,
  });
  return reply;
}

async function writeBytes(volume: Volume, ino: WriteRequest['ino'], offset: number, data: Uint8Array): Promise<number> {
  try {
    return await volume.blobs.write(ino, offset, data);
  } catch (cause) {
    throw explained(cause, ino);
  }
}

/** How many of the bytes the largest size allows; `fileTooLarge` when none. */
function requireRoom(offset: number, request: WriteRequest): number {
  const room = fileSizeMaxBytes - offset;
  if (room <= 0 && request.data.length > 0) {
    fail('fileTooLarge', `inode ${request.ino}: a write at ${offset} is beyond ${fileSizeMaxBytes} bytes`);
  }
  return Math.min(room, request.data.length);
}
