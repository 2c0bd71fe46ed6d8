import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { FsError } from '#base';
import type { KernelFeatures } from './handshake.ts';
import { mountFuse } from './mount.ts';
import { mountObstacle } from './mount-obstacle.ts';
import { findMount, parseMountinfo } from './mountinfo.ts';

const skip = mountObstacle() ?? false;

interface Toy {
  readonly directory: string;
  readonly features: KernelFeatures;
  readonly child: ChildProcess;
  /** Waits for the line that says `key`. */
  line(key: string): Promise<Record<string, unknown>>;
  /** Unmounts; what the daemon says at its end. */
  end(): Promise<{
    end: unknown;
    counters: { bugs: number; pending: number; peakPending: number; requests: number[] };
  }>;
}

/** A mount in a child process, so that this one may touch it; gone when the test ends, however it does. */
async function mountToy(t: TestContext, options: object = {}): Promise<Toy> {
  const directory = mkdtempSync(join(tmpdir(), 'cfs-fuse-'));
  const program = join(import.meta.dirname, 'toy-mount.testing.ts');
  const child = spawn(process.execPath, ['--conditions=source', program, directory, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 60_000,
    killSignal: 'SIGKILL',
  });
  t.after(() => {
    detach(directory);
    child.kill('SIGKILL');
    rmdirSync(directory);
  });
  let output = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  while (!output.includes('\n')) await once(child.stdout!, 'data');
  const { features } = JSON.parse(output) as { features: KernelFeatures };
  const exited = once(child, 'close');
  const lines = (): string[] => output.trim().split('\n');
  return {
    directory,
    features,
    child,
    async end() {
      assert.equal(spawnSync(...unmountCommand(directory)).status, 0, 'unmount');
      await exited;
      return JSON.parse(lines().at(-1)!);
    },
    async line(key) {
      while (!lines().at(-1)!.includes(`"${key}"`)) await once(child.stdout!, 'data');
      return JSON.parse(lines().at(-1)!);
    },
  };
}

const unmountCommand = (directory: string): [string, string[]] =>
  process.geteuid?.() === 0 ? ['umount', [directory]] : ['fusermount3', ['-u', directory]];
const detach = (directory: string): void => {
  if (process.geteuid?.() === 0) spawnSync('umount', ['-l', directory], { stdio: 'ignore' });
  else spawnSync('fusermount3', ['-u', '-z', directory], { stdio: 'ignore' });
};

async function exercise({ directory }: Toy): Promise<void> {
  const path = (name: string): string => join(directory, name);
  await fs.writeFile(path('file'), 'content');
  await fs.appendFile(path('file'), ' and more');
  assert.equal(await fs.readFile(path('file'), 'utf8'), 'content and more');
  await fs.mkdir(path('directory'));
  const names = Array.from({ length: 500 }, (_, index) => `a-name-that-is-not-short-${index}`);
  await Promise.all(names.map((name) => fs.writeFile(path(`directory/${name}`), name)));
  assert.deepEqual((await fs.readdir(path('directory'))).sort(), [...names].sort());
  assert.deepEqual((await fs.readdir(path('directory'))).sort(), [...names].sort());
  await fs.rename(path('file'), path('directory/moved'));
  await assert.rejects(fs.stat(path('file')), { code: 'ENOENT' });
  await fs.symlink('directory/moved', path('link'));
  assert.equal(await fs.readFile(path('link'), 'utf8'), 'content and more');
  await fs.truncate(path('link'), 3);
  assert.equal((await fs.stat(path('link'))).size, 3);
  const large = Buffer.alloc(5 << 20, 'large');
  await fs.writeFile(path('large'), large);
  assert(large.equals(await fs.readFile(path('large'))));
  await fs.rm(path('directory'), { recursive: true });
  assert.deepEqual((await fs.readdir(directory)).sort(), ['large', 'link']);
}

