import { execFile, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, rmdir, statfs } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const program = path.join(import.meta.dirname, '../../bin/cfs');
const TMPFS_MAGIC = 0x01021994;
const ENOUGH_BYTES = 1 << 30;
const LIMIT_MS = 60_000;

export interface Mount {
  dir: string;
  /** The store's file system is a tmpfs, whose rules for mapped files show through passthrough. */
  onTmpfs: boolean;
  release(): Promise<void>;
}

/** Mounts a new, empty ClaudeFS in a temporary directory, with `options` as for `-o`. */
export async function mountClaudeFs(options: string): Promise<Mount> {
  const home = await mkdtemp(path.join(await temporaryRoot(), 'cfs-posix-'));
  const dir = path.join(home, 'mount');
  await mkdir(dir);
  const atExit = () => detach(dir);
  process.once('exit', atExit);
  try {
    const args = ['mount', dir, '--store', path.join(home, 'store'), ...(options ? ['-o', options] : [])];
    await run(program, args, { timeout: LIMIT_MS });
  } catch (error) {
    await clean(home, dir);
    throw error;
  }
  const pids = await processesOf(dir);
  const { type } = await statfs(home);
  return {
    dir,
    onTmpfs: type === TMPFS_MAGIC,
    async release() {
      try {
        await run(program, ['umount', dir], { timeout: LIMIT_MS });
      } finally {
        await clean(home, dir);
        await endProcesses(pids);
        process.off('exit', atExit);
      }
    },
  };
}

/** A tmpfs where there is one with enough room, so that the disk does not slow the suite down. */
export async function temporaryRoot(): Promise<string> {
  if (process.env['CFS_TEST_TMPDIR']) return process.env['CFS_TEST_TMPDIR'];
  for (const dir of [os.tmpdir(), '/dev/shm']) {
    const { type, bavail, bsize } = await statfs(dir).catch(() => ({ type: 0, bavail: 0, bsize: 0 }));
    if (type === TMPFS_MAGIC && bavail * bsize >= ENOUGH_BYTES) return dir;
  }
  return os.tmpdir();
}

async function processesOf(dir: string): Promise<number[]> {
  const { stdout } = await run(program, ['status', '--json'], { timeout: LIMIT_MS });
  const mounts: { mountpoint: string; daemonPid: number; keeperPid: number | null }[] = JSON.parse(stdout);
  const mine = mounts.filter((mount) => mount.mountpoint === dir);
  return mine.flatMap((mount) => [mount.daemonPid, mount.keeperPid]).filter((pid) => pid !== null);
}

/** The daemon ends by itself after an unmount; one that does not is a failure, but is not left behind. */
async function endProcesses(pids: number[]): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (!pids.some(isAlive)) return;
    await sleep(50);
  }
  const left = pids.filter(isAlive);
  for (const pid of left) process.kill(pid, 'SIGKILL');
  throw new Error(`still running 5 seconds after umount: ${left.join(', ')}`);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

// A lazy unmount is the last resort; it fails, which is no matter, when the directory is not mounted any more.
function detach(dir: string): void {
  const [command, ...args] = process.getuid?.() === 0 ? ['umount', '-l'] : ['fusermount3', '-uz'];
  spawnSync(command!, [...args, dir], { timeout: 10_000, stdio: 'ignore' });
}

async function clean(home: string, dir: string): Promise<void> {
  detach(dir);
  // rmdir, which never reaches into what might still be mounted.
  await rmdir(dir);
  await rm(home, { recursive: true, force: true });
}
