import { existsSync, readdirSync, rmSync } from 'node:fs';
import { type IncomingMessage, type RequestOptions, request } from 'node:http';
import { join } from 'node:path';
import { isRunning } from './process.ts';
import type { MountStatus } from './status.ts';

/** A daemon that does not answer within this time is reported as silent. */
const answerTimeoutMs = 2000;

export type DaemonAnswer = { pid: number; status: MountStatus } | { pid: number; silent: string };

/**
 * Asks every daemon that listens in `directory`, at once. Sockets whose process is gone are removed and left out;
 * a daemon that lives but does not answer is in the list with the reason.
 */
export async function askDaemons(directory: string): Promise<DaemonAnswer[]> {
  const answers = await Promise.all(socketPids(directory).map((pid) => askDaemon(directory, pid)));
  return answers.filter((answer) => answer !== undefined);
}

function socketPids(directory: string): number[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    // No directory: no daemon has ever run.
    return [];
  }
  return names.flatMap((name) => {
    const match = /^(\d+)\.sock$/.exec(name);
    return match === null ? [] : [Number(match[1])];
  });
}

async function askDaemon(directory: string, pid: number): Promise<DaemonAnswer | undefined> {
  const path = join(directory, `${pid}.sock`);
  if (!isRunning(pid)) {
    rmSync(path, { force: true });
    return undefined;
  }
  try {
    return { pid, status: JSON.parse(await get(path, '/status')) as MountStatus };
  } catch (error) {
    // One that is just ending takes its socket away first.
    if (!isRunning(pid) || !existsSync(path)) return undefined;
    return { pid, silent: (error as Error).message };
  }
}

/**
 * Resolves when daemon `pid` knows that somebody wants to know its end; undefined when it does not listen. `end`
 * waits for that: undefined when all was well, else the sentence that says what went wrong. A daemon that vanishes
 * without one has not closed its store.
 */
export async function askForEnd(
  directory: string,
  pid: number,
  signal: AbortSignal,
): Promise<{ end: Promise<string | undefined> } | undefined> {
  try {
    const response = await responseTo(join(directory, `${pid}.sock`), '/end', { signal });
    return { end: bodyOf(response).then(failureIn, () => `daemon ${pid} vanished`) };
  } catch {
    return undefined;
  }
}

function failureIn(answer: string): string | undefined {
  return (JSON.parse(answer) as { failure: string | null }).failure ?? undefined;
}

async function get(socketPath: string, path: string): Promise<string> {
  return bodyOf(await responseTo(socketPath, path, { timeout: answerTimeoutMs }));
}

function responseTo(socketPath: string, path: string, options: RequestOptions): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asking = request({ socketPath, path, agent: false, ...options }, resolve);
    asking.on('timeout', () => asking.destroy(new Error(`no answer within ${answerTimeoutMs} ms`)));
    asking.on('error', reject);
    asking.end();
  });
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  let body = '';
  response.setEncoding('utf8');
  for await (const chunk of response) body += chunk as string;
  return body;
}
