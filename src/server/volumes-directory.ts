import { randomBytes } from 'node:crypto';
import { existsSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, FsError, file, type Random } from '#base';
import { descriptorLimit, descriptorShares } from './blob/descriptor-shares.ts';
import type { ServedVolume } from './open-volume.ts';
import { openLocalVolume } from './store-directory.ts';

/** The volume of a new store. */
export const defaultVolume = 'default';
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** Says what the directory is: a server's store, with volumes in it, and not the store of one mount. */
const markName = 'server';
const markText = 'claudefs server 1\n';
const removedPrefix = '.removed-';
/** Descriptors that one of several volumes keeps open at most, and has in any case. */
const volumesPerShare = 4;
const openLeast = 32;
/** O_RDWR | O_CREAT | O_CLOEXEC. */
const openLockFlags = 0o2 | 0o100 | 0o2000000;

/**
 * The store of a server: `volumes/NAME`, each an ordinary store of one volume, `server` and `lock`. Held by one
 * process at a time.
 */
export class VolumesDirectory {
  readonly path: string;
  readonly #lockFd: number;

  private constructor(path: string, lockFd: number) {
    this.path = path;
    this.#lockFd = lockFd;
  }

  /**
   * Takes the store at `path`; with `make` an absent or empty directory becomes one. Fails with `busy` when another
   * process has it, `notFound`, `notEmpty` when the directory holds something else.
   */
  static take(path: string, options: { make: boolean }): VolumesDirectory {
    const isNew = examine(path, options);
    if (isNew) attempt(`make the store ${path}`, () => file.makeDirectories(path, 0o700));
    const lockFd = lock(path);
    try {
      // The mark comes last, so that a making that was interrupted is begun anew.
      if (isNew) {
        attempt(`make ${path}/volumes`, () => file.makeDirectories(join(path, 'volumes'), 0o700));
        attempt(`write ${path}/${markName}`, () => writeFileSync(join(path, markName), markText, { flush: true }));
      }
      const taken = new VolumesDirectory(path, lockFd);
      taken.#sweep();
      return taken;
    } catch (cause) {
      file.closeFd(lockFd);
      throw cause;
    }
  }

  /** The names of all volumes, sorted. */
  list(): string[] {
    return readdirSync(join(this.path, 'volumes'))
      .filter((name) => namePattern.test(name))
      .sort();
  }

  /**
   * Opens a volume for sessions, which may have open what has no name; with `make`, one that is not there. Fails with
   * `notFound` and as `openLocalVolume` does.
   */
  async open(
    name: string,
    machine: { clock: Clock; random: Random },
    options: { make: boolean },
  ): Promise<{ volume: ServedVolume; close: () => Promise<void> }> {
    requireVolumeName(name);
    const path = join(this.path, 'volumes', name);
    if (!options.make && !existsSync(path)) throw new FsError('notFound', `there is no volume ${name} in ${this.path}`);
    return openLocalVolume(path, machine, { keepOrphans: true, openMax: Math.max(openLeast, openShare()) });
  }

  /** Makes a volume. Fails with `exists`. */
  async create(name: string, machine: { clock: Clock; random: Random }): Promise<void> {
    requireVolumeName(name);
    if (this.list().includes(name)) throw new FsError('exists', `there is a volume ${name} already`);
    const { close } = await this.open(name, machine, { make: true });
    await close();
  }

  /** Removes a volume that nobody has open, with all that is in it. Fails with `notFound`. */
  remove(name: string): void {
    requireVolumeName(name);
    if (!this.list().includes(name)) throw new FsError('notFound', `there is no volume ${name}`);
    const volumes = join(this.path, 'volumes');
    const doomed = join(volumes, `${removedPrefix}${name}-${randomBytes(4).toString('hex')}`);
    // At once for everybody; what a crash leaves of it is swept at the next start.
    attempt(`remove the volume ${name}`, () => renameSync(join(volumes, name), doomed));
    attempt(`remove ${doomed}`, () => rmSync(doomed, { recursive: true, force: true }));
  }

  /** Gives the store back. */
  close(): void {
    file.closeFd(this.#lockFd);
  }

  #sweep(): void {
    const volumes = join(this.path, 'volumes');
    for (const name of readdirSync(volumes)) {
      if (name.startsWith(removedPrefix)) rmSync(join(volumes, name), { recursive: true, force: true });
    }
  }
}

/** Fails with `invalid` for what cannot name a volume. */
export function requireVolumeName(name: string): void {
  if (namePattern.test(name)) return;
  const rule = 'it has 1 to 64 letters, digits and . _ -, and begins with a letter or digit';
  throw new FsError('invalid', `${name === '' ? 'nothing' : name} is no name of a volume: ${rule}`);
}

function openShare(): number {
  return Math.floor(descriptorShares(descriptorLimit()).openMax / volumesPerShare);
}

/** Whether the directory is to become a store; fails when it is none and cannot become one. */
function examine(path: string, { make }: { make: boolean }): boolean {
  const names = existsSync(path) ? attempt(`read the store ${path}`, () => readdirSync(path)) : [];
  if (names.includes(markName)) {
    const text = readFileSync(join(path, markName), 'latin1');
    if (text === markText) return false;
    throw new FsError('notSupported', `the store ${path} was made by a newer cfs (${text.trim()}): use that`);
  }
  if (names.includes('version') && names.includes('meta')) {
    throw new FsError(
      'notEmpty',
      `${path} is the store of a mount, not of a server: choose another --store, or move it to NEW/volumes/${defaultVolume}`,
    );
  }
  const others = names.filter((name) => name !== 'lock' && name !== 'volumes');
  if (others.length > 0) {
    const what = `it holds ${others[0]}`;
    throw new FsError('notEmpty', `${path} is no store of cfs, and not empty (${what}): choose an absent directory`);
  }
  if (!make) throw new FsError('notFound', `there is no store of a server at ${path}`);
  return true;
}

function lock(path: string): number {
  const lockPath = join(path, 'lock');
  const fd = attempt(`open ${lockPath}`, () => openSync(lockPath, openLockFlags, 0o600));
  if (file.lockFile(fd, true) < 0) {
    const holder = readFileSync(lockPath, 'latin1').trim();
    file.closeFd(fd);
    const who = holder === '' ? 'another process' : `process ${holder}`;
    throw new FsError('busy', `the store ${path} is served by ${who}: only one server may hold it`);
  }
  file.truncateSync(fd, 0);
  file.writeSync(fd, Buffer.from(`${process.pid}\n`, 'latin1'), 0);
  return fd;
}

function attempt<T>(what: string, body: () => T): T {
  try {
    return body();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const status = code === 'EACCES' || code === 'EPERM' ? 'accessDenied' : code === 'ENOSPC' ? 'noSpace' : 'io';
    throw new FsError(status, `cannot ${what}: ${message}`, { cause });
  }
}
