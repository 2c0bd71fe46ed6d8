/**
 * The addon: what JavaScript cannot do on Linux by itself. It decides nothing.
 *
 * Conventions: a *synchronous* call returns a number ≥ 0 on success and `-errno` on failure, so that the request
 * path neither throws nor allocates; an *asynchronous* call runs on libuv's thread pool and ends in
 * `done(result)` with the same convention, always in a later turn of the event loop. File offsets and lengths are
 * numbers below 2^53. Buffers given to an asynchronous call are pinned until `done` has run. An argument of the wrong
 * type throws a TypeError. What `done` or another callback throws is an uncaught exception.
 */

/** Ends an asynchronous call: a number ≥ 0, or `-errno`. */
export type Done = (result: number) => void;

// ---- /dev/fuse --------------------------------------------------------------------------------------------------

/**
 * One block of page-aligned memory that the kernel reads requests into and takes replies from. `slots` equal
 * pieces of `slotBytes` (a multiple of the page size); the whole is one ArrayBuffer, slot `i` starts at
 * `i * slotBytes`. The block is freed when the ArrayBuffer is collected, so hold on to it: `id` alone keeps
 * nothing. `id` names it in the calls below, which answer -EFAULT to a range outside it. Throws when the block would
 * be empty, unaligned or reach 4 GiB, when there is no memory, and when the process has 64 blocks.
 */
export function allocateSlots(slots: number, slotBytes: number): { id: number; memory: ArrayBuffer };

/** Opens /dev/fuse with O_RDWR | O_CLOEXEC | O_NONBLOCK. */
export function openFuseDevice(): number;

/**
 * The step of the request loop: writes the reply that lies at `[replyStart, replyStart + replyLength)` of block
 * `id` (skipped when `replyLength` is 0), then reads one request into `[requestStart, requestStart + requestLimit)`
 * of it. Returns the request's length, or `-errno`: EAGAIN when nothing is pending (before it is returned the read
 * is retried for up to `spinUs` microseconds), ENODEV after unmount. A read that fails with EINTR or ENOENT is
 * retried. The outcome of the reply's write is kept for `lastReplyResult`.
 */
export function step(
  fd: number,
  id: number,
  replyStart: number,
  replyLength: number,
  requestStart: number,
  requestLimit: number,
  spinUs: number,
): number;

/** What the write of the last `step` with a reply returned: the length, or `-errno` (ENOENT: the caller is gone). */
export function lastReplyResult(): number;

/** Writes one reply, outside the loop. Returns the length or `-errno`. */
export function writeReply(fd: number, id: number, start: number, length: number): number;

/**
 * Writes one reply whose body lies elsewhere: `[start, start + headLength)` of block `id`, followed by
 * `body[bodyOffset, bodyOffset + bodyLength)`, in one writev.
 */
export function writeReplyWithBody(
  fd: number,
  id: number,
  start: number,
  headLength: number,
  body: Uint8Array,
  bodyOffset: number,
  bodyLength: number,
): number;

/**
 * Calls `ready()` from the event loop whenever `fd` is readable, has hung up or failed, until it is stopped. As long as
 * that lasts it calls in every turn, so do not poll /dev/fuse before its mount: until then it counts as failed. Makes
 * `fd` non-blocking. Throws when `fd` cannot be polled. Stop before you close `fd`.
 */
export function startPolling(fd: number, ready: () => void): Poller;
export interface Poller {
  /** No call of `ready` follows. Idempotent. */
  stop(): void;
  /** Whether a running poller keeps the process alive (it does at first). */
  ref(): void;
  unref(): void;
}

/**
 * A native thread that writes notifications to `fd`, one after the other, so that one which blocks in the kernel
 * never blocks the request thread. The thread writes to a duplicate of `fd`, which it closes at its end, and does not
 * keep the process alive. Throws when there is no descriptor or thread to be had.
 */
export function startNotifier(fd: number): Notifier;
export interface Notifier {
  /**
   * Queues a copy of `message`. `done` gets what write(2) returned, or `-errno`. False when 65,536 are queued and after
   * `stop`.
   */
  send(message: Uint8Array, done?: Done): boolean;
  /** How many are queued or being written. */
  pending(): number;
  /** Ends the thread after the message it is writing; those still queued end with -ECANCELED. Idempotent. */
  stop(): void;
}

/** FUSE_DEV_IOC_BACKING_OPEN: registers `backingFd`; returns the backing id (> 0), or `-errno`. */
export function backingOpen(fuseFd: number, backingFd: number): number;
/** FUSE_DEV_IOC_BACKING_CLOSE. */
export function backingClose(fuseFd: number, backingId: number): number;

// ---- mounting ---------------------------------------------------------------------------------------------------

/** mount(2), on the thread pool. */
export function mount(source: string, target: string, type: string, flags: number, data: string, done: Done): void;
/** umount2(2), on the thread pool. */
export function umount(target: string, flags: number, done: Done): void;
/** socketpair(AF_UNIX, SOCK_STREAM): writes the two descriptors, close-on-exec, into `pair`. */
export function socketPair(pair: Int32Array): number;
/**
 * Receives one byte and one descriptor (SCM_RIGHTS) on the thread pool: the descriptor, or `-errno` (ENOMSG: end of
 * stream without one; EBADMSG: a byte without one). Until the other end sends or closes it occupies a thread of the
 * pool, for which even process.exit() waits.
 */