const modes: readonly { title: string; options: object }[] = [
  { title: 'a real kernel finds everything in its place', options: {} },
  { title: 'protocol 7.31 serves as well', options: { protocolMinor: 31 } },
  { title: 'nothing is believed by the kernel', options: { validityMs: 0 } },
  {
    title: 'calls that end later serve as well',
    options: {
      late: ['lookup', 'make', 'readdir', 'read', 'write', 'open', 'release', 'getattr', 'setattr', 'unlink'],
    },
  },
  { title: 'small writes serve as well', options: { maxWriteBytes: 4096 } },
];
for (const { title, options } of modes) {
  test(title, { skip, timeout: 120_000 }, async (t) => {
    const toy = await mountToy(t, options);
    await exercise(toy);
    const { end, counters } = await toy.end();
    assert.deepEqual([end, counters.bugs, counters.pending], ['unmounted', 0, 0]);
  });
}

test('more writes are pending than there is memory for, and all end', { skip, timeout: 120_000 }, async (t) => {
  const toy = await mountToy(t, { late: ['write'], lateMs: 2000, together: 63 });
  const files = Array.from({ length: 200 }, (_, index) => join(toy.directory, `file-${index}`));
  const script = `const fs = require('node:fs/promises');
    Promise.all(${JSON.stringify(files)}.map((file) => fs.writeFile(file, Buffer.alloc(100_000, 'w'))));`;
  const env = { ...process.env, UV_THREADPOOL_SIZE: '128' };
  const writer = spawn(process.execPath, ['-e', script], { env, stdio: 'inherit' });
  assert.deepEqual(await once(writer, 'close'), [0, null]);
  const sizes = await Promise.all(files.map(async (file) => (await fs.stat(file)).size));
  assert(sizes.every((size) => size === 100_000));
  const { counters } = await toy.end();
  // 64 frames, of which one is for late replies.
  assert.equal(counters.peakPending, 63);
});

test('the kernel understands every notification', { skip, timeout: 60_000 }, async (t) => {
  const toy = await mountToy(t);
  await fs.writeFile(join(toy.directory, 'file'), 'content');
  await fs.readFile(join(toy.directory, 'file'));
  toy.child.kill('SIGUSR2');
  const { known } = await toy.line('known');
  // DELETE takes the entry, so that INVAL_ENTRY finds none.
  const { incrementEpoch, prune } = toy.features;
  assert.deepEqual(known, [true, true, true, true, incrementEpoch, true, true, false, prune]);
  await toy.end();
});

test('a second mount at the same place is refused with a sentence', { skip, timeout: 60_000 }, async (t) => {
  const { directory, end } = await mountToy(t);
  await assert.rejects(mountFuse({ mountpoint: directory }), isFailure('busy', /is mounted already \(fuse\.cfs/));
  await end();
  assert.equal(await findMount(directory), undefined);
});

test('a dead mount is replaced', { skip, timeout: 60_000 }, async (t) => {
  const dead = await mountToy(t);
  dead.child.kill('SIGKILL');
  await once(dead.child, 'close');
  await assert.rejects(fs.stat(dead.directory), { code: 'ENOTCONN' });
  const program = join(import.meta.dirname, 'toy-mount.testing.ts');
  const child = spawn(process.execPath, ['--conditions=source', program, dead.directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  await fs.writeFile(join(dead.directory, 'alive'), 'yes');
  detach(dead.directory);
  await once(child, 'close');
});

test('a mount point that is missing or no directory is told apart', { skip }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'cfs-fuse-'));
  t.after(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, 'file'), '');
  const at = (name: string) => mountFuse({ mountpoint: join(directory, name) });
  await assert.rejects(at('absent'), isFailure('notFound', /does not exist: make the directory first/));
  await assert.rejects(at('absent/too'), isFailure('notFound', /does not exist/));
  await assert.rejects(at('file'), isFailure('notDirectory', /is not a directory/));
});

test('the mount table is read with its escapes', () => {
  const line = '45 27 0:41 / /mnt/a\\040b\\134c rw,relatime shared:1 - fuse.cfs /some\\040store rw,user_id=0';
  assert.deepEqual(parseMountinfo(`${line}\nnonsense\n`), [
    {
      mountpoint: '/mnt/a b\\c',
      type: 'fuse.cfs',
      source: '/some store',
      device: '0:41',
      options: ['rw', 'relatime', 'rw', 'user_id=0'],
    },
  ]);
});

const isFailure =
  (status: string, message: RegExp) =>
  (error: unknown): boolean => {
    assert(error instanceof FsError);
    assert.equal(error.status, status);
    assert.match(error.message, message);
    return true;
  };
