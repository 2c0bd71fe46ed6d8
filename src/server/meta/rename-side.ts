import { FsError, type Ino, rootIno } from '#base';
import type { Snapshot } from '../kv/transaction.ts';
import type { DentrySlot } from './dentry.ts';
import { requireNamed } from './inode.ts';
import type { Inode } from './records.ts';

/** One of the two names of a rename. */
export interface RenameSide {
  readonly directory: Inode;
  readonly slot: DentrySlot;
  /** What the name means; undefined when it is free. */
  inode: Inode | undefined;
}

/** Deeper than any path can be walked; only a loop in a broken store gets there. */
const depthMax = 1_000_000;

/** Whether `directory` is `ancestor` or somewhere below it. */
export function isBelow(snapshot: Snapshot, directory: Inode, ancestor: Ino): boolean {
  let ino = directory.ino;
  let parent = directory.parent;
  for (let depth = 0; depth < depthMax; depth++) {
    if (ino === ancestor) return true;
    if (ino === rootIno) return false;
    ino = parent;
    if (ino !== rootIno) parent = requireNamed(snapshot, ino).parent;
  }
  throw new FsError('corrupted', `directory ${directory.ino} is not below the root; run cfs fsck`);
}
