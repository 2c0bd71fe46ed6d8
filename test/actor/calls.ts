import {
  type Answer,
  type Entry,
  type LockAnswer,
  parseBytes,
  parseEntries,
  parseLock,
  parseStat,
  parseStatfs,
  type Stat,
  type Statfs,
} from './answers.ts';
import { AT, F, O, S, SEEK } from './constants.ts';

/** Text is sent as UTF-8. */
export type Bytes = string | Uint8Array;
export type Argument = number | bigint | Bytes;

/** A time for utimensat: nanoseconds since 1970, or what the kernel shall do instead. */
export type Time = bigint | 'now' | 'omit';

/** The system calls, each by its manual page's name. All throw CallError. Paths are relative to the actor's directory. */
export abstract class Calls {
  abstract call(name: string, ...args: Argument[]): Promise<Answer>;

  protected async number(name: string, ...args: Argument[]): Promise<number> {
    return (await this.call(name, ...args)).value;
  }

  protected async bytes(name: string, ...args: Argument[]): Promise<Buffer> {
    return parseBytes(await this.call(name, ...args));
  }

  // ---- names ----

  open(path: Bytes, flags: number = O.RDONLY, mode = 0o644): Promise<number> {
    return this.openAt(AT.FDCWD, path, flags, mode);
  }

  openAt(dirfd: number, path: Bytes, flags: number = O.RDONLY, mode = 0o644): Promise<number> {
    return this.number('openat', dirfd, path, flags, mode);
  }

  /** Opens without O_CLOEXEC, so that executed programs inherit the descriptor. */
  openInherited(path: Bytes, flags: number): Promise<number> {
    return this.number('openInherited', AT.FDCWD, path, flags, 0);
  }

  close(fd: number): Promise<number> {
    return this.number('close', fd);
  }

  mkdir(path: Bytes, mode = 0o755, dirfd: number = AT.FDCWD): Promise<number> {
    return this.number('mkdirat', dirfd, path, mode);
  }

  mknod(path: Bytes, mode: number, device: { major: number; minor: number } = { major: 0, minor: 0 }): Promise<number> {
    return this.number('mknodat', AT.FDCWD, path, mode, device.major, device.minor);
  }

  mkfifo(path: Bytes, mode = 0o644): Promise<number> {
    return this.mknod(path, S.IFIFO | mode);
  }

  symlink(target: Bytes, path: Bytes, dirfd: number = AT.FDCWD): Promise<number> {
    return this.number('symlinkat', target, dirfd, path);
  }

  readlink(path: Bytes, limit = 4096, dirfd: number = AT.FDCWD): Promise<Buffer> {
    return this.bytes('readlinkat', dirfd, path, limit);
  }

  link(from: Bytes, to: Bytes, flags = 0): Promise<number> {
    return this.number('linkat', AT.FDCWD, from, AT.FDCWD, to, flags);
  }

  linkAt(fromDir: number, from: Bytes, toDir: number, to: Bytes, flags = 0): Promise<number> {
    return this.number('linkat', fromDir, from, toDir, to, flags);
  }

  unlink(path: Bytes, dirfd: number = AT.FDCWD): Promise<number> {
    return this.number('unlinkat', dirfd, path, 0);
  }

  rmdir(path: Bytes): Promise<number> {
    return this.number('rmdir', path);
  }

  rename(from: Bytes, to: Bytes, flags = 0): Promise<number> {
    return this.number('renameat2', AT.FDCWD, from, AT.FDCWD, to, flags);
  }

  renameAt(fromDir: number, from: Bytes, toDir: number, to: Bytes, flags = 0): Promise<number> {
    return this.number('renameat2', fromDir, from, toDir, to, flags);
  }

  chdir(path: Bytes): Promise<number> {
    return this.number('chdir', path);
  }

  fchdir(fd: number): Promise<number> {
    return this.number('fchdir', fd);
  }

  getcwd(): Promise<Buffer> {
    return this.bytes('getcwd');
  }

  /** One getdents64 with a buffer of `limit` bytes. */
  async getdents(fd: number, limit = 65536): Promise<Entry[]> {
    return parseEntries(await this.call('getdents', fd, limit));
  }

  access(path: Bytes, mode: number, flags = 0): Promise<number> {
    return this.number('faccessat2', AT.FDCWD, path, mode, flags);
  }

