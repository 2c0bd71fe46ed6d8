/** The compiled application side (app.cc): built on first use, then run as a process of its own. */

import { mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { run } from './command.ts';

const source = join(import.meta.dirname, 'app.cc');
const binary = join(import.meta.dirname, '../native/build/bench-app');

export interface AppResult {
  readonly operations: number;
  readonly nanoseconds: number;
}

export type App = (verb: string, ...args: (string | number)[]) => Promise<AppResult>;

/** Compiles the application unless it is newer than its source. */
export async function buildApp(): Promise<void> {
  const built = statSync(binary, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (built > statSync(source).mtimeMs) return;
  mkdirSync(dirname(binary), { recursive: true });
  await run([process.env['CXX'] ?? 'c++', '-O2', '-std=c++17', '-Wall', '-o', binary, source]);
}

/** The application on one core, or on all where none is given. */
export function appOn(core: number | undefined): App {
  return async (verb, ...args) => {
    const printed = await run([binary, verb, ...args.map(String)], { core });
    const last = printed.trimEnd().split('\n').at(-1) ?? '';
    return JSON.parse(last) as AppResult;
  };
}
