import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, readdir, readFile, rename } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const sourceDir = import.meta.dirname;
const cacheDir = path.join(sourceDir, '../../native/build');

let built: Promise<string> | undefined;

/** Compiles the actor unless these very sources have been compiled before; returns the path of the program. */
export function buildActor(): Promise<string> {
  built ??= compile();
  return built;
}

async function compile(): Promise<string> {
  const names = (await readdir(sourceDir)).filter((name) => /\.(cc|h)$/.test(name)).sort();
  const hash = createHash('sha256');
  for (const name of names) hash.update(await readFile(path.join(sourceDir, name)));
  const program = path.join(cacheDir, `actor-${process.arch}-${hash.digest('hex').slice(0, 16)}`);
  if (await exists(program)) return program;

  await mkdir(cacheDir, { recursive: true });
  // Test files run in parallel: each compiles to a name of its own, and the last rename wins.
  const unfinished = `${program}.${process.pid}`;
  const sources = names.filter((name) => name.endsWith('.cc')).map((name) => path.join(sourceDir, name));
  await run(process.env['CXX'] ?? 'c++', ['-std=c++20', '-O1', '-Wall', '-Wextra', '-o', unfinished, ...sources]);
  await rename(unfinished, program);
  return program;
}

async function exists(file: string): Promise<boolean> {
  try {
    await access(file);
    return true;
  } catch {
    return false;
  }
}
