import { fail } from '#base';
import { type Caller, FS_APPEND_FL, FS_IMMUTABLE_FL, MAY_EXEC, MAY_WRITE } from '#protocol';
import { accessAclName, permits, stickyForbids } from '#security';
import type { Snapshot } from '../kv/transaction.ts';
import { isDirectory } from './inode.ts';
import { key } from './keys.ts';
import { type Inode, trait } from './records.ts';

/** The access ACL as it is stored; undefined when the inode has none. */
export function accessAclOf(snapshot: Snapshot, inode: Inode): Uint8Array | undefined {
  return (inode.traits & trait.accessAcl) === 0 ? undefined : snapshot.get(key.xattr(inode.ino, accessAclName));
}

/** Fails as Linux's inode_permission does: `notPermitted` for writing to immutable inodes, else `accessDenied`. */
export function requireAccess(snapshot: Snapshot, inode: Inode, caller: Caller, mask: number): void {
  if ((mask & MAY_WRITE) !== 0 && (inode.flags & FS_IMMUTABLE_FL) !== 0) {
    fail('notPermitted', `inode ${inode.ino} is immutable`);
  }
  if (caller.checked || permits(inode, caller, mask, accessAclOf(snapshot, inode))) return;
  fail('accessDenied', `uid ${caller.uid} may not do ${mask} with inode ${inode.ino}`);
}

export function requireSearch(snapshot: Snapshot, directory: Inode, caller: Caller): void {
  if (!caller.checked) requireAccess(snapshot, directory, caller, MAY_EXEC);
}

/** may_create: the right to add a name to a directory. */
export function requireMayAdd(snapshot: Snapshot, directory: Inode, caller: Caller): void {
  requireAccess(snapshot, directory, caller, MAY_WRITE | MAY_EXEC);
}

/** may_delete without the question of types: the right to take `inode`'s name out of a directory. */
export function requireMayRemove(snapshot: Snapshot, directory: Inode, inode: Inode, caller: Caller): void {
  requireAccess(snapshot, directory, caller, MAY_WRITE | MAY_EXEC);
  if ((directory.flags & FS_APPEND_FL) !== 0) fail('notPermitted', `directory ${directory.ino} is append-only`);
  requireUnfrozen(inode);
  if (!caller.checked && stickyForbids(directory, inode, caller)) {
    fail('notPermitted', `directory ${directory.ino} is sticky, and inode ${inode.ino} is another user's`);
  }
}

/** Immutable and append-only inodes keep their names, links and attributes. */
export function requireUnfrozen(inode: Inode): void {
  if ((inode.flags & (FS_IMMUTABLE_FL | FS_APPEND_FL)) !== 0) {
    fail('notPermitted', `inode ${inode.ino} is immutable or append-only`);
  }
}

/** The types that may take each other's place: fails with `notDirectory` or `isDirectory`. */
export function requireKind(inode: Inode, kind: 'directory' | 'other'): void {
  if (kind === 'directory' && !isDirectory(inode.mode)) fail('notDirectory', `inode ${inode.ino} is no directory`);
  if (kind === 'other' && isDirectory(inode.mode)) fail('isDirectory', `inode ${inode.ino} is a directory`);
}
