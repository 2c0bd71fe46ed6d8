import type { ByteString, Maybe } from '#base';
import type { Attributes, RequestOf } from '#protocol';
import type { Snapshot } from '../kv/transaction.ts';
import type { Volume } from '../volume.ts';
import { dentrySlot, isSurelyAbsent } from './dentry.ts';
import { requireSearch } from './guard.ts';
import { requireDirectory, requireNamed, shownAttributes } from './inode.ts';
import type { Inode } from './records.ts';

export function lookup(volume: Volume, request: RequestOf<'lookup'>): Maybe<Attributes | undefined> {
  return volume.store.read((snapshot) => {
    const inode = findInode(volume, snapshot, request);
    return inode && shownAttributes(volume, inode);
  });
}

function findInode(volume: Volume, snapshot: Snapshot, request: RequestOf<'lookup'>): Inode | undefined {
  const { caller, parent, name } = request;
  if (name === '.' || name === '..') return dotInode(snapshot, request, name);
  // A directory that is new here exists: its removal would have ended that.
  if (caller.checked && isSurelyAbsent(volume, parent, name)) return undefined;
  if (!caller.checked) requireSearch(snapshot, requireDirectory(snapshot, parent), caller);
  const { entry } = dentrySlot(snapshot, volume, parent, name);
  if (entry !== undefined) return requireNamed(snapshot, entry.ino);
  // A name that is found proves its directory; one that is not may be absent because the directory is.
  if (caller.checked) requireDirectory(snapshot, parent);
  return undefined;
}

function dotInode(snapshot: Snapshot, { caller, parent }: RequestOf<'lookup'>, name: ByteString): Inode {
  const directory = requireDirectory(snapshot, parent);
  requireSearch(snapshot, directory, caller);
  return name === '.' || directory.parent === directory.ino ? directory : requireNamed(snapshot, directory.parent);
}