export function receiveFd(socket: number, done: Done): void;
/** Sends one byte with one descriptor (SCM_RIGHTS). */
export function sendFd(socket: number, fd: number): number;
/** Clears (false) or sets (true) FD_CLOEXEC. */
export function setCloseOnExec(fd: number, on: boolean): number;

// ---- files ------------------------------------------------------------------------------------------------------

/** openat(2) of `name` below the directory `dirFd` (AT_FDCWD is -100), always with O_CLOEXEC. */
export function openAt(dirFd: number, name: string, flags: number, mode: number): number;
export function closeFd(fd: number): number;
/** unlinkat(2) without AT_REMOVEDIR. */
export function unlinkAt(dirFd: number, name: string): number;
/** dup with F_DUPFD_CLOEXEC. */
export function duplicateFd(fd: number): number;

/**
 * fstat(2) into `out`, which must hold 12 elements: size, blocks (512 B), mtime seconds, mtime nanoseconds, ctime
 * seconds, ctime nanoseconds, atime seconds, atime nanoseconds, mode, nlink, ino, blksize.
 */
export function fstat(fd: number, out: Float64Array): number;
/** fstatat(2), following no link, same layout. */
export function fstatAt(dirFd: number, name: string, out: Float64Array): number;
/** fstatfs(2) into `out`, 6 elements: block size, blocks, free, available, files, free files. */
export function fstatfs(fd: number, out: Float64Array): number;
/** preadv2(RWF_NOWAIT) of what the page cache holds: bytes read, or -EAGAIN when the disk would be needed. */
export function readNowait(fd: number, into: Uint8Array, offset: number): number;
/** As `read` and `write`, on this thread. */
export function readSync(fd: number, into: Uint8Array, offset: number): number;
export function writeSync(fd: number, from: Uint8Array, offset: number): number;
/** pread(2) until `into` is full or the file ends; a failure after a part is the failure. */
export function read(fd: number, into: Uint8Array, offset: number, done: Done): void;
/** pwrite(2) until all of `from` is written; a failure after a part ends with the bytes written. */
export function write(fd: number, from: Uint8Array, offset: number, done: Done): void;
export function fsync(fd: number, dataOnly: boolean, done: Done): void;
export function syncfs(fd: number, done: Done): void;
export function truncate(fd: number, size: number, done: Done): void;
export function truncateSync(fd: number, size: number): number;
export function fallocate(fd: number, mode: number, offset: number, length: number, done: Done): void;
/**
 * lseek(2) with SEEK_DATA (3) or SEEK_HOLE (4); -ENXIO past the end. The descriptor's own position is not used by
 * anyone.
 */
export function seek(fd: number, offset: number, whence: 3 | 4, done: Done): void;
/**
 * copy_file_range(2) until all is copied or the source ends; falls back to read and write where the disk cannot: bytes
 * copied.
 */
export function copyRange(
  fromFd: number,
  fromOffset: number,
  toFd: number,
  toOffset: number,
  length: number,
  done: Done,
): void;
/** ioctl FICLONE: the whole of `fromFd` becomes the content of `toFd`; -EOPNOTSUPP or -EXDEV where the disk cannot. */
export function clone(fromFd: number, toFd: number, done: Done): void;
/** futimens(2) with seconds and nanoseconds; a nanosecond value of 0x3ffffffe (UTIME_OMIT) leaves that time. */
export function setTimes(fd: number, atimeSec: number, atimeNsec: number, mtimeSec: number, mtimeNsec: number): number;
/** F_OFD_SETLK of the whole file: 0, or -EAGAIN when another description holds it. */
export function lockFile(fd: number, exclusive: boolean): number;
/**
 * Drops the process's mapped file pages whose mapping's path is `path` (MADV_DONTNEED on a shared mapping: the pages
 * stay in the page cache). Returns bytes of mappings advised.
 */
export function releaseMappedPages(path: string): number;

// ---- checksum ---------------------------------------------------------------------------------------------------

/**
 * CRC-32C (Castagnoli) of `bytes` from `start` to `end`, after what `before` is the one of (0: nothing); -EINVAL when
 * they are not within `bytes`.
 */
export function crc32c(bytes: Uint8Array, start: number, end: number, before: number): number;

// ---- machine ----------------------------------------------------------------------------------------------------

/** clock_gettime into `out[0]` seconds, `out[1]` nanoseconds. `clock`: 0 REALTIME, 1 MONOTONIC, 7 BOOTTIME. */
export function clockGetTime(clock: 0 | 1 | 7, out: Float64Array): number;

/**
 * One datagram to the Unix socket at `path` (`@name`: an abstract one), as sd_notify(3) sends them. Returns how many
 * bytes were sent, or -errno; never waits.
 */
export function sendDatagram(path: string, text: string): number;

/**
 * The credentials of the thread `tid` from /proc, into `out` (which must hold 4 + 1024 elements): [0] low and [1]
 * high half of CapEff, [2] 1 when the thread is in this process's user namespace, else 0, [3] the number of
 * supplementary groups, then the groups (at most 1024; more are cut off). -ESRCH when the thread is gone.
 */
export function readCredentials(tid: number, out: Uint32Array): number;
/** ioctl FS_IOC_GETFLAGS of `fd`: the flags, or `-errno`. */
export function getInodeFlags(fd: number): number;