  async nameToHandle(path: Bytes, flags = 0): Promise<{ type: number; bytes: Buffer }> {
    const { values } = await this.call('nameToHandle', AT.FDCWD, path, flags);
    return { type: Number(values[0]), bytes: Buffer.from(values[1]!, 'hex') };
  }

  openByHandle(
    mountFd: number,
    handle: { type: number; bytes: Uint8Array },
    flags: number = O.RDONLY,
  ): Promise<number> {
    return this.number('openByHandle', mountFd, handle.type, handle.bytes, flags);
  }

  // ---- content ----

  read(fd: number, size: number): Promise<Buffer> {
    return this.bytes('read', fd, size);
  }

  write(fd: number, data: Bytes): Promise<number> {
    return this.number('write', fd, data);
  }

  /** `shift` moves the memory off its page boundary. */
  pread(fd: number, size: number, offset: number | bigint, shift = 0): Promise<Buffer> {
    return this.bytes('pread', fd, size, offset, shift);
  }

  pwrite(fd: number, data: Bytes, offset: number | bigint, shift = 0): Promise<number> {
    return this.number('pwrite', fd, data, offset, shift);
  }

  pwritev2(fd: number, offset: number, flags: number, ...parts: Bytes[]): Promise<number> {
    return this.number('pwritev2', fd, offset, flags, ...parts);
  }

  async preadv2(
    fd: number,
    offset: number,
    flags: number,
    ...sizes: number[]
  ): Promise<{ size: number; parts: Buffer[] }> {
    const { value, values } = await this.call('preadv2', fd, offset, flags, ...sizes);
    return { size: value, parts: values.map((hex) => Buffer.from(hex, 'hex')) };
  }

  lseek(fd: number, offset: number | bigint, whence: number = SEEK.SET): Promise<number> {
    return this.number('lseek', fd, offset, whence);
  }

  truncate(path: Bytes, size: number | bigint): Promise<number> {
    return this.number('truncate', path, size);
  }

  ftruncate(fd: number, size: number | bigint): Promise<number> {
    return this.number('ftruncate', fd, size);
  }

  fallocate(fd: number, mode: number, offset: number | bigint, length: number | bigint): Promise<number> {
    return this.number('fallocate', fd, mode, offset, length);
  }

  /** An offset of -1 stands for the descriptor's own position. */
  copyFileRange(fromFd: number, from: number, toFd: number, to: number, length: number, flags = 0): Promise<number> {
    return this.number('copyFileRange', fromFd, from, toFd, to, length, flags);
  }

  sendfile(toFd: number, fromFd: number, from: number, length: number): Promise<number> {
    return this.number('sendfile', toFd, fromFd, from, length);
  }

  splice(fromFd: number, from: number, toFd: number, to: number, length: number): Promise<number> {
    return this.number('splice', fromFd, from, toFd, to, length);
  }

  async pipe(): Promise<[number, number]> {
    const { values } = await this.call('pipe');
    return [Number(values[0]), Number(values[1])];
  }

  fsync(fd: number): Promise<number> {
    return this.number('fsync', fd);
  }

  fdatasync(fd: number): Promise<number> {
    return this.number('fdatasync', fd);
  }

  dup(fd: number): Promise<number> {
    return this.number('dup', fd);
  }

  // ---- locks ----

  flock(fd: number, operation: number): Promise<number> {
    return this.number('flock', fd, operation);
  }

  /** A fcntl lock; the whole file unless a range is given. */
  async lock(
    fd: number,
    command: number,
    type: number,
    range: { start?: number; length?: number } = {},
  ): Promise<LockAnswer> {
    return parseLock(await this.call('lock', fd, command, type, SEEK.SET, range.start ?? 0, range.length ?? 0));
  }

  unlock(fd: number, range: { start?: number; length?: number } = {}): Promise<LockAnswer> {
    return this.lock(fd, F.SETLK, F.UNLCK, range);
  }

  // ---- mappings ----

  mmap(fd: number, length: number, protection: number, flags: number, offset = 0): Promise<number> {
    return this.number('mmap', fd, length, protection, flags, offset);
  }

  munmap(mapping: number): Promise<number> {
    return this.number('munmap', mapping);
  }

