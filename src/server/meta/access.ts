import { fail, type Maybe } from '#base';
import { type Caller, FS_IMMUTABLE_FL, MAY_EXEC, MAY_READ, MAY_WRITE, type RequestOf } from '#protocol';
import { permits, withoutCapabilities } from '#security';
import type { Volume } from '../volume.ts';
import { accessAclOf } from './guard.ts';
import { requireInode } from './inode.ts';

/** access(2) asks for the real user; its capabilities count only when that is root (fs/open.c). */
export function access(volume: Volume, { caller, ino, mask }: RequestOf<'access'>): Maybe<void> {
  const asked = mask & (MAY_READ | MAY_WRITE | MAY_EXEC);
  return volume.store.read((snapshot) => {
    const inode = requireInode(snapshot, ino);
    if ((asked & MAY_WRITE) !== 0 && (inode.flags & FS_IMMUTABLE_FL) !== 0) {
      fail('notPermitted', `inode ${ino} is immutable`);
    }
    if (caller.checked || permits(inode, subjectOf(caller), asked, accessAclOf(snapshot, inode))) return;
    fail('accessDenied', `uid ${caller.uid} may not do ${asked} with inode ${ino}`);
  });
}

function subjectOf(caller: Caller): Pick<Caller, 'uid' | 'inGroup' | 'capable'> {
  return caller.uid === 0 ? caller : withoutCapabilities(caller);
}
