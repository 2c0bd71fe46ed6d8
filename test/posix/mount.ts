import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { rmdirSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, statfs } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { isRunning } from '#admin';

const run = promisify(execFile);
const program = path.join(import.meta.dirname, '../../bin/cfs');
const TMPFS_MAGIC = 0x01021994;
const ENOUGH_BYTES = 1 << 30;
/** Only a hang takes so long, however busy the machine is. */
const LIMIT_MS = 180_000;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface Mount {
  dir: string;
  secondDir?: string;
  /** The store's file system is a tmpfs, whose rules for mapped files show through passthrough. */
  onTmpfs: boolean;
  release(): Promise<void>;
}

/** Mounts a new, empty ClaudeFS in a temporary directory, with `options` as for `-o`. */
export async function mountClaudeFs(options: string): Promise<Mount> {
  const place = await makeMountPlace('cfs-posix-');
  const { home, dir } = place;
  try {
    const args = ['mount', dir, '--store', path.join(home, 'store'), ...(options ? ['-o', options] : [])];
    await run(program, args, { timeout: LIMIT_MS, env: environmentIn(home) });
  } catch (error) {
    place.remove();
    throw error;
  }
  const pids = await processesOf(dir);
  // Only at a sudden end: `release` lets the daemon end by itself.
  const kill = () => endNow(pids);
  process.once('exit', kill);
  const { type } = await statfs(home);
  return {
    dir,
    onTmpfs: type === TMPFS_MAGIC,
    async release() {
      try {
        await run(program, ['umount', dir], { timeout: LIMIT_MS, env: environmentIn(home) });
      } finally {
        place.remove();
        process.off('exit', kill);
        await endProcesses(pids);
      }
    },
  };
}

/** Serves a new, empty store on loopback and mounts it, with `options` as for `-o`. */
export async function mountCluster(options: string): Promise<Mount> {
  const place = await makeMountPlace('cfs-posix-');
  const { home, dir } = place;
  const server = new Server(path.join(home, 'store'), environmentIn(home));
  const end = async (): Promise<void> => {
    place.remove();
    await server.end();
  };
  try {
    const servers = `--metadata-servers=${await server.listening}`;
    const args = ['mount', dir, servers, '--insecure', ...(options ? ['-o', options] : [])];
    await run(program, args, { timeout: LIMIT_MS, env: environmentIn(home) });
  } catch (error) {
    await end();
    throw error;
  }
  const pids = await processesOf(dir);
  const kill = () => endNow(pids);
  process.once('exit', kill);
  return {
    dir,
    onTmpfs: false,
    async release() {
      try {
        await run(program, ['umount', dir], { timeout: LIMIT_MS, env: environmentIn(home) });
      } finally {
        await end();
        process.off('exit', kill);
        await endProcesses(pids);
      }
    },
  };
}

/** `cfs serve` as a child, which a sudden end takes along. */
class Server {
  /** The address, once it listens. */
  readonly listening: Promise<string>;
  readonly #process: ChildProcess;
  readonly #kill = (): void => void this.#process.kill('SIGKILL');

  constructor(store: string, env: NodeJS.ProcessEnv) {
    const server = spawn(program, ['serve', '--store', store, '--listen', '127.0.0.1:0', '--insecure'], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = server;
    process.once('exit', this.#kill);
    this.listening = new Promise((resolve, reject) => {
      let output = '';
      for (const stream of [server.stdout, server.stderr]) {
        stream.setEncoding('utf8').on('data', (text: string) => {
          output += text;
          const address = /serving .* at (127\.0\.0\.1:\d+)/.exec(output)?.[1];
          if (address !== undefined) resolve(address);
        });
      }
      server.once('close', (code) => reject(new Error(`cfs serve ended with ${code}: ${output}`)));
    });
    this.listening.catch(() => undefined);
  }

  async end(): Promise<void> {
    process.off('exit', this.#kill);
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const closed = once(this.#process, 'close');
    this.#process.kill('SIGTERM');
    await closed;
  }
}

/** What the program writes beside the store goes into the temporary directory too. */
function environmentIn(home: string): NodeJS.ProcessEnv {
  return { ...process.env, CFS_RUNTIME_DIR: path.join(home, 'run'), XDG_STATE_HOME: path.join(home, 'state') };
}

export interface MountPlace {
  /** A temporary directory. */
  home: string;
  /** An empty directory in it, to mount on. */
  dir: string;
  /** Unmounts, should that not have been done, and removes the directory. Happens by itself at a sudden end. */
  remove(): void;
}

export async function makeMountPlace(prefix: string): Promise<MountPlace> {
  const home = await mkdtemp(path.join(await temporaryRoot(), prefix));
  const dir = path.join(home, 'mount');
  await mkdir(dir);
  const end = () => process.exit(1);
  const remove = () => {
    process.off('exit', remove);
    for (const signal of SIGNALS) process.off(signal, end);
    detach(dir);
    // rmdir, which never reaches into what might still be mounted.
    rmdirSync(dir);
    rmSync(home, { recursive: true, force: true });
  };
  process.once('exit', remove);
  for (const signal of SIGNALS) process.once(signal, end);
  return { home, dir, remove };
}

/** A tmpfs where there is one with enough room, so that the disk does not slow the suite down. */
async function temporaryRoot(): Promise<string> {
  if (process.env['CFS_TEST_TMPDIR']) return process.env['CFS_TEST_TMPDIR'];
  for (const dir of [os.tmpdir(), '/dev/shm']) {
    const { type, bavail, bsize } = await statfs(dir).catch(() => ({ type: 0, bavail: 0, bsize: 0 }));
    if (type === TMPFS_MAGIC && bavail * bsize >= ENOUGH_BYTES) return dir;
  }
  return os.tmpdir();
}

/** The daemon and its keeper: processes that were started with the mount point, which no other run has, as an argument. */
async function processesOf(dir: string): Promise<number[]> {
  const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0);
  const found = await Promise.all(
    pids.map(async (pid) => {
      const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      return line.split('\0').includes(dir) ? [pid] : [];
    }),
  );
  return found.flat();
}

/** The daemon ends by itself after an unmount; one that does not is a failure, but is not left behind. */
async function endProcesses(pids: number[]): Promise<void> {
  for (let waitedMs = 0; waitedMs < LIMIT_MS; waitedMs += 50) {
    if (!pids.some(isRunning)) return;
    await sleep(50);
  }
  const left = pids.filter(isRunning);
  endNow(left);
  throw new Error(`still running long after umount: ${left.join(', ')}`);
}

function endNow(pids: number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has just ended.
    }
  }
}

// A lazy unmount is the last resort; it fails, which is no matter, when the directory is not mounted any more.
function detach(dir: string): void {
  const [command, ...args] =
    process.getuid?.() === 0 ? ['umount', '--lazy', '--no-canonicalize'] : ['fusermount3', '-uz'];
  spawnSync(command!, [...args, dir], { timeout: 10_000, stdio: 'ignore' });
}
