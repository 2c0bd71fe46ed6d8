import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { isRunning } from '#admin';
import { mountObstacle } from '#fuse';

const run = promisify(execFile);
/** Only a hang takes so long, however busy the machine is. */
const limitMs = 180_000;
/** For tests that mount: they are skipped, with the reason, where nothing can be mounted. */
export const mounting: { readonly skip: string | false } = { skip: mountObstacle() ?? false };
/** For those that mount a small disk too. */
export const asRoot = { skip: mountObstacle() ?? (process.getuid?.() !== 0 && 'only root mounts a small disk') };
export const cfsPath = resolve(fileURLToPath(import.meta.url), '../../../bin/cfs');

/** What a finished command left. */
export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A directory for one test: a mount point, a place for a store, and a runtime directory of its own, so that tests
 * meet no other mount. Its end unmounts whatever is mounted there and removes it all.
 */
export class Site implements AsyncDisposable {
  readonly root = mkdtempSync(join(tmpdir(), 'cfs-e2e-'));
  readonly mountpoint = join(this.root, 'mnt');
  readonly store: string = join(this.root, 'store');
  readonly environment: NodeJS.ProcessEnv = {
    ...process.env,
    CFS_RUNTIME_DIR: join(this.root, 'run'),
    XDG_DATA_HOME: join(this.root, 'data'),
    XDG_STATE_HOME: join(this.root, 'state'),
  };

  constructor() {
    mkdirSync(this.mountpoint);
  }

  /** Runs `cfs` and waits for its end; a failure is a result, not an exception. */
  cfs(...args: string[]): Promise<Finished> {
    return finished(cfsPath, args, this.environment);
  }

  /** Mounts in the background; fails unless that works. */
  async mount(...options: string[]): Promise<void> {
    const finished = await this.cfs('mount', this.mountpoint, '--store', this.store, ...options);
    if (finished.code !== 0) throw new Error(`cfs mount failed with ${finished.code}: ${finished.stderr}`);
  }

  /** Fails unless it works. Whatever looks at all mounts of the machine may be in the way for a moment. */
  async umount(): Promise<void> {
    let finished = await this.cfs('umount', this.mountpoint);
    for (let tries = 0; tries < 20 && finished.stderr.includes('is in use'); tries++) {
      await pause(100);
      finished = await this.cfs('umount', this.mountpoint);
    }
    if (finished.code !== 0) throw new Error(`cfs umount failed with ${finished.code}: ${finished.stderr}`);
  }

  /** The process id of the daemon of the mount. */
  async daemonPid(): Promise<number> {
    const mounts = JSON.parse((await this.cfs('status', '--json')).stdout) as { daemonPid: number }[];
    if (mounts[0] === undefined) throw new Error('nothing is mounted');
    return mounts[0].daemonPid;
  }

  /** Kills the daemon and takes the dead mount away. */
  async killDaemon(): Promise<void> {
    const pid = await this.daemonPid();
    process.kill(pid, 'SIGKILL');
    await gone(pid);
    await run('umount', ['-l', this.mountpoint]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.unmountAll();
    rmSync(this.root, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Whatever it takes. */
  protected async unmountAll(): Promise<void> {
    if (await isMounted(this.mountpoint)) await this.cfs('umount', this.mountpoint).catch(() => undefined);
    await unmountWhatever(this.mountpoint);
  }
}

/** Runs a command and waits for its end; a failure is a result, not an exception. */
export async function finished(
  command: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<Finished> {
  try {
    const { stdout, stderr } = await run(command, args, { env: environment, timeout: limitMs });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: unknown; stdout: string; stderr: string };
    if (typeof code !== 'number') throw error;
    return { code, stdout, stderr };
  }
}

/** Takes away whatever is mounted at `path`, in use or dead. */
export async function unmountWhatever(path: string): Promise<void> {
  for (let tries = 0; tries < 5 && (await isMounted(path)); tries++) {
    await run('umount', ['-l', path]).catch(() => undefined);
  }
}

export async function isMounted(path: string): Promise<boolean> {
  const { stdout } = await run('cat', ['/proc/self/mountinfo']);
  return stdout.split('\n').some((line) => line.split(' ')[4] === path);
}

/** Waits until a process is gone, or is a zombie that only waits to be collected. */
export async function gone(pid: number): Promise<void> {
  while (isRunning(pid)) await pause(5);
}

/** Starts a TypeScript program of the tests under this Node. */
export function startProgram(file: string, args: readonly string[]): ChildProcess {
  return spawn(process.execPath, ['--conditions=source', '--disable-warning=ExperimentalWarning', file, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}
