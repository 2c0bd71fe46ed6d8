import { FsError, fail, type Ino, rootIno } from '#base';
import type { Snapshot } from '../kv/transaction.ts';
import { getInode, isDirectory } from '../meta/inode.ts';
import { key } from '../meta/keys.ts';
import { placeOfLinkKey, placeOfOrphan } from '../meta/links.ts';
import { type Inode, trait } from '../meta/records.ts';

/** Deeper than any path can be walked; only a loop in a broken store gets there. */
const depthMax = 1_000_000;
/** No file has more names. */
const namesMax = 65_000;

/** How a call means an inode; absence and being elsewhere are told alike, so that nobody can find out which it is. */
export type Role = 'parent' | 'inode';

/**
 * Fails unless `ino` is `root` or below it: a directory by where it is, anything else by any of its names. One
 * without names is there only for a session that has it open (`isOpen`).
 *
 * The records are walked anew each time, a microsecond a step: nothing has to be forgotten when a directory moves.
 */
export function requireBelow(
  snapshot: Snapshot,
  { ino, role }: { ino: Ino; role: Role },
  { root, isOpen }: { root: Ino; isOpen: (ino: Ino) => boolean },
): void {
  const inode = getInode(snapshot, ino);
  if (inode === undefined) absent(ino, role);
  if (inode.nlink === 0 && !isDirectory(inode.mode)) {
    if (!isOpen(ino)) absent(ino, role);
    return;
  }
  if (!isReachable(snapshot, inode, root)) absent(ino, role);
}

/** Whether a file is below the root, or was when it lost its last name. */
export function mayReclaim(snapshot: Snapshot, ino: Ino, root: Ino): boolean {
  const inode = getInode(snapshot, ino);
  if (inode === undefined) return false;
  if (inode.nlink > 0) return isReachable(snapshot, inode, root);
  const orphan = snapshot.get(key.orphan(ino));
  return orphan !== undefined && orphan.length > 0 && isBelow(snapshot, placeOfOrphan(orphan), root);
}

/** The words of the operations for what is gone. */
function absent(ino: Ino, role: Role): never {
  if (role === 'parent') fail('notFound', `directory ${ino} was removed`);
  fail('stale', `inode ${ino} is gone`);
}

function isReachable(snapshot: Snapshot, inode: Inode, root: Ino): boolean {
  if (isDirectory(inode.mode)) return isDirectoryBelow(snapshot, inode, root);
  if ((inode.traits & trait.links) === 0) return isBelow(snapshot, inode.parent, root);
  const prefix = key.links(inode.ino);
  const parents = new Set(snapshot.list(prefix, prefix, namesMax).map((pair) => placeOfLinkKey(pair.key).parent));
  for (const parent of parents) if (isBelow(snapshot, parent, root)) return true;
  return false;
}

function isBelow(snapshot: Snapshot, directory: Ino, root: Ino): boolean {
  if (directory === root) return true;
  const inode = getInode(snapshot, directory);
  return inode !== undefined && isDirectoryBelow(snapshot, inode, root);
}

function isDirectoryBelow(snapshot: Snapshot, directory: Inode, root: Ino): boolean {
  let at: Inode | undefined = directory;
  for (let depth = 0; depth < depthMax; depth++) {
    if (at === undefined) return false;
    if (at.ino === root) return true;
    if (at.ino === rootIno) return false;
    at = getInode(snapshot, at.parent);
  }
  throw new FsError('corrupted', `directory ${directory.ino} is not below the root; run cfs fsck`);
}
