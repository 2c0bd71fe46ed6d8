/** Child processes of the benchmark: each is remembered by its id until it ends, so that an interrupt can end it. */

import { type ChildProcess, spawn } from 'node:child_process';

/** How much of a command's output is kept for its error message. */
const keptOutputBytes = 64 * 1024 * 1024;

const running = new Set<ChildProcess>();
let isInterrupted = false;

export interface CommandOptions {
  /** One core for the command and all that it starts; all cores where it is absent. */
  readonly core?: number | undefined;
  readonly cwd?: string;
  readonly input?: AsyncIterable<string> | Iterable<string>;
  readonly timeoutMs?: number;
  /** Takes something back: is still started when the run has been interrupted. */
  readonly isCleanup?: boolean;
}

/** Starts a program; `taskset` replaces itself by it, so the process id is the program's own. */
export function start(command: readonly string[], options: CommandOptions = {}): ChildProcess {
  const [program, ...args] = options.core === undefined ? command : ['taskset', '-c', String(options.core), ...command];
  if (program === undefined) throw new Error('an empty command');
  if (isInterrupted && options.isCleanup !== true) throw new Error('interrupted');
  const child = spawn(program, args, {
    cwd: options.cwd,
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    timeout: options.timeoutMs,
  });
  running.add(child);
  child.once('close', () => running.delete(child));
  child.once('error', () => running.delete(child));
  return child;
}

/** Runs a program to its end and returns what it printed. Throws with its standard error if it fails. */
export async function run(command: readonly string[], options: CommandOptions = {}): Promise<string> {
  const child = start(command, options);
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]?.setEncoding('utf8').on('data', (text: string) => {
      if (output[stream].length < keptOutputBytes) output[stream] += text;
    });
  }
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', (cause) => reject(new Error(`cannot run ${command[0]}: ${cause.message}`, { cause })));
    child.once('close', (code, signal) => {
      if (code === 0) return resolve();
      reject(new Error(`${command.join(' ')} ended with ${signal ?? code}: ${output.stderr.trim().slice(-2000)}`));
    });
  });
  if (options.input !== undefined) await feed(child, options.input);
  await ended;
  return output.stdout;
}

/** Ends every child that still runs and lets no other start, so that what is under way fails and is taken back. */
export function interrupt(): void {
  isInterrupted = true;
  for (const child of running) child.kill('SIGTERM');
}

async function feed(child: ChildProcess, input: AsyncIterable<string> | Iterable<string>): Promise<void> {
  const stdin = child.stdin;
  if (stdin === null) return;
  // A program that stops reading early reports why by its exit status; the broken pipe adds nothing.
  stdin.on('error', () => undefined);
  for await (const text of input) {
    if (!stdin.write(text)) await new Promise((resolve) => stdin.once('drain', resolve));
  }
  stdin.end();
}
