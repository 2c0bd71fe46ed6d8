import { nameMaxBytes } from '#base';
import type { CallName, RequestOf, TimeChange } from '../calls.ts';
import { symlinkTargetMaxBytes, xattrNameMaxBytes, xattrValueMaxBytes } from '../constants.ts';
import { caller } from './caller.ts';
import { bool, byteString, bytes, choice, type Field, s53, u8, u32, u53 } from './field.ts';
import { dataMaxBytes } from './limits.ts';
import { broken } from './reader.ts';
import { fields, optional, record, withBulk } from './record.ts';

const ino = u53<RequestOf<'getattr'>['ino']>();
const name = byteString(nameMaxBytes, 'nameTooLong');
const xattrName = byteString(xattrNameMaxBytes, 'range');
const namedInParent = { caller, parent: ino, name };

const moment = fields<{ sec: number; nsec: number }>({ sec: s53, nsec: u32 });
const now = choice('now');
const timeChange: Field<TimeChange> = {
  shape: { kind: 'either', of: [now.shape, moment.shape] },
  write(writer, value) {
    writer.u8(value === 'now' ? 0 : 1);
    if (value !== 'now') moment.write(writer, value);
  },
  read(reader) {
    const kind = reader.u8();
    if (kind > 1) broken(`a time of kind ${kind}`);
    return kind === 0 ? 'now' : moment.read(reader);
  },
};

/**
 * What each call's request is on the wire: its fields in their order. A later version appends fields (`appended`) and
 * changes none; what it must say otherwise is a new call.
 */
export const requests: { readonly [N in CallName]: Field<RequestOf<N>> } = {
  lookup: fields<RequestOf<'lookup'>>(namedInParent),
  make: fields<RequestOf<'make'>>({
    ...namedInParent,
    mode: u32,
    umask: u32,
    rdev: u32,
    target: byteString(symlinkTargetMaxBytes, 'nameTooLong'),
    open: bool,
  }),
  makeUnnamed: fields<RequestOf<'makeUnnamed'>>({ caller, parent: ino, mode: u32, umask: u32 }),
  link: fields<RequestOf<'link'>>({ caller, ino, parent: ino, name }),
  unlink: fields<RequestOf<'unlink'>>(namedInParent),
  rmdir: fields<RequestOf<'rmdir'>>(namedInParent),
  rename: fields<RequestOf<'rename'>>({ ...namedInParent, newParent: ino, newName: name, flags: u32 }),
  readdir: fields<RequestOf<'readdir'>>({
    ino,
    cookie: u53(),
    limit: u32,
    withAttributes: bool,
    noAtime: optional(bool),
    caller: optional(caller),
  }),
  readlink: fields<RequestOf<'readlink'>>({ ino, noAtime: optional(bool) }),
  getattr: fields<RequestOf<'getattr'>>({ ino }),
  setattr: fields<RequestOf<'setattr'>>({
    caller,
    ino,
    changes: record<RequestOf<'setattr'>['changes']>({
      mode: optional(u32),
      uid: optional(u32),
      gid: optional(u32),
      size: optional(u53()),
      atime: optional(timeChange),
      mtime: optional(timeChange),
      ctime: optional(timeChange),
      killPrivileges: optional(bool),
      hasHandle: optional(bool),
    }),
  }),
  access: fields<RequestOf<'access'>>({ caller, ino, mask: u32 }),
  getxattr: fields<RequestOf<'getxattr'>>({ caller, ino, name: xattrName }),
  listxattr: fields<RequestOf<'listxattr'>>({ caller, ino }),
  setxattr: fields<RequestOf<'setxattr'>>({
    caller,
    ino,
    name: xattrName,
    value: bytes(xattrValueMaxBytes),
    flags: u32,
  }),
  removexattr: fields<RequestOf<'removexattr'>>({ caller, ino, name: xattrName }),
  setflags: fields<RequestOf<'setflags'>>({ caller, ino, flags: u32 }),
  open: fields<RequestOf<'open'>>({ caller, ino, flags: u32, killPrivileges: bool }),
  opendir: fields<RequestOf<'opendir'>>({ caller, ino }),
  release: fields<RequestOf<'release'>>({ ino, count: u53() }),
  read: fields<RequestOf<'read'>>({ ino, offset: u53(), length: u53(), noAtime: bool }),
  write: withBulk<RequestOf<'write'>, 'data'>(
    'data',
    {
      ino,
      offset: u53(),
      append: bool,
      killPrivileges: bool,
      sync: bool,
      keepCapabilities: optional(bool),
      caller: optional(caller),
    },
    dataMaxBytes,
  ),
  fallocate: fields<RequestOf<'fallocate'>>({ caller, ino, mode: u32, offset: u53(), length: u53() }),
  seek: fields<RequestOf<'seek'>>({ ino, offset: s53, whence: u8 }),
  copyRange: fields<RequestOf<'copyRange'>>({
    caller,
    from: ino,
    fromOffset: u53(),
    to: ino,
    toOffset: u53(),
    length: u53(),
  }),
  fsync: fields<RequestOf<'fsync'>>({ ino, dataOnly: bool }),
  statfs: fields<RequestOf<'statfs'>>({}),
};
