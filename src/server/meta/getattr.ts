import type { Maybe } from '#base';
import type { Attributes, RequestOf } from '#protocol';
import type { Volume } from '../volume.ts';
import { requireInode, shownAttributes } from './inode.ts';

export function getattr(volume: Volume, { ino }: RequestOf<'getattr'>): Maybe<Attributes> {
  return volume.store.read((snapshot) => shownAttributes(volume, requireInode(snapshot, ino)));
}
