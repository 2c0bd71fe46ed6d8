import { s32, s53, struct, u16, u32, u53 } from '#base';

/**
 * Every structure of the kernel protocol, once (uapi/linux/fuse.h 7.45). Names are the header's; a field that this
 * file system never looks at keeps its place only. `unique` is two halves, since bit 63 counts and bigints are slow.
 */
export const InHeader = struct('fuse_in_header', 40, {
  length: u32,
  opcode: u32,
  uniqueLow: u32,
  uniqueHigh: u32,
  nodeid: u53,
  uid: u32,
  gid: u32,
  pid: u32,
  extensionUnits: u16,
  padding: u16,
});

export const OutHeader = struct('fuse_out_header', 16, { length: u32, error: s32, uniqueLow: u32, uniqueHigh: u32 });

export const Attr = struct('fuse_attr', 88, {
  ino: u53,
  size: u53,
  blocks: u53,
  atimeSec: s53,
  mtimeSec: s53,
  ctimeSec: s53,
  atimeNsec: u32,
  mtimeNsec: u32,
  ctimeNsec: u32,
  mode: u32,
  nlink: u32,
  uid: u32,
  gid: u32,
  rdev: u32,
  blockSize: u32,
  flags: u32,
});

/** fuse_entry_out up to its fuse_attr, which follows. */
export const EntryHead = struct('fuse_entry_out', 40, {
  nodeid: u53,
  generation: u53,
  entryValidSec: u53,
  attributesValidSec: u53,
  entryValidNsec: u32,
  attributesValidNsec: u32,
});

/** fuse_attr_out up to its fuse_attr, which follows. */
export const AttrHead = struct('fuse_attr_out', 16, {
  attributesValidSec: u53,
  attributesValidNsec: u32,
  padding: u32,
});

export const OpenOut = struct('fuse_open_out', 16, { handle: u53, openFlags: u32, backingId: s32 });

export const StatxOut = struct('fuse_statx_out', 288, {
  attributesValidSec: u53,
  attributesValidNsec: u32,
  replyFlags: u32,
  spare0: u53,
  spare1: u53,
  mask: u32,
  blockSize: u32,
  statAttributes: u53,
  nlink: u32,
  uid: u32,
  gid: u32,
  mode: u16,
  padding: u16,
  ino: u53,
  size: u53,
  blocks: u53,
  statAttributesMask: u53,
  atimeSec: s53,
  atimeNsec: u32,
  padding1: u32,
  btimeSec: s53,
  btimeNsec: u32,
  padding2: u32,
  ctimeSec: s53,
  ctimeNsec: u32,
  padding3: u32,
  mtimeSec: s53,
  mtimeNsec: u32,
  padding4: u32,
  rdevMajor: u32,
  rdevMinor: u32,
  devMajor: u32,
  devMinor: u32,
  spare2: u53,
  spare3: u53,
  spare4: u53,
  spare5: u53,
  spare6: u53,
  spare7: u53,
  spare8: u53,
  spare9: u53,
  spare10: u53,
  spare11: u53,
  spare12: u53,
  spare13: u53,
  spare14: u53,
  spare15: u53,
});

export const InitIn = struct('fuse_init_in', 64, {
  major: u32,
  minor: u32,
  maxReadahead: u32,
  flags: u32,
  flags2: u32,
  unused0: u32,
  unused1: u53,
  unused2: u53,
  unused3: u53,
  unused4: u53,
  unused5: u53,
});

export const InitOut = struct('fuse_init_out', 64, {
  major: u32,
  minor: u32,
  maxReadahead: u32,
  flags: u32,
  maxBackground: u16,
  congestionThreshold: u16,
  maxWrite: u32,
  timeGranularityNs: u32,
  maxPages: u16,
  mapAlignment: u16,
  flags2: u32,
  maxStackDepth: u32,
  requestTimeoutSec: u16,
  unused5: u32,
  unused0: u16,
  unused1: u32,
  unused2: u32,
  unused3: u32,
  unused4: u32,
});

export const ForgetIn = struct('fuse_forget_in', 8, { count: u53 });
export const BatchForgetIn = struct('fuse_batch_forget_in', 8, { count: u32, padding: u32 });
export const ForgetOne = struct('fuse_forget_one', 16, { nodeid: u53, count: u53 });

export const GetattrIn = struct('fuse_getattr_in', 16, { flags: u32, padding: u32, handle: u53 });
export const StatxIn = struct('fuse_statx_in', 24, {
  flags: u32,
  padding: u32,
  handle: u53,
  statFlags: u32,
  statMask: u32,
});
export const SetattrIn = struct('fuse_setattr_in', 88, {
  valid: u32,
  padding0: u32,
  handle: u53,
  size: u53,
  lockOwner: u53,
  atimeSec: s53,
  mtimeSec: s53,
  ctimeSec: s53,
  atimeNsec: u32,
  mtimeNsec: u32,
  ctimeNsec: u32,
  mode: u32,
  padding1: u32,
  uid: u32,
  gid: u32,
  padding2: u32,
});

export const MknodIn = struct('fuse_mknod_in', 16, { mode: u32, rdev: u32, umask: u32, padding: u32 });
export const MkdirIn = struct('fuse_mkdir_in', 8, { mode: u32, umask: u32 });
export const RenameIn = struct('fuse_rename_in', 8, { newParent: u53 });
export const Rename2In = struct('fuse_rename2_in', 16, { newParent: u53, flags: u32, padding: u32 });
export const LinkIn = struct('fuse_link_in', 8, { nodeid: u53 });

