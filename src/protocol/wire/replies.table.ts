import { nameMaxBytes } from '#base';
import type { CallName, DirectoryEntry, OpenReply, ReplyOf, VolumeStatistics, WriteReply } from '../calls.ts';
import { symlinkTargetMaxBytes, xattrNameMaxBytes, xattrValueMaxBytes } from '../constants.ts';
import { attributes } from './attributes.ts';
import { bulk, byteString, bytes, choice, type Field, list, maybe, nothing, u32, u53 } from './field.ts';
import { dataMaxBytes, directoryEntriesMax, listMax } from './limits.ts';
import { fields, record } from './record.ts';

const name = byteString(nameMaxBytes, 'nameTooLong');

const directoryEntry = record<DirectoryEntry>({
  name,
  ino: u53<DirectoryEntry['ino']>(),
  type: u32,
  cookie: u53(),
  attributes: maybe(attributes),
});
/** Its length, an empty name's length, three numbers, and whether attributes follow. */
const directoryEntryBytes = 4 + 2 + 8 + 4 + 8 + 1;

/** What each call's reply is on the wire; in a session it stands behind the head of its answer (answer.ts). */
export const replies: { readonly [N in CallName]: Field<ReplyOf<N>> } = {
  lookup: maybe(attributes),
  make: attributes,
  makeUnnamed: attributes,
  link: attributes,
  unlink: maybe(attributes),
  rmdir: maybe(attributes),
  rename: maybe(attributes),
  readdir: list(directoryEntry, directoryEntriesMax, directoryEntryBytes),
  readlink: byteString(symlinkTargetMaxBytes),
  getattr: attributes,
  setattr: attributes,
  access: nothing,
  getxattr: bytes(xattrValueMaxBytes),
  listxattr: list(byteString(xattrNameMaxBytes), listMax, 2),
  setxattr: nothing,
  removexattr: nothing,
  setflags: nothing,
  open: fields<OpenReply>({ attributes, storage: choice('inline', 'blob') }),
  opendir: nothing,
  release: nothing,
  read: bulk(dataMaxBytes),
  write: fields<WriteReply>({ written: u53(), end: u53() }),
  fallocate: nothing,
  seek: u53(),
  copyRange: u53(),
  fsync: nothing,
  statfs: fields<VolumeStatistics>({
    blockSize: u32,
    blocks: u53(),
    blocksFree: u53(),
    blocksAvailable: u53(),
    files: u53(),
    filesFree: u53(),
    nameMax: u32,
  }),
};
