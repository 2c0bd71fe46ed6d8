/**
 * Builds and tests: `npm test [-- FILTER...]`. A filter is a part of a test file's path. Starts under Node 18 or
 * newer and runs the tests with Node 24.
 *
 *   --unit       only the tests that need no mount and no build of the command
 *   --no-build   test what was built before
 *
 * Every run has directories, an environment and processes of its own, so that any number of runs go on at once, and
 * nothing of it is left, however it ends.
 */

import { spawn, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { requireNode24 } from './node-24.mjs';
import { TestSite } from './test-site.mjs';

/** A test that hangs is ended, and a run that hangs all the same is killed with everything it started. */
const testTimeoutMs = 600_000;
const runTimeoutMs = 25 * 60_000;
/** How long the tests may clean up after themselves when the run is cancelled, and after its end. */
const cancelGraceMs = 5000;
const endGraceMs = 10_000;
const drainMs = 3000;
/** Test files at a time. */
const concurrency = 2;

const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const root = resolve(fileURLToPath(import.meta.url), '../..');
const folders = ['src', 'native', 'test'];
/** Tests of these folders work on real mounts. */
const mounting = /^test\/(?:posix|e2e)\//;

function findFiles(folder, suffix) {
  const found = [];
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) found.push(...findFiles(path, suffix));
    else if (entry.name.endsWith(suffix)) found.push(path);
  }
  return found.sort();
}

/**
 * The test files that a run is about. Files of facts are parts of the test files beside them, and run by themselves
 * when a filter finds only them.
 */
function chooseFiles(filters, unitOnly) {
  const chosen = (suffix) =>
    folders
      .flatMap((folder) => findFiles(folder, suffix))
      .filter((file) => !unitOnly || !mounting.test(file))
      .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)));
  const tests = chosen('.test.ts');
  const isWhole = (facts) => tests.some((file) => mounting.test(file) && dirname(file) === dirname(facts));
  return filters.length === 0 ? tests : [...tests, ...chosen('.facts.ts').filter((facts) => !isWhole(facts))];
}

function build(node) {
  // What npm would put on the PATH; the first `node` there is then the right one.
  const path = [dirname(node), join(root, 'node_modules/.bin'), process.env.PATH].join(':');
  const { status } = spawnSync('npm', ['run', '--silent', 'build'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, PATH: path },
  });
  if (status !== 0) {
    console.error('npm test: the build failed, so no test was run');
    process.exit(1);
  }
}

/** Passes on what the tests print, but keeps their summary back, so that it comes last. */
class Output {
  #held = '';
  #summary = false;

  write(text) {
    this.#held += text;
    if (this.#summary) return;
    const lines = this.#held.split('\n');
    const start = lines.findIndex((line) => /^\S*ℹ tests \d/.test(line));
    this.#summary = start >= 0;
    const passed = lines.splice(0, this.#summary ? start : lines.length - 1);
    this.#held = lines.join('\n');
    if (passed.length > 0) process.stdout.write(`${passed.join('\n')}\n`);
  }

  end() {
    process.stdout.write(this.#held);
  }
}

function run(node, files) {
  const site = new TestSite();
  const output = new Output();
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
    {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
      // A group of its own, so that one signal reaches the runner and its test processes but not us.
      detached: true,
      env: { ...site.environment, ...(process.stdout.isTTY ? { FORCE_COLOR: '1' } : {}) },
    },
  );
  const signalAll = (signal) => {
    try {
      process.kill(-runner.pid, signal);
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
  };
  let failure;
  const cancel = (reason) => {
    if (failure !== undefined) return;
    failure = reason;
    console.error(`npm test: ${reason}`);
    signalAll('SIGTERM');
    setTimeout(() => signalAll('SIGKILL'), cancelGraceMs).unref();
  };
  const timer = setTimeout(
    () => cancel(`not done after ${runTimeoutMs / 60_000} minutes, so all of it is ended`),
    runTimeoutMs,
  );
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => cancel(`ended by ${signal}`));
  process.stdout.on('error', () => cancel('nobody reads what the tests print'));
  const drained = new Promise((done) => runner.stdout.on('end', done));
  runner.stdout.setEncoding('utf8').on('data', (text) => output.write(text));
  runner.on('error', (error) => {
    site.remove();
    console.error(`npm test: cannot start ${node}: ${error.message}`);
    process.exit(1);
  });
  runner.on('exit', async (code) => {
    clearTimeout(timer);
    // What a killed test process has started may hold the output open for ever.
    await Promise.race([drained, pause(drainMs)]);
    if (failure === undefined) await site.settle(endGraceMs);
    const left = site.remove();
    if (failure === undefined)
      for (const line of left) console.error(`npm test: left behind by a test, and removed: ${line}`);
    output.end();
    process.exit(failure === undefined ? (code ?? 1) : 1);
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
const files = chooseFiles(filters, unitOnly);
if (files.length === 0) {
  console.error(`npm test: no test file matches ${filters.join(' ') || 'anything'}`);
  process.exit(1);
}

const node = requireNode24();
if (!unitOnly && !options.includes('--no-build')) build(node);
run(node, files);
