import { spawn } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { FsError, file, type Status } from '#base';

/** The descriptor on which a daemon tells the command that started it how the start went. */
const reportFd = 3;
/** Set for the daemon; it then reports instead of printing. */
const daemonVariable = 'CFS_DAEMON';

/** Whether this process was started by `startDaemon`. */
export function isDaemon(): boolean {
  return process.env[daemonVariable] !== undefined;
}

/**
 * Starts this program again with the same arguments, in a session of its own, and waits until it reports. Its
 * standard error goes to the end of `logPath`. Fails with the status and the sentence that the daemon reports.
 */
export async function startDaemon(logPath: string): Promise<void> {
  const log = openLog(logPath);
  const daemon = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    detached: true,
    cwd: '/',
    env: { ...process.env, [daemonVariable]: '1', CFS_START_DIRECTORY: process.cwd() },
    stdio: ['ignore', log, log, 'pipe'],
  });
  closeSync(log);
  const report = await new Promise<string>((resolve, reject) => {
    let text = '';
    const pipe = daemon.stdio[reportFd];
    pipe?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    pipe?.on('close', () => resolve(text));
    daemon.on('error', reject);
  });
  daemon.unref();
  if (report === readyWord) return;
  if (report === '') throw new FsError('io', `the daemon ended before it was ready; see ${logPath}`);
  const [status, sentence] = JSON.parse(report) as [Status, string];
  throw new FsError(status, sentence);
}

function openLog(path: string): number {
  try {
    file.makeDirectories(dirname(path), 0o777);
    return openSync(path, 'a', 0o600);
  } catch (cause) {
    const { message } = cause as Error;
    throw new FsError('io', `cannot log to ${path}: ${message}; name another --log-file`, { cause });
  }
}

/** Tells the waiting command that the mount answers, or in a sentence why not. Once; nothing outside a daemon. */
export function reportStart(failure?: { readonly status: Status; readonly sentence: string }): void {
  if (!isDaemon()) return;
  writeSync(reportFd, failure === undefined ? readyWord : JSON.stringify([failure.status, failure.sentence]));
  closeSync(reportFd);
}

const readyWord = 'ready';