export const OpenIn = struct('fuse_open_in', 8, { flags: u32, openFlags: u32 });
export const CreateIn = struct('fuse_create_in', 16, { flags: u32, mode: u32, umask: u32, openFlags: u32 });
export const ReadIn = struct('fuse_read_in', 40, {
  handle: u53,
  position: u53,
  size: u32,
  readFlags: u32,
  lockOwner: u53,
  flags: u32,
  padding: u32,
});
export const WriteIn = struct('fuse_write_in', 40, {
  handle: u53,
  position: u53,
  size: u32,
  writeFlags: u32,
  lockOwner: u53,
  flags: u32,
  padding: u32,
});
export const SizeOut = struct('fuse_write_out', 8, { size: u32, padding: u32 });
export const ReleaseIn = struct('fuse_release_in', 24, {
  handle: u53,
  flags: u32,
  releaseFlags: u32,
  lockOwner: u53,
});
export const FlushIn = struct('fuse_flush_in', 24, {
  handle: u53,
  unused: u32,
  padding: u32,
  ownerLow: u32,
  ownerHigh: u32,
});
/** A lock's owner uses all 64 bits, and its end is 2^63 - 1 where it has none. */
export const LockIn = struct('fuse_lk_in', 48, {
  handle: u53,
  ownerLow: u32,
  ownerHigh: u32,
  startLow: u32,
  startHigh: u32,
  endLow: u32,
  endHigh: u32,
  type: u32,
  pid: u32,
  lockFlags: u32,
  padding: u32,
});
export const LockOut = struct('fuse_lk_out', 24, {
  startLow: u32,
  startHigh: u32,
  endLow: u32,
  endHigh: u32,
  type: u32,
  pid: u32,
});
export const FsyncIn = struct('fuse_fsync_in', 16, { handle: u53, fsyncFlags: u32, padding: u32 });
export const FallocateIn = struct('fuse_fallocate_in', 32, {
  handle: u53,
  position: u53,
  length: u53,
  mode: u32,
  padding: u32,
});
export const LseekIn = struct('fuse_lseek_in', 24, { handle: u53, position: u53, whence: u32, padding: u32 });
export const LseekOut = struct('fuse_lseek_out', 8, { position: u53 });
export const CopyFileRangeIn = struct('fuse_copy_file_range_in', 56, {
  handleIn: u53,
  offsetIn: u53,
  nodeidOut: u53,
  handleOut: u53,
  offsetOut: u53,
  length: u53,
  flags: u53,
});
export const CopyFileRangeOut = struct('fuse_copy_file_range_out', 8, { copied: u53 });

export const SetxattrIn = struct('fuse_setxattr_in', 16, { size: u32, flags: u32, setxattrFlags: u32, padding: u32 });
export const GetxattrIn = struct('fuse_getxattr_in', 8, { size: u32, padding: u32 });
export const AccessIn = struct('fuse_access_in', 8, { mask: u32, padding: u32 });
export const InterruptIn = struct('fuse_interrupt_in', 8, { uniqueLow: u32, uniqueHigh: u32 });
export const IoctlIn = struct('fuse_ioctl_in', 32, {
  handle: u53,
  flags: u32,
  command: u32,
  argument: u53,
  inSize: u32,
  outSize: u32,
});
export const IoctlOut = struct('fuse_ioctl_out', 16, { result: s32, flags: u32, inIovs: u32, outIovs: u32 });
export const Fsxattr = struct('fsxattr', 28, {
  xflags: u32,
  extentSize: u32,
  extents: u32,
  projectId: u32,
  cowExtentSize: u32,
  padding0: u32,
  padding1: u32,
});

export const StatfsOut = struct('fuse_statfs_out', 80, {
  blocks: u53,
  blocksFree: u53,
  blocksAvailable: u53,
  files: u53,
  filesFree: u53,
  blockSize: u32,
  nameMax: u32,
  fragmentSize: u32,
  padding: u32,
  spare0: u53,
  spare1: u53,
  spare2: u53,
});

/** Followed by the name, filled with zeros to a multiple of 8. */
export const Dirent = struct('fuse_dirent', 24, { ino: u53, cookie: u53, nameLength: u32, type: u32 });

export const InvalInodeOut = struct('fuse_notify_inval_inode_out', 24, { ino: u53, position: s53, length: s53 });
export const InvalEntryOut = struct('fuse_notify_inval_entry_out', 16, { parent: u53, nameLength: u32, flags: u32 });
export const DeleteOut = struct('fuse_notify_delete_out', 24, {
  parent: u53,
  child: u53,
  nameLength: u32,
  padding: u32,
});
export const StoreOut = struct('fuse_notify_store_out', 24, { nodeid: u53, position: u53, size: u32, padding: u32 });
export const RetrieveOut = struct('fuse_notify_retrieve_out', 32, {
  notifyUnique: u53,
  nodeid: u53,
  position: u53,
  size: u32,
  padding: u32,
});
export const PollOut = struct('fuse_notify_poll_wakeup_out', 8, { kernelHandle: u53 });
export const PruneOut = struct('fuse_notify_prune_out', 16, { count: u32, padding: u32, spare: u53 });

/** The head of one record of a request's extensions. */
export const ExtensionHeader = struct('fuse_ext_header', 8, { size: u32, type: u32 });
export const SuppGroups = struct('fuse_supp_groups', 4, { count: u32 });
