import { realpath, stat, statfs } from 'node:fs/promises';
import { constants } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { FsError, fromErrno } from '#base';
import * as device from './device.ts';
import { mountThroughHelper, unmountThroughHelper } from './fusermount.ts';
import type { FuseMountOptions } from './mount-options.ts';
import { findMount } from './mountinfo.ts';

/** A mount whose requests nobody answers yet: give `fd` to `serve`. */
export interface FuseMount {
  /** Absolute, without symlinks. */
  readonly mountpoint: string;
  /** The open /dev/fuse. The mount dies with its last copy. */
  readonly fd: number;
  /** Through fusermount3, since this process may not mount. */
  readonly unprivileged: boolean;
}

const MS = { readOnly: 1, noSuid: 2, noDev: 4, noExec: 8, noAtime: 1024 } as const;
const MNT_DETACH = 2;
const { ENOENT, EACCES, EPERM, EBUSY, EINVAL, ENODEV, EMFILE, ENFILE } = constants.errno;

/**
 * Mounts. A dead mount that an earlier daemon left at the same place is removed first. Fails with one clear sentence:
 * `notFound`, `notDirectory`, `busy` (something of this kind is mounted there), `accessDenied`, `notSupported` (no
 * FUSE here), and leaves nothing mounted.
 */
export async function mountFuse(options: FuseMountOptions): Promise<FuseMount> {
  const mountpoint = await clearMountpoint(options.mountpoint);
  const unprivileged = process.geteuid?.() !== 0;
  if (unprivileged) return { mountpoint, fd: await mountThroughHelper(mountpoint, options), unprivileged };
  const fd = device.openFuseDevice();
  if (fd < 0) throw deviceFailure(-fd);
  const result = await new Promise<number>((done) => {
    const { source = 'cfs', subtype = 'cfs' } = options;
    device.mount(
      source,
      mountpoint,
      subtype === '' ? 'fuse' : `fuse.${subtype}`,
      flagsOf(options),
      dataOf(fd, options),
      done,
    );
  });
  if (result < 0) {
    device.closeFd(fd);
    throw mountFailure(-result, mountpoint);
  }
  return { mountpoint, fd, unprivileged };
}

/**
 * Unmounts; `busy` while somebody uses it, unless `lazy`, which hides it now and ends it when nobody does any more.
 * Never call this from the daemon that serves the mount unless it goes on serving meanwhile.
 */
export async function unmount(mountpoint: string, options: { lazy?: boolean } = {}): Promise<void> {
  const lazy = options.lazy ?? false;
  if (process.geteuid?.() !== 0) return unmountThroughHelper(mountpoint, lazy);
  const result = await new Promise<number>((done) => device.umount(mountpoint, lazy ? MNT_DETACH : 0, done));
  if (result >= 0) return;
  if (result === -EBUSY)
    throw new FsError('busy', `${mountpoint} is in use: close what is open in it, or unmount lazily`);
  if (result === -EINVAL) throw new FsError('invalid', `${mountpoint} is not mounted`);
  throw fromErrno(-result, `cannot unmount ${mountpoint}`);
}

/**
 * The canonical path of a directory that can be mounted on, for those who have more to prepare before they mount. A
 * dead mount there is removed. Fails as `mountFuse` does.
 */
export async function clearMountpoint(path: string): Promise<string> {
  // Only the parent is resolved: of a dead mount nothing can be asked.
  const absolute = resolve(path);
  let mountpoint = absolute;
  try {
    mountpoint = join(await realpath(dirname(absolute)), basename(absolute));
  } catch (cause) {
    throw new FsError('notFound', `${path} does not exist: make the directory first`, { cause });
  }
  let found = await look(mountpoint);
  while (found === 'dead') {
    await unmount(mountpoint, { lazy: true });
    found = await look(mountpoint);
  }
  if (found === 'missing') throw new FsError('notFound', `${path} does not exist: make the directory first`);
  if (found === 'hidden') throw new FsError('accessDenied', `${path} may not be looked at by this user`);
  if (found === 'file') throw new FsError('notDirectory', `${path} is not a directory`);
  mountpoint = await realpath(mountpoint);
  const mounted = await findMount(mountpoint);
  if (mounted?.type.startsWith('fuse')) {
    throw new FsError('busy', `${path} is mounted already (${mounted.type} from ${mounted.source}): unmount it first`);
  }
  return mountpoint;
}

async function look(path: string): Promise<'directory' | 'file' | 'missing' | 'hidden' | 'dead'> {
  try {
    // Attributes of a dead mount may still be lent to the kernel; what it holds in all is always asked for.
    if ((await findMount(path))?.type.startsWith('fuse')) await statfs(path);
    return (await stat(path)).isDirectory() ? 'directory' : 'file';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTCONN' || code === 'ECONNABORTED') return 'dead';
    if (code === 'EACCES' || code === 'EPERM') return 'hidden';
    if (code === 'ENOTDIR') return 'file';
    if (code === 'ENOENT') return 'missing';
    throw error;
  }
}

function flagsOf(options: FuseMountOptions): number {
  return (
    (options.readOnly ? MS.readOnly : 0) |
    (options.noSuid ? MS.noSuid : 0) |
    (options.noDev ? MS.noDev : 0) |
    (options.noExec ? MS.noExec : 0) |
    (options.noAtime ? MS.noAtime : 0)
  );
}

/** The type of the root, which the kernel wants to know before it can ask. */
const rootMode = '40000';

function dataOf(fd: number, options: FuseMountOptions): string {
  const data = [
    `fd=${fd}`,
    `rootmode=${rootMode}`,
    `user_id=${process.getuid?.() ?? 0}`,
    `group_id=${process.getgid?.() ?? 0}`,
  ];
  if (options.allowOther ?? true) data.push('allow_other');
  if (options.defaultPermissions ?? true) data.push('default_permissions');
  return data.join(',');
}

function deviceFailure(errno: number): FsError {
  if (errno === ENOENT || errno === ENODEV) {
    return new FsError(
      'notSupported',
      '/dev/fuse is missing: load the kernel module (modprobe fuse), or give the container the device',
    );
  }
  if (errno === EACCES || errno === EPERM)
    return new FsError('accessDenied', '/dev/fuse may not be opened by this user');
  if (errno === EMFILE || errno === ENFILE)
    return new FsError('tooManyOpen', 'no descriptor is left to open /dev/fuse');
  return fromErrno(errno, 'cannot open /dev/fuse');
}

function mountFailure(errno: number, mountpoint: string): FsError {
  if (errno === EPERM)
    return new FsError(
      'notPermitted',
      `mounting on ${mountpoint} needs CAP_SYS_ADMIN: is this a container without it?`,
    );
  if (errno === ENODEV) return new FsError('notSupported', 'the kernel has no FUSE: load the module (modprobe fuse)');
  if (errno === EBUSY) return new FsError('busy', `${mountpoint} is busy: something is mounted there already`);
  return fromErrno(errno, `cannot mount on ${mountpoint}`);
}
