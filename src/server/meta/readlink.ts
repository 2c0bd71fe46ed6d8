import { type ByteString, chain, FsError, fail, type Maybe } from '#base';
import type { RequestOf } from '#protocol';
import type { Volume } from '../volume.ts';
import { touchAtime } from './atime.ts';
import { isSymlink, requireInode } from './inode.ts';
import { key } from './keys.ts';

export function readlink(volume: Volume, { ino, noAtime }: RequestOf<'readlink'>): Maybe<ByteString> {
  const found = volume.store.read((snapshot) => {
    const inode = requireInode(snapshot, ino);
    if (!isSymlink(inode.mode)) fail('invalid', `inode ${ino} is no symlink`);
    const target = snapshot.get(key.target(ino));
    if (target === undefined) throw new FsError('corrupted', `symlink ${ino} has no target; run cfs fsck`);
    return { inode, text: Buffer.from(target.buffer, target.byteOffset, target.byteLength).toString('latin1') };
  });
  return chain(found, ({ inode, text }) => {
    if (noAtime !== true) touchAtime(volume, inode);
    return text;
  });
}
