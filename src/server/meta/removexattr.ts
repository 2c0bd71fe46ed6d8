import { fail, type Maybe } from '#base';
import type { RequestOf } from '#protocol';
import type { Volume } from '../volume.ts';
import { setAcl } from './acl-store.ts';
import { putInode, requireInode, touchCtime, wallTime } from './inode.ts';
import { key } from './keys.ts';
import { isAcl, noteXattrGone, requireMayWriteXattr, requireXattrName } from './xattrs.ts';

/** An ACL with no entries, which setting means to remove. */
const emptyAcl = new Uint8Array([2, 0, 0, 0]);

export function removexattr(volume: Volume, { caller, ino, name }: RequestOf<'removexattr'>): Maybe<void> {
  requireXattrName(name);
  const now = wallTime(volume);
  return volume.store.transact((tx) => {
    const inode = requireInode(tx, ino);
    requireMayWriteXattr(tx, inode, caller, name);
    if (isAcl(name)) {
      // Removing an ACL that is not there is no failure, as on ext4.
      setAcl(tx, inode, caller, { name, value: emptyAcl });
    } else {
      if (tx.get(key.xattr(ino, name)) === undefined) fail('noData', `inode ${ino} has no attribute ${name}`);
      tx.delete(key.xattr(ino, name));
    }
    noteXattrGone(tx, inode, name);
    touchCtime(inode, now);
    putInode(tx, inode);
  });
}
