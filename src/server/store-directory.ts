import { openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { type Clock, FsError, file, fromErrno, type Random } from '#base';
import { descriptorLimit, descriptorShares } from './blob/descriptor-shares.ts';
import { LocalBlobStore } from './blob/local.ts';
import { LmdbEngine } from './kv/lmdb.ts';
import { openVolume, type ServedVolume, type VolumeOptions } from './open-volume.ts';

const { errno } = constants;
/** O_RDWR | O_CREAT | O_CLOEXEC. */
const openLockFlags = 0o2 | 0o100 | 0o2000000;
/** O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC. */
const rewriteFlags = 0o1 | 0o100 | 0o1000 | 0o2000000;
/** O_RDONLY | O_DIRECTORY | O_CLOEXEC. */
const openDirectoryFlags = 0o200000 | 0o2000000;

/** How the files of a store are laid out: `meta`, `blobs`, `lock` and `version`. */
const layoutVersion = 1;
const versionText = `claudefs store ${layoutVersion}\n`;
/**
 * Lies in a store until its volume is made and durable. Until then nobody was promised anything, so whoever finds it
 * begins anew: a power cut may have left any part of the rest.
 */
const unfinishedName = 'unfinished';
/** What an unfinished store may hold. */
const ownNames = new Set(['lock', 'version', 'meta', 'blobs', unfinishedName]);

/** A store on the local disk that this process holds: nobody else can open it until `close`, or until the process ends. */
export interface StoreDirectory {
  readonly path: string;
  /** Holds the lock; another process that is given it holds the lock too. */
  readonly lockFd: number;
  readonly metaPath: string;
  readonly blobsPath: string;
  /** A new store is complete: what it holds is durable, and must be kept from now on. */
  finish(): Promise<void>;
  /** Gives the lock back. */
  close(): void;
}

/**
 * Takes the store at `path`; with `make`, an absent or empty directory becomes one. Fails with `busy` when another
 * process has it, `notFound`, `notEmpty` when the directory holds something else, `notSupported` when a newer
 * version made it, and as the system does.
 */
export async function takeStoreDirectory(path: string, options: { make: boolean }): Promise<StoreDirectory> {
  if (examine(path, options)) {
    attempt('make the store', path, () => file.makeDirectories(path, 0o700));
  }
  const lockFd = lock(path);
  try {
    // Another process may have made it meanwhile.
    const isNew = examine(path, options);
    if (isNew) await initialize(path);
    requireVersion(path);
    for (const name of ['meta', 'blobs']) {
      attempt('make', join(path, name), () => file.makeDirectories(join(path, name), 0o700));
    }
    if (isNew) await syncDirectory(path);
    return {
      path,
      lockFd,
      metaPath: join(path, 'meta'),
      blobsPath: join(path, 'blobs'),
      finish: () => (isNew ? finish(path) : Promise.resolve()),
      close: () => void file.closeFd(lockFd),
    };
  } catch (cause) {
    file.closeFd(lockFd);
    throw cause;
  }
}

/**
 * Opens the volume in the store at `path`, and makes both where the directory is absent or empty: then its root
 * belongs to the user of this process, who could not write there otherwise.
 */
export async function openLocalVolume(
  path: string,
  machine: { clock: Clock; random: Random },
  options: VolumeOptions & { openMax?: number; lentMax?: number } = {},
): Promise<{ volume: ServedVolume; directory: StoreDirectory; close: () => Promise<void> }> {
  const directory = await takeStoreDirectory(path, { make: true });
  try {
    const engine = await LmdbEngine.open(directory.metaPath);
    const blobs = new LocalBlobStore(directory.blobsPath, { ...descriptorShares(descriptorLimit()), ...options });
    const owner = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
    const volume = await openVolume({ engine, blobs, ...machine }, { owner, ...options });
    await finishMaking(directory, volume);
    const close = (): Promise<void> => volume.close().finally(() => directory.close());
    return { volume, directory, close };
  } catch (cause) {
    directory.close();
    throw cause;
  }
}

async function finishMaking(directory: StoreDirectory, volume: ServedVolume): Promise<void> {
  try {
    await directory.finish();
  } catch (cause) {
    // What went wrong first is what matters.
    await volume.close().catch(() => undefined);
    throw cause;
  }
}

/** Whether `path` is to become a store; fails when it is neither one nor can become one. */
function examine(path: string, options: { make: boolean }): boolean {
  const names = namesIn(path) ?? [];
  const isUnfinished = names.includes(unfinishedName);
  if (!isUnfinished && names.includes('version') && readVersion(path) !== '') return false;
  // A making that was interrupted at its start leaves the lock, and perhaps an empty version.
  const others = names.filter((name) => !(isUnfinished ? ownNames.has(name) : name === 'lock' || name === 'version'));
  if (others.length > 0) {
    throw new FsError(
      'notEmpty',
      `${path} is no store of cfs, and not empty (it holds ${others[0]}): choose an absent or empty directory`,
    );
  }
  if (!options.make) throw new FsError('notFound', `there is no store at ${path}`);
  return true;
}

function namesIn(path: string): string[] | undefined {
  try {
    return readdirSync(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw failed('read the store', path, cause);
  }
}

/** Takes the lock, and leaves this process's number in its file for whoever is refused. */
function lock(path: string): number {
  const lockPath = join(path, 'lock');
  const fd = attempt('open', lockPath, () => openSync(lockPath, openLockFlags, 0o600));
  const locked = file.lockFile(fd, true);
  if (locked < 0) {
    const holder = readFileSync(lockPath, 'latin1').trim();
    file.closeFd(fd);
    if (locked !== -errno.EAGAIN && locked !== -errno.EACCES) throw fromErrno(-locked, `lock ${lockPath}`);
    const who = holder === '' ? 'another process' : `process ${holder}`;
    throw new FsError('busy', `the store ${path} is in use by ${who}: unmount it there first`);
  }
  file.truncateSync(fd, 0);
  file.writeSync(fd, Buffer.from(`${process.pid}\n`, 'latin1'), 0);
  return fd;
}

async function initialize(path: string): Promise<void> {
  await write(join(path, unfinishedName), '');
  // From here on, whatever a power cut leaves is known to be a part of nothing.
  await syncDirectory(path);
  for (const name of ['version', 'meta', 'blobs']) {
    attempt('remove the unfinished', join(path, name), () =>
      rmSync(join(path, name), { recursive: true, force: true }),
    );
  }
  await write(join(path, 'version'), versionText);
}

async function finish(path: string): Promise<void> {
  const unfinishedPath = join(path, unfinishedName);
  file.check(file.unlinkAt(file.AT_FDCWD, unfinishedPath), 'remove', unfinishedPath);
  await syncDirectory(path);
}

/** Makes a file durable with this content. */
async function write(path: string, text: string): Promise<void> {
  const fd = file.check(file.openAt(file.AT_FDCWD, path, rewriteFlags, 0o600), 'open', path);
  try {
    file.check(file.writeSync(fd, Buffer.from(text, 'latin1'), 0), 'write', path);
    await file.fsync(fd, false, path);
  } finally {
    file.closeFd(fd);
  }
}

function requireVersion(path: string): void {
  const text = readVersion(path);
  const version = Number(/^claudefs store (\d+)$/.exec(text)?.[1] ?? Number.NaN);
  if (version === layoutVersion) return;
  if (version > layoutVersion) {
    throw new FsError(
      'notSupported',
      `the store ${path} has format ${version}, made by a newer cfs; this one knows formats up to ${layoutVersion}: use the newer cfs`,
    );
  }
  throw new FsError('corrupted', `${join(path, 'version')} does not name a format: restore it from a backup`);
}

function readVersion(path: string): string {
  return attempt('read', join(path, 'version'), () => readFileSync(join(path, 'version'), 'latin1')).trim();
}

async function syncDirectory(path: string): Promise<void> {
  const fd = file.check(file.openAt(file.AT_FDCWD, path, openDirectoryFlags, 0), 'open', path);
  try {
    await file.fsync(fd, false, path);
  } finally {
    file.closeFd(fd);
  }
}

function attempt<T>(what: string, path: string, body: () => T): T {
  try {
    return body();
  } catch (cause) {
    throw failed(what, path, cause);
  }
}

function failed(what: string, path: string, cause: unknown): FsError {
  const { errno: number = -errno.EIO, code } = cause as NodeJS.ErrnoException;
  const { status, message } = fromErrno(-number, `${what} ${path}`);
  const advice = adviceByCode[code ?? ''];
  return new FsError(status, advice === undefined ? `cannot ${message}` : `cannot ${what} ${path}: ${advice}`, {
    cause,
  });
}

const adviceByCode: Record<string, string | undefined> = {
  EROFS: 'its disk is read-only: make it writable, or choose another --store',
  EACCES: 'this user may not: change its permissions, or choose another --store',
  ENOTDIR: 'it is or lies below something that is no directory: choose another --store',
  ENOENT: 'no directory can be made there: choose another --store',
  ENOSPC: 'its disk is full: make room, or choose another --store',
};
