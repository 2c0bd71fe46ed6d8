import type { ByteString, Ino } from '#base';
import type { Attributes } from './attributes.ts';
import type { Caller } from './caller.ts';

/**
 * The calls of a client to the server, each declared once. A call either returns its reply, at once or as a
 * promise, or fails with an `FsError`. Names are those of the system calls that they serve.
 *
 * `caller` decides what is allowed; where it is missing, the right was proven when the file was opened.
 */
export interface Calls {
  // ---- names ----
  /** The inode that `name` means in `parent`; undefined when there is none. '.' and '..' are answered too. */
  lookup: Call<{ caller: Caller; parent: Ino; name: ByteString }, Attributes | undefined>;
  /** A new inode and its name: a file, directory, symlink, device, fifo or socket by `mode`'s type bits. */
  make: Call<MakeRequest, Attributes>;
  /** A new regular file without a name (O_TMPFILE), open once for this session. */
  makeUnnamed: Call<{ caller: Caller; parent: Ino; mode: number; umask: number }, Attributes>;
  link: Call<{ caller: Caller; ino: Ino; parent: Ino; name: ByteString }, Attributes>;
  /** Replies with what the inode was when that removed it: its last name is gone, and nobody has it open. */
  unlink: Call<{ caller: Caller; parent: Ino; name: ByteString }, Attributes | undefined>;
  /** Likewise. */
  rmdir: Call<{ caller: Caller; parent: Ino; name: ByteString }, Attributes | undefined>;
  /** Likewise, of the inode whose name was taken over. */
  rename: Call<RenameRequest, Attributes | undefined>;
  /**
   * Entries of a directory after `cookie` (0: from the start), as many as `limit`; fewer than `limit`: the end. A client
   * that is not trusted says who lists, since its `opendir` may have been answered from a cache.
   */
  readdir: Call<
    { ino: Ino; cookie: number; limit: number; withAttributes: boolean; noAtime?: boolean; caller?: Caller },
    DirectoryEntry[]
  >;
  readlink: Call<{ ino: Ino; noAtime?: boolean }, ByteString>;

  // ---- attributes ----
  getattr: Call<{ ino: Ino }, Attributes>;
  setattr: Call<{ caller: Caller; ino: Ino; changes: AttributeChanges }, Attributes>;
  /** access(2): fails with `accessDenied` unless all of `mask` (MAY_*) is allowed. */
  access: Call<{ caller: Caller; ino: Ino; mask: number }, void>;
  getxattr: Call<{ caller: Caller; ino: Ino; name: ByteString }, Uint8Array>;
  listxattr: Call<{ caller: Caller; ino: Ino }, ByteString[]>;
  setxattr: Call<SetXattrRequest, void>;
  removexattr: Call<{ caller: Caller; ino: Ino; name: ByteString }, void>;
  /** FS_IOC_SETFLAGS; the flags are in `Attributes.flags`. */
  setflags: Call<{ caller: Caller; ino: Ino; flags: number }, void>;

  // ---- files ----
  /** Proves the right to open by `flags` (O_ACCMODE, O_TRUNC, O_APPEND, O_NOATIME, FMODE_EXEC), truncates, and keeps the inode alive until `release`. */
  open: Call<{ caller: Caller; ino: Ino; flags: number; killPrivileges: boolean }, OpenReply>;
  /** Proves the right to list. Directories need no release. */
  opendir: Call<{ caller: Caller; ino: Ino }, void>;
  /** Ends `count` opens of this session; an inode without names and opens is removed. */
  release: Call<{ ino: Ino; count: number }, void>;
  /** Bytes from `offset`, fewer than `length` only at the end of the file. The bytes belong to the receiver. */
  read: Call<{ ino: Ino; offset: number; length: number; noAtime: boolean }, Uint8Array>;
  /** Writes all of `data` (not kept after the reply), at the file's end when `append`. */
  write: Call<WriteRequest, WriteReply>;
  fallocate: Call<{ ino: Ino; mode: number; offset: number; length: number; caller: Caller }, void>;
  /** SEEK_DATA or SEEK_HOLE; fails with `noSuchAddress` past the end. */
  seek: Call<{ ino: Ino; offset: number; whence: number }, number>;
  copyRange: Call<CopyRangeRequest, number>;
  /** Returns when content (and, unless `dataOnly`, all attributes and names) would survive a power cut. */
  fsync: Call<{ ino: Ino; dataOnly: boolean }, void>;
  statfs: Call<Record<never, never>, VolumeStatistics>;
}

