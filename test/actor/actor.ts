import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, type Entry, parseAnswer } from './answers.ts';
import { buildActor } from './build.ts';
import { type Argument, type Bytes, Calls } from './calls.ts';
import { AT, O, SEEK } from './constants.ts';

export interface ActorOptions {
  cwd: string;
  uid?: number;
  gid?: number;
  /** Supplementary groups; none by default. */
  groups?: number[];
  umask?: number;
  /** Capabilities to give up, by number. */
  without?: number[];
  /** How long one call may take before the actor is killed. */
  limitMs?: number;
}

interface Waiting {
  call: string;
  resolve: (line: string) => void;
  reject: (error: Error) => void;
}

/**
 * An application: a process that makes one system call after the other. Calls may be sent without awaiting the ones
 * before. Use with `await using`; one that hangs is killed.
 */
export class Actor extends Calls {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #limitMs: number;
  readonly #waiting: Waiting[] = [];
  #watch: NodeJS.Timeout | undefined;
  #ended: string | undefined;
  #partial = '';

  private constructor(child: ChildProcessWithoutNullStreams, limitMs: number) {
    super();
    this.#process = child;
    this.#limitMs = limitMs;
    child.stdout.setEncoding('latin1').on('data', (text: string) => this.#receive(text));
    child.stderr.resume();
    // The pipe breaks when the actor was killed; 'exit' says so.
    child.stdin.on('error', () => undefined);
    child.on('error', (error) => this.#end(error.message));
    child.on('exit', (code, signal) => this.#end(`it ended with ${signal ?? code}`));
  }

  static async start(options: ActorOptions): Promise<Actor> {
    const program = await buildActor();
    const child = spawn(program, [], { cwd: options.cwd, stdio: 'pipe', env: {} });
    const actor = new Actor(child, options.limitMs ?? 120_000);
    try {
      await actor.#become(options);
    } catch (error) {
      await actor[Symbol.asyncDispose]();
      throw error;
    }
    return actor;
  }

  get pid(): number {
    return this.#process.pid!;
  }

  async call(name: string, ...args: Argument[]): Promise<Answer> {
    return parseAnswer(name, await this.#exchange([name, ...args.map(encode)].join('\t'), name));
  }

  /** The call as made by a forked child, which shares this actor's open files. */
  async childCall(name: string, ...args: Argument[]): Promise<Answer> {
    return parseAnswer(name, await this.#exchange(['child', name, ...args.map(encode)].join('\t'), name));
  }

  /** The call under a timer whose signal interrupts it. */
  async callWithAlarm(milliseconds: number, name: string, ...args: Argument[]): Promise<Answer> {
    return parseAnswer(name, await this.#exchange(['alarm', milliseconds, name, ...args.map(encode)].join('\t'), name));
  }

  /** Sends the signal that interrupts a blocking call. */
  interrupt(): void {
    process.kill(this.pid, 'SIGUSR1');
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }

  /** Resolves once the actor sleeps in a system call other than the one that reads requests. */
  async blocked(): Promise<void> {
    let seen = 0;
    for (let tries = 0; tries < 20_000; tries++) {
      const current = (await readFile(`/proc/${this.pid}/syscall`, 'utf8')).split(' ');
      const idle = current[0] === '0' && current[1] === '0x0';
      seen = current[0] !== 'running\n' && !idle ? seen + 1 : 0;
      if (seen >= 10) return;
      await sleep(3);
    }
    throw new Error('the actor does not block');
  }

  // ---- what tests do all the time ----

  async create(path: Bytes, mode = 0o644): Promise<void> {
    await this.close(await this.open(path, O.CREAT | O.WRONLY, mode));
  }

  async writeFile(path: Bytes, data: Bytes): Promise<void> {
    const fd = await this.open(path, O.CREAT | O.WRONLY | O.TRUNC);
    try {
      await this.write(fd, data);
    } finally {
      await this.close(fd);
    }
  }

  async readFile(path: Bytes): Promise<Buffer> {
    const fd = await this.open(path);
    try {
      const parts: Buffer[] = [];
      for (;;) {
        const part = await this.read(fd, 1 << 20);
        if (part.length === 0) return Buffer.concat(parts);
        parts.push(part);
      }
    } finally {
      await this.close(fd);
    }
  }

  async readText(path: Bytes): Promise<string> {
    return (await this.readFile(path)).toString();
  }

  /** Every entry of the directory, with "." and "..", in the order of the file system. */
  async readdir(path: Bytes, limit = 65536): Promise<Entry[]> {
    const fd = await this.open(path, O.DIRECTORY);
    try {
      return await this.readdirOf(fd, limit);
    } finally {
      await this.close(fd);
    }
  }

  async readdirOf(fd: number, limit = 65536): Promise<Entry[]> {
    const entries: Entry[] = [];
    for (;;) {
      const some = await this.getdents(fd, limit);
      if (some.length === 0) return entries;
      entries.push(...some);
    }
  }

  /** The sorted names of the directory, without "." and "..". */
  async names(path: Bytes = '.'): Promise<string[]> {
    const entries = await this.readdir(path);
    return entries
      .map((entry) => entry.name)
      .filter((name) => name !== '.' && name !== '..')
      .sort();
  }

  async exists(path: Bytes): Promise<boolean> {
    try {
      await this.lstat(path);
      return true;
    } catch {
      return false;
    }
  }

  /** Where the descriptor stands. */
  position(fd: number): Promise<number> {
    return this.lseek(fd, 0, SEEK.CUR);
  }

  /** Links an O_TMPFILE the way that needs no capability. */
  linkDescriptor(fd: number, path: Bytes): Promise<number> {
    return this.link(`/proc/self/fd/${fd}`, path, AT.SYMLINK_FOLLOW);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exited = once(this.#process, 'exit');
    this.#process.stdin.end();
    const timer = setTimeout(() => this.kill(), this.#waiting.length > 0 ? 0 : 5000);
    await exited;
    clearTimeout(timer);
  }

  // ---- the pipe ----

  async #become(options: ActorOptions): Promise<void> {
    await this.umask(options.umask ?? 0o022);
    const { uid, gid = uid, groups = [], without = [] } = options;
    if (uid !== undefined || groups.length > 0) await this.call('setgroups', ...groups);
    if (gid !== undefined) await this.call('setgid', gid);
    if (uid !== undefined) await this.call('setuid', uid);
    if (without.length === 0) return;
    const mask = without.reduce((kept, number) => kept & ~(1n << BigInt(number)), (1n << 64n) - 1n);
    await this.call('keepCapabilities', mask & 0xffffffffn, mask >> 32n);
  }

  #exchange(line: string, call: string): Promise<string> {
    if (this.#ended) return Promise.reject(new Error(`${call}: the actor is gone: ${this.#ended}`));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ call, resolve, reject });
      if (this.#waiting.length === 1) this.#startWatch();
      this.#process.stdin.write(`${line}\n`);
    });
  }

  #receive(text: string): void {
    const lines = (this.#partial + text).split('\n');
    this.#partial = lines.pop()!;
    for (const line of lines) this.#waiting.shift()?.resolve(line);
    if (lines.length > 0) this.#startWatch();
  }

  #startWatch(): void {
    clearTimeout(this.#watch);
    if (this.#waiting.length === 0) return;
    this.#watch = setTimeout(() => {
      this.#ended = `${this.#waiting[0]?.call} took longer than ${this.#limitMs} ms`;
      this.kill();
    }, this.#limitMs);
  }

  #end(reason: string): void {
    this.#ended ??= reason;
    clearTimeout(this.#watch);
    for (const { call, reject } of this.#waiting.splice(0))
      reject(new Error(`${call}: the actor is gone: ${this.#ended}`));
  }
}

function encode(argument: Argument): string {
  if (typeof argument === 'string') return Buffer.from(argument).toString('hex');
  return argument instanceof Uint8Array ? Buffer.from(argument).toString('hex') : String(argument);
}
