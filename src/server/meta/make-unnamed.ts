import type { Maybe } from '#base';
import { type Attributes, type RequestOf, S_IFMT, S_IFREG } from '#protocol';
import type { Volume } from '../volume.ts';
import { requireMayAdd } from './guard.ts';
import { putInode, requireDirectory, wallTime } from './inode.ts';
import { makeOrphan } from './links.ts';
import { newInode } from './new-inode.ts';
import { transactOpening } from './opens.ts';
import { attributesOf, trait } from './records.ts';

/** open(O_TMPFILE). */
export function makeUnnamed(volume: Volume, request: RequestOf<'makeUnnamed'>): Maybe<Attributes> {
  const { caller, umask } = request;
  const mode = S_IFREG | (request.mode & ~S_IFMT);
  const now = wallTime(volume);
  return transactOpening(volume, (tx, opened) => {
    const parent = requireDirectory(tx, request.parent);
    requireMayAdd(tx, parent, caller);
    const inode = newInode(tx, parent, { ino: volume.inos.next(tx), mode, umask, rdev: 0, caller }, now);
    inode.traits |= trait.unnamed;
    makeOrphan(volume, tx, inode, parent.ino);
    putInode(tx, inode);
    opened(inode.ino);
    return attributesOf(inode);
  });
}