interface Call<Request, Reply> {
  request: Request;
  reply: Reply;
}
export type CallName = keyof Calls;
export type RequestOf<N extends CallName> = Calls[N]['request'];
export type ReplyOf<N extends CallName> = Calls[N]['reply'];

export interface MakeRequest {
  caller: Caller;
  parent: Ino;
  name: ByteString;
  mode: number;
  /** Applied unless the parent has a default ACL. */
  umask: number;
  rdev: number;
  /** Of a symlink only. */
  target: ByteString;
  /** Regular files: counts as one open of this session (CREATE). */
  open: boolean;
}

export interface RenameRequest {
  caller: Caller;
  parent: Ino;
  name: ByteString;
  newParent: Ino;
  newName: ByteString;
  /** RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT. */
  flags: number;
}

export interface DirectoryEntry {
  name: ByteString;
  ino: Ino;
  /** File type bits of the mode (`S_IF*`). */
  type: number;
  /** Resumes the listing after this entry; valid for ever, whatever comes and goes meanwhile. Below 2^53. */
  cookie: number;
  attributes: Attributes | undefined;
}

/** What setattr(2)'s family changes; a missing field stays. */
export interface AttributeChanges {
  mode?: number;
  uid?: number;
  gid?: number;
  size?: number;
  atime?: TimeChange;
  mtime?: TimeChange;
  ctime?: TimeChange;
  /** The write or truncation takes setuid, setgid and file capabilities away (HANDLE_KILLPRIV_V2). */
  killPrivileges?: boolean;
  /** A descriptor opened for writing proves the right to truncate. */
  hasHandle?: boolean;
}
/** `now`: the server's clock (UTIME_NOW), which a writer may set; else only the owner may. */
export type TimeChange = 'now' | { sec: number; nsec: number };

export interface SetXattrRequest {
  caller: Caller;
  ino: Ino;
  name: ByteString;
  value: Uint8Array;
  /** XATTR_CREATE or XATTR_REPLACE. */
  flags: number;
}

export interface OpenReply {
  attributes: Attributes;
  /** Where the content lies: `inline` in the metadata (small, or empty), or in a blob. */
  storage: 'inline' | 'blob';
}

export interface WriteRequest {
  ino: Ino;
  offset: number;
  data: Uint8Array;
  append: boolean;
  /** The writer lacks CAP_FSETID: setuid and setgid go. */
  killPrivileges: boolean;
  /** A store to a mapping, which no call made, takes no file capabilities away either. Default: false. */
  keepCapabilities?: boolean;
  /** Who writes, where privileges go: someone outside the file's group takes setgid away in any case. */
  caller?: Caller;
  /** O_SYNC or O_DSYNC: durable before the reply. */
  sync: boolean;
}
export interface WriteReply {
  written: number;
  /** The end of what was written; differs from offset + written when appending. */
  end: number;
}

export interface CopyRangeRequest {
  caller: Caller;
  from: Ino;
  fromOffset: number;
  to: Ino;
  toOffset: number;
  length: number;
}

/** statfs(2). */
export interface VolumeStatistics {
  blockSize: number;
  blocks: number;
  blocksFree: number;
  blocksAvailable: number;
  files: number;
  filesFree: number;
  nameMax: number;
}
