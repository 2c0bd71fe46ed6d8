import { fail, type Maybe } from '#base';
import type { RequestOf } from '#protocol';
import type { Volume } from '../volume.ts';
import { requireInode } from './inode.ts';
import { key } from './keys.ts';
import { trait } from './records.ts';
import { requireMayReadXattr, requireXattrName } from './xattrs.ts';

export function getxattr(volume: Volume, { caller, ino, name }: RequestOf<'getxattr'>): Maybe<Uint8Array> {
  requireXattrName(name);
  return volume.store.read((snapshot) => {
    const inode = requireInode(snapshot, ino);
    requireMayReadXattr(snapshot, inode, caller, name);
    const value = (inode.traits & trait.xattrs) === 0 ? undefined : snapshot.get(key.xattr(ino, name));
    return value ?? fail('noData', `inode ${ino} has no attribute ${name}`);
  });
}
