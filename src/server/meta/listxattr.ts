import type { ByteString, Maybe } from '#base';
import type { RequestOf } from '#protocol';
import { listsXattr } from '#security';
import type { Volume } from '../volume.ts';
import { requireInode } from './inode.ts';
import { xattrNames } from './xattrs.ts';

/** Names of the trusted namespace are shown only to those who may read them. */
export function listxattr(volume: Volume, { caller, ino }: RequestOf<'listxattr'>): Maybe<ByteString[]> {
  return volume.store.read((snapshot) =>
    xattrNames(snapshot, requireInode(snapshot, ino)).filter((name) => listsXattr(name, caller)),
  );
}
