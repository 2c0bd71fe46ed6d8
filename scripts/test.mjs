/**
 * Builds and tests: `npm test [-- FILTER...]`. A filter is a part of a test file's path. Starts under Node 18 or
 * newer and runs the tests with Node 24.
 *
 *   --unit       only the tests that need no mount and no build of the command
 *   --no-build   test what was built before
 */

import { spawn, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { requireNode24 } from './node-24.mjs';

/** A test that hangs is ended, and a run that hangs all the same is killed with everything it started. */
const testTimeoutMs = 300_000;
const runTimeoutMs = 12 * 60_000;
/** Test files at a time: timing-sensitive tests suffer from more. */
const concurrency = 2;

const root = resolve(fileURLToPath(import.meta.url), '../..');
const folders = ['src', 'native', 'test'];
/** Tests of these folders work on real mounts. */
const mounting = /^test\/(?:posix|e2e)\//;

function findTestFiles(folder) {
  const found = [];
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) found.push(...findTestFiles(path));
    else if (entry.name.endsWith('.test.ts')) found.push(path);
  }
  return found.sort();
}

function build(node) {
  // What npm would put on the PATH; the first `node` there is then the right one.
  const path = [dirname(node), join(root, 'node_modules/.bin'), process.env.PATH].join(':');
  const { status } = spawnSync('npm', ['run', '--silent', 'build'], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, PATH: path },
  });
  if (status !== 0) {
    console.error('npm test: the build failed, so no test was run');
    process.exit(1);
  }
}

function run(node, files) {
  const runner = spawn(
    node,
    [
      '--conditions=source',
      '--test',
      '--test-reporter=spec',
      `--test-concurrency=${concurrency}`,
      `--test-timeout=${testTimeoutMs}`,
      ...files,
    ],
    // A group of its own, so that one kill ends the runner and its test processes but not us.
    { cwd: root, stdio: 'inherit', detached: true },
  );
  const killAll = () => {
    try {
      process.kill(-runner.pid, 'SIGKILL');
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
  };
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    console.error(`npm test: not done after ${runTimeoutMs / 60_000} minutes, so all of it was killed`);
    killAll();
  }, runTimeoutMs);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      killAll();
      process.exit(1);
    });
  }
  runner.on('error', (error) => {
    console.error(`npm test: cannot start ${node}: ${error.message}`);
    process.exit(1);
  });
  runner.on('exit', (code) => {
    clearTimeout(timer);
    process.exit(timedOut ? 1 : (code ?? 1));
  });
}

const options = process.argv.slice(2).filter((argument) => argument.startsWith('--'));
const filters = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const unknown = options.filter((option) => !['--unit', '--no-build'].includes(option));
if (unknown.length > 0) {
  console.error(`npm test: unknown option ${unknown.join(' ')}; there are --unit and --no-build`);
  process.exit(2);
}

const unitOnly = options.includes('--unit');
const files = folders
  .flatMap(findTestFiles)
  .filter((file) => !unitOnly || !mounting.test(file))
  .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)));
if (files.length === 0) {
  console.error(`npm test: no test file matches ${filters.join(' ') || 'anything'}`);
  process.exit(1);
}

const node = requireNode24();
if (!unitOnly && !options.includes('--no-build')) build(node);
run(node, files);
