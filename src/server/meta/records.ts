import { FsError, type Ino, s53, struct, u32, u53 } from '#base';
import { type Attributes, S_IFDIR, S_IFMT } from '#protocol';
import type { LazyValue } from '../kv/value.ts';

/** The inode as it is stored: fixed size, little-endian. A new field takes from `reserved`. */
export const InodeRecord = struct('inode record', 136, {
  version: u32,
  mode: u32,
  uid: u32,
  gid: u32,
  nlink: u32,
  rdev: u32,
  flags: u32,
  traits: u32,
  size: u53,
  parent: u53,
  dataVersion: u53,
  atimeSec: s53,
  mtimeSec: s53,
  ctimeSec: s53,
  btimeSec: s53,
  atimeNsec: u32,
  mtimeNsec: u32,
  ctimeNsec: u32,
  btimeNsec: u32,
  cookie: u53,
  /** Units of 512 bytes, of a blob that is not lent. */
  blocks: u53,
  reserved: u53,
  reserved2: u53,
});

/** Bits of `traits`: what an operation must look up besides the record. */
export const trait = {
  accessAcl: 1,
  defaultAcl: 2,
  /** Some extended attribute exists (ACLs and capabilities count). */
  xattrs: 4,
  fileCapabilities: 8,
  /** The content is in a blob named by the inode number; without it, inline or empty. */
  blob: 16,
  /** Has `L` keys for all its names, because it has or had more than one. */
  links: 32,
  /** Was made without a name (O_TMPFILE) and never had one: may get one though its link count is 0. */
  unnamed: 64,
} as const;

/** An inode in memory: what an operation reads, changes and puts back. */
export interface Inode {
  ino: Ino;
  mode: number;
  uid: number;
  gid: number;
  nlink: number;
  rdev: number;
  flags: number;
  traits: number;
  /** Bytes; of a directory, how many entries it has. */
  size: number;
  blocks: number;
  /** Of a directory, the one that holds it; of anything else, one that holds a name of it. */
  parent: Ino;
  /** The cookie of that name there. */
  cookie: number;
  dataVersion: number;
  atimeSec: number;
  atimeNsec: number;
  mtimeSec: number;
  mtimeNsec: number;
  ctimeSec: number;
  ctimeNsec: number;
  btimeSec: number;
  btimeNsec: number;
}

/** An inode as the store keeps it in memory: it becomes bytes when it is committed, however often it changed. */
export class StoredInode implements LazyValue {
  readonly #inode: Inode;

  /** `inode` must not change any more. */
  constructor(inode: Inode) {
    this.#inode = inode;
  }

  get length(): number {
    return InodeRecord.size;
  }

  encodeInto(view: DataView, offset: number): void {
    encodeInode(this.#inode, view, offset);
  }

  /** For the caller to change. */
  copy(): Inode {
    return copyInode(this.#inode);
  }
}

/** Written out, since an object of one known shape is copied several times faster so than by spreading. */
function copyInode(inode: Inode): Inode {
  return {
    ino: inode.ino,
    mode: inode.mode,
    uid: inode.uid,
    gid: inode.gid,
    nlink: inode.nlink,
    rdev: inode.rdev,
    flags: inode.flags,
    traits: inode.traits,
    size: inode.size,
    blocks: inode.blocks,
    parent: inode.parent,
    cookie: inode.cookie,
    dataVersion: inode.dataVersion,
    atimeSec: inode.atimeSec,
    atimeNsec: inode.atimeNsec,
    mtimeSec: inode.mtimeSec,
    mtimeNsec: inode.mtimeNsec,
    ctimeSec: inode.ctimeSec,
    ctimeNsec: inode.ctimeNsec,
    btimeSec: inode.btimeSec,
    btimeNsec: inode.btimeNsec,
  };
}

const recordVersion = 1;
const record = new InodeRecord();

function encodeInode(inode: Inode, view: DataView, offset: number): void {
  record.at(view, offset);
  record.version = recordVersion;
  record.mode = inode.mode;
  record.uid = inode.uid;
  record.gid = inode.gid;
  record.nlink = inode.nlink;
  record.rdev = inode.rdev;
  record.flags = inode.flags;
  record.traits = inode.traits;
  record.size = inode.size;
  record.blocks = inode.blocks;
  record.parent = inode.parent;
  record.cookie = inode.cookie;
  record.dataVersion = inode.dataVersion;
  record.atimeSec = inode.atimeSec;
  record.atimeNsec = inode.atimeNsec;
  record.mtimeSec = inode.mtimeSec;
  record.mtimeNsec = inode.mtimeNsec;
  record.ctimeSec = inode.ctimeSec;
  record.ctimeNsec = inode.ctimeNsec;
  record.btimeSec = inode.btimeSec;
  record.btimeNsec = inode.btimeNsec;
}

/** Fails with `corrupted` when the bytes are no inode of a version that this program knows. */
export function decodeInode(ino: Ino, bytes: Uint8Array): Inode {
  if (bytes.byteLength !== InodeRecord.size) {
    throw new FsError(
      'corrupted',
      `inode ${ino}: its record has ${bytes.byteLength} bytes, not ${InodeRecord.size}; run cfs fsck`,
    );
  }
  record.at(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0);
  if (record.version !== recordVersion) {
    throw new FsError(
      'corrupted',
      `inode ${ino}: its record has version ${record.version}, not ${recordVersion}; run cfs fsck`,
    );
  }
  return {
    ino,
    mode: record.mode,
    uid: record.uid,
    gid: record.gid,
    nlink: record.nlink,
    rdev: record.rdev,
    flags: record.flags,
    traits: record.traits,
    size: record.size,
    blocks: record.blocks,
    parent: record.parent as Ino,
    cookie: record.cookie,
    dataVersion: record.dataVersion,
    atimeSec: record.atimeSec,
    atimeNsec: record.atimeNsec,
    mtimeSec: record.mtimeSec,
    mtimeNsec: record.mtimeNsec,
    ctimeSec: record.ctimeSec,
    ctimeNsec: record.ctimeNsec,
    btimeSec: record.btimeSec,
    btimeNsec: record.btimeNsec,
  };
}

/** What a client is shown of an inode that is not lent. */
export function attributesOf(inode: Inode): Attributes {
  const directory = (inode.mode & S_IFMT) === S_IFDIR;
  return {
    ino: inode.ino,
    mode: inode.mode,
    nlink: inode.nlink,
    uid: inode.uid,
    gid: inode.gid,
    rdev: inode.rdev,
    size: directory ? directorySizeBytes : inode.size,
    blocks: directory ? directorySizeBytes / 512 : inode.blocks,
    atimeSec: inode.atimeSec,
    atimeNsec: inode.atimeNsec,
    mtimeSec: inode.mtimeSec,
    mtimeNsec: inode.mtimeNsec,
    ctimeSec: inode.ctimeSec,
    ctimeNsec: inode.ctimeNsec,
    btimeSec: inode.btimeSec,
    btimeNsec: inode.btimeNsec,
    flags: inode.flags,
    dataVersion: inode.dataVersion,
    hasAcl: (inode.traits & (trait.accessAcl | trait.defaultAcl)) !== 0,
    hasFileCapabilities: (inode.traits & trait.fileCapabilities) !== 0,
  };
}

/** What stat(2) shows as the size of any directory. */
const directorySizeBytes = 4096;
