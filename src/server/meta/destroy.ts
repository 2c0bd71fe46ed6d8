import type { Attributes } from '#protocol';
import type { Transaction } from '../kv/transaction.ts';
import type { Volume } from '../volume.ts';
import { isRegular, isSymlink } from './inode.ts';
import { key } from './keys.ts';
import { attributesOf, type Inode, trait } from './records.ts';

const noValue = new Uint8Array(0);
/** How many extended attributes one step of a removal lists. */
const xattrBatch = 100;

/**
 * Removes an inode without names and opens, and everything that belongs to it; its blob goes later. Returns what it
 * was, for those who still hold on to it.
 */
export function destroyInode(volume: Volume, tx: Transaction, inode: Inode): Attributes {
  const { ino, traits } = inode;
  inode.nlink = 0;
  tx.delete(key.inode(ino));
  if ((traits & trait.xattrs) !== 0) removeXattrs(tx, inode);
  if (isSymlink(inode.mode)) tx.delete(key.target(ino));
  if (isRegular(inode.mode)) removeContent(volume, tx, inode);
  return attributesOf(inode);
}

function removeContent(volume: Volume, tx: Transaction, { ino, traits, blocks }: Inode): void {
  if ((traits & trait.blob) === 0) {
    // Inline content takes blocks; an empty or sparse file has no key.
    if (blocks > 0) tx.delete(key.content(ino));
    return;
  }
  if (tx.get(key.lent(ino)) !== undefined) tx.delete(key.lent(ino));
  tx.put(key.freed(ino), noValue);
  volume.collectSoon();
}

function removeXattrs(tx: Transaction, inode: Inode): void {
  const prefix = key.xattrs(inode.ino);
  for (;;) {
    const pairs = tx.list(prefix, prefix, xattrBatch);
    for (const pair of pairs) tx.delete(pair.key);
    if (pairs.length < xattrBatch) return;
  }
}