  load(mapping: number, offset: number, length: number): Promise<Buffer> {
    return this.bytes('load', mapping, offset, length);
  }

  store(mapping: number, offset: number, data: Bytes): Promise<number> {
    return this.number('store', mapping, offset, data);
  }

  msync(mapping: number, flags: number): Promise<number> {
    return this.number('msync', mapping, flags);
  }

  // ---- attributes ----

  async statAt(dirfd: number, path: Bytes, flags = 0): Promise<Stat> {
    return parseStat(await this.call('statx', dirfd, path, flags));
  }

  stat(path: Bytes): Promise<Stat> {
    return this.statAt(AT.FDCWD, path);
  }

  lstat(path: Bytes): Promise<Stat> {
    return this.statAt(AT.FDCWD, path, AT.SYMLINK_NOFOLLOW);
  }

  fstat(fd: number): Promise<Stat> {
    return this.statAt(fd, '', AT.EMPTY_PATH);
  }

  async statfs(path: Bytes): Promise<Statfs> {
    return parseStatfs(await this.call('statfs', path));
  }

  chmod(path: Bytes, mode: number): Promise<number> {
    return this.number('chmod', path, mode);
  }

  fchmod(fd: number, mode: number): Promise<number> {
    return this.number('fchmod', fd, mode);
  }

  /** -1 leaves the owner or the group. */
  chown(path: Bytes, uid: number, gid: number): Promise<number> {
    return this.number('fchownat', AT.FDCWD, path, uid, gid, 0);
  }

  lchown(path: Bytes, uid: number, gid: number): Promise<number> {
    return this.number('fchownat', AT.FDCWD, path, uid, gid, AT.SYMLINK_NOFOLLOW);
  }

  fchown(fd: number, uid: number, gid: number): Promise<number> {
    return this.number('fchown', fd, uid, gid);
  }

  utimens(path: Bytes, atime: Time, mtime: Time, flags = 0): Promise<number> {
    return this.number('utimensat', AT.FDCWD, path, flags, ...timeArguments(atime), ...timeArguments(mtime));
  }

  /** utimensat with NULL for the times: both become now, and the right to write suffices. */
  touch(path: Bytes): Promise<number> {
    return this.number('utimensat', AT.FDCWD, path, 0);
  }

  futimens(fd: number, atime: Time, mtime: Time): Promise<number> {
    return this.number('futimens', fd, ...timeArguments(atime), ...timeArguments(mtime));
  }

  getInodeFlags(fd: number): Promise<number> {
    return this.call('getInodeFlags', fd).then(({ values }) => Number(values[0]));
  }

  setInodeFlags(fd: number, flags: number): Promise<number> {
    return this.number('setInodeFlags', fd, flags);
  }

  // ---- extended attributes ----

  setxattr(path: Bytes, name: Bytes, value: Bytes, flags = 0): Promise<number> {
    return this.number('setxattr', path, name, value, flags);
  }

  getxattr(path: Bytes, name: Bytes, limit = 65536): Promise<Buffer> {
    return this.bytes('getxattr', path, name, limit);
  }

  removexattr(path: Bytes, name: Bytes): Promise<number> {
    return this.number('removexattr', path, name);
  }

  async listxattr(path: Bytes, limit = 65536): Promise<string[]> {
    const names = await this.bytes('listxattr', path, limit);
    return names.toString().split('\0').filter(Boolean).sort();
  }

  // ---- the process ----

  umask(mask: number): Promise<number> {
    return this.number('umask', mask);
  }

  /** Forks, executes and waits. Throws when execve failed. */
  async exec(path: Bytes, ...args: Bytes[]): Promise<{ status: number; output: string }> {
    const answer = await this.call('exec', path, ...args);
    return { status: answer.value, output: parseBytes(answer).toString() };
  }

  /** Waits until a change gets other times than one before this call. */
  tick(): Promise<number> {
    return this.number('tick');
  }

  sleep(milliseconds: number): Promise<number> {
    return this.number('sleep', milliseconds);
  }
}

function timeArguments(time: Time): (number | bigint)[] {
  if (time === 'now') return [0, 0x3fffffff];
  if (time === 'omit') return [0, 0x3ffffffe];
  const nanoseconds = ((time % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return [(time - nanoseconds) / 1_000_000_000n, nanoseconds];
}
