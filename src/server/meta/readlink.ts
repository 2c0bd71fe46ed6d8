import { type ByteString, FsError, fail, type Maybe } from '#base';
import type { RequestOf } from '#protocol';
import type { Volume } from '../volume.ts';
import { isSymlink, requireInode } from './inode.ts';
import { key } from './keys.ts';

export function readlink(volume: Volume, { ino }: RequestOf<'readlink'>): Maybe<ByteString> {
  return volume.store.read((snapshot) => {
    const inode = requireInode(snapshot, ino);
    if (!isSymlink(inode.mode)) fail('invalid', `inode ${ino} is no symlink`);
    const target = snapshot.get(key.target(ino));
    if (target === undefined) throw new FsError('corrupted', `symlink ${ino} has no target; run cfs fsck`);
    return Buffer.from(target.buffer, target.byteOffset, target.byteLength).toString('latin1');
  });
}
