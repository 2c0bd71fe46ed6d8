/**
 * Where one run of the tests works: temporary directories, a runtime directory and an environment that are nobody
 * else's. Its end unmounts, ends and removes whatever the tests have left there.
 */

import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statfsSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const tmpfsMagic = 0x01021994;
/** A tmpfs with less room than this is left alone. */
const enoughBytes = 2 ** 30;
/** The path of a Unix socket has 107 bytes, and the tests put theirs some directories deep. */
const pathMaxBytes = 40;
const sweepsMax = 50;
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** Settings of the user that would make the tests another thing. */
const unwanted = [
  'CFS_NODE',
  'CFS_SOURCE',
  'CFS_DAEMON',
  'CFS_START_DIRECTORY',
  'UV_THREADPOOL_SIZE',
  'NODE_OPTIONS',
  'NODE_TEST_CONTEXT',
  'POSIXLY_CORRECT',
];

export class TestSite {
  #leftovers;
  #caretaker;

  constructor() {
    // Temporary files, and those that are many or large: in memory where there is room, so that no disk is waited for.
    const base = Buffer.byteLength(tmpdir()) > pathMaxBytes ? '/tmp' : tmpdir();
    const directory = newDirectory(base);
    const inMemory = [base, '/dev/shm'].find(isRoomyTmpfs);
    const fast = inMemory === undefined || inMemory === base ? directory : newDirectory(inMemory);
    const directories = [...new Set([directory, fast])];
    this.#leftovers = new Leftovers(directories);
    this.#caretaker = startCaretaker(directories);
    for (const name of ['data', 'state', 'run']) mkdirSync(join(directory, name), { mode: 0o700 });
    this.environment = {
      ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !unwanted.includes(name))),
      CFS_TEST_RUN: directory,
      CFS_TEST_TMPDIR: fast,
      CFS_RUNTIME_DIR: join(directory, 'run'),
      TMPDIR: directory,
      XDG_DATA_HOME: join(directory, 'data'),
      XDG_STATE_HOME: join(directory, 'state'),
      LC_ALL: 'C.UTF-8',
    };
    // Modes of new files are part of what is tested.
    process.umask(0o022);
  }

  /** Waits until the last processes of the run have ended by themselves, for so long at most. */
  async settle(limitMs) {
    await this.#leftovers.settle(limitMs);
  }

  /** Removes all of it; what should not have been there any more, one line each. */
  remove() {
    const left = this.#leftovers.remove();
    this.#caretaker.kill('SIGKILL');
    return left;
  }
}

/** Whatever there is of a run: processes with its environment or in its `directories`, and mounts below these. */
export class Leftovers {
  #directories;
  #mark;

  constructor(directories) {
    this.#directories = directories;
    this.#mark = `CFS_TEST_RUN=${directories[0]}`;
  }

  /** Waits until the last processes of the run have ended by themselves, for so long at most. */
  async settle(limitMs) {
    for (let waitedMs = 0; waitedMs < limitMs && this.#processes().length > 0; waitedMs += 100) await pause(100);
  }

  /** Removes all of it; what should not have been there any more, one line each. */
  remove() {
    const left = [];
    for (let sweep = 0; sweep < sweepsMax; sweep++) {
      const processes = this.#processes();
      const mounts = this.#mounts();
      if (processes.length + mounts.length === 0) break;
      for (const { pid, command } of processes) {
        if (sweep === 0) left.push(`process ${pid}: ${command}`);
        tryTo(() => process.kill(pid, 'SIGKILL'));
      }
      for (const mountpoint of mounts) {
        if (sweep === 0) left.push(`mount ${mountpoint}`);
        detach(mountpoint);
      }
      // Killed processes and detached mounts take a moment to go.
      if (sweep > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    }
    const mounts = this.#mounts();
    // Never reach into a mount.
    if (mounts.length > 0)
      return [...left, ...mounts.map((mountpoint) => `mount ${mountpoint}, which cannot be removed`)];
    for (const directory of this.#directories)
      tryTo(() => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));
    return left;
  }

  /** Mount points below the directories, the innermost first. */
  #mounts() {
    return readFileSync('/proc/self/mountinfo', 'latin1')
      .split('\n')
      .map((line) => unescapeOctal(line.split(' ')[4] ?? ''))
      .filter((mountpoint) => this.#directories.some((directory) => mountpoint.startsWith(`${directory}/`)))
      .reverse();
  }

  /** Processes of this run: those with its environment, and those that work in its directories. */
  #processes() {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      .flatMap((name) => {
        const read = (what) => tryTo(() => readFileSync(`/proc/${name}/${what}`, 'latin1')) ?? '';
        const directory = tryTo(() => readlinkSync(`/proc/${name}/cwd`)) ?? '';
        const isOurs =
          read('environ').split('\0').includes(this.#mark) ||
          this.#directories.some((ours) => directory.startsWith(`${ours}/`));
        return isOurs ? [{ pid: Number(name), command: read('cmdline').replaceAll('\0', ' ').slice(0, 200) }] : [];
      });
  }
}

/** A process in a session of its own, which outlives even a run that is killed, and then removes what is left of it. */
function startCaretaker(directories) {
  const program = fileURLToPath(new URL('test-caretaker.mjs', import.meta.url));
  const caretaker = spawn(process.execPath, [program, ...directories], {
    detached: true,
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  caretaker.unref();
  caretaker.stdin.unref();
  return caretaker;
}

function newDirectory(base) {
  const directory = mkdtempSync(join(base, 'cfs-test-'));
  // Other users take part in the tests, and have to get to the mounts.
  chmodSync(directory, 0o711);
  return directory;
}

function isRoomyTmpfs(directory) {
  const found = tryTo(() => statfsSync(directory));
  return found !== undefined && found.type === tmpfsMagic && found.bavail * found.bsize >= enoughBytes;
}

function detach(mountpoint) {
  const [command, ...args] =
    process.getuid() === 0 ? ['umount', '--lazy', '--no-canonicalize'] : ['fusermount3', '-u', '-z'];
  spawnSync(command, [...args, mountpoint], { stdio: 'ignore', timeout: 10_000 });
}

/** As /proc/mounts has them: a space is \040. */
function unescapeOctal(text) {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** Undefined where the world has changed meanwhile. */
function tryTo(action) {
  try {
    return action();
  } catch {
    return undefined;
  }
}
