// Compiles native/*.cc to native/build/cfs.node with the machine's C++ compiler, when a source is newer than it.
// Runs on Node 18 and later; the addon itself is built for Node 24's headers.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const native = join(root, 'native');
const output = join(native, 'build', 'cfs.node');
const { resolve } = createRequire(import.meta.url);

const flags = [
  '-std=c++17',
  '-O2',
  '-fPIC',
  '-shared',
  '-pthread',
  '-fvisibility=hidden',
  '-fno-exceptions',
  '-fno-rtti',
];
const warnings = ['-Wall', '-Wextra', '-Wshadow', '-Werror=return-type', '-Werror=uninitialized'];
const defines = ['-DNAPI_VERSION=9', '-DNODE_GYP_MODULE_NAME=cfs'];
// A notifier's thread may outlive the worker that started it, so its code must never be unloaded.
const linking = ['-Wl,-z,nodelete', '-Wl,-z,now'];

function fail(message) {
  console.error(`build-native: ${message}`);
  process.exit(1);
}

function sourceFiles() {
  return readdirSync(native)
    .filter((name) => /\.(cc|h)$/.test(name))
    .map((name) => join(native, name));
}

function isUpToDate(sources) {
  if (!existsSync(output)) return false;
  const builtMs = statSync(output).mtimeMs;
  return [...sources, fileURLToPath(import.meta.url)].every((file) => statSync(file).mtimeMs <= builtMs);
}

function findCompiler() {
  const candidates = process.env.CXX ? [process.env.CXX] : ['c++', 'g++', 'clang++'];
  const found = candidates.find((name) => spawnSync(name, ['--version']).status === 0);
  return found ?? fail(`no C++ compiler found (tried ${candidates.join(', ')}): apt-get install g++`);
}

/** Where an npm package lies, or undefined when it is not installed. */
function packageDirectory(name) {
  try {
    return dirname(resolve(`${name}/package.json`));
  } catch {
    return undefined;
  }
}

/** node_api.h comes from its own package, uv.h only with a whole Node. */
function includeDirectories() {
  const api = packageDirectory('node-api-headers');
  const node = packageDirectory(`node-linux-${process.arch}`);
  const wholeNodes = [node && join(node, 'include', 'node'), join(dirname(process.execPath), '..', 'include', 'node')];
  const uv = wholeNodes.find((directory) => directory && existsSync(join(directory, 'uv.h')));
  if (!uv) fail('uv.h not found: run npm install with optional dependencies, or install the headers of Node');
  return api ? [join(api, 'include'), uv] : [uv];
}

function compile(sources) {
  mkdirSync(dirname(output), { recursive: true });
  // Renamed into place when complete, so that builds side by side and running processes never meet half a file.
  const partial = `${output}.${process.pid}`;
  const includes = includeDirectories().map((directory) => `-I${directory}`);
  const units = sources.filter((file) => file.endsWith('.cc'));
  const parameters = [...flags, ...warnings, ...defines, ...includes, ...units, ...linking, '-o', partial];
  const { status } = spawnSync(findCompiler(), parameters, { stdio: 'inherit' });
  if (status !== 0) {
    rmSync(partial, { force: true });
    fail('the addon did not compile');
  }
  renameSync(partial, output);
}

const sources = sourceFiles();
if (!isUpToDate(sources)) compile(sources);
