import { strict as assert } from 'node:assert';
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { FsError, SeededRandom } from '#base';
import { describeEngine, failsWith } from './engine.contract.ts';
import type { KvEngine } from './engine.ts';
import { endOfKeys } from './limits.ts';
import { LmdbEngine } from './lmdb.ts';

const root = mkdtempSync(join(tmpdir(), 'kv-lmdb-'));
after(() => rmSync(root, { recursive: true, force: true }));
let count = 0;
const freshDirectory = (): string => join(root, String(++count));

const directories = new Map<KvEngine, string>();
async function openIn(directory: string): Promise<LmdbEngine> {
  const engine = await LmdbEngine.open(directory);
  directories.set(engine, directory);
  return engine;
}

describeEngine('lmdb', {
  open: () => openIn(freshDirectory()),
  reopen: async (engine) => {
    await engine.close();
    return openIn(directories.get(engine)!);
  },
});

const batchOf = (entries: number, bytes: number) => ({
  writes: new Map(Array.from({ length: entries }, (_, i) => [`k${String(i).padStart(5, '0')}`, new Uint8Array(bytes)])),
});

test('a process killed while it commits leaves every acknowledged batch, and each batch whole', async () => {
  for (const delayMs of [30, 60, 90]) {
    const directory = freshDirectory();
    const acknowledged = await killedWriter(directory, delayMs);
    const engine = await LmdbEngine.open(directory);
    const pairs = engine.range('b', 'c', 10_000_000);
    const last = Number(Buffer.from(engine.get('last')!).toString());
    assert(acknowledged > 0 && last >= acknowledged, `${acknowledged} acknowledged, ${last} found`);
    assert.equal(pairs.length, last * 50);
    for (const { key, value } of pairs) assert.equal(Number(Buffer.from(value)), Number(key.slice(1, 7)));
    await engine.commit(batchOf(10, 10));
    await engine.close();
  }
});

/**
 * Commits batch after batch into the store at argv[1] and says which are acknowledged, until it is killed. Batch n
 * writes `n` under each of its keys, of which `last` is common to all.
 */
const writer = `
import { writeSync } from 'node:fs';
const { LmdbEngine } = await import(${JSON.stringify(import.meta.resolve('./lmdb.ts'))});
const engine = await LmdbEngine.open(process.argv[1]);
for (let n = 1; ; n++) {
  const value = Buffer.from(String(n).padStart(200, '0'));
  const writes = new Map([['last', value]]);
  for (let i = 0; i < 50; i++) writes.set('b' + String(n).padStart(6, '0') + '-' + i, value);
  void engine.commit({ writes }).then(() => writeSync(1, n + '\\n'));
  if (n % 3 === 0) await engine.commit({ writes: new Map() });
}`;

/** Resolves with the highest number that the child has acknowledged before it was killed. */
function killedWriter(directory: string, delayMs: number): Promise<number> {
  const argv = ['--conditions=source', '--input-type=module', '--eval', writer, directory];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    if (output === '') setTimeout(() => child.kill('SIGKILL'), delayMs);
    output += chunk.toString();
  });
  return new Promise((resolve) => {
    child.on('close', () => resolve(Math.max(0, ...output.split('\n').slice(0, -1).map(Number))));
  });
}

test('random batches of all sizes leave what a map would hold', async () => {
  const random = new SeededRandom(11);
  const directory = freshDirectory();
  let engine = await LmdbEngine.open(directory);
  const model = new Map<string, Buffer>();
  for (let round = 0; round < 150; round++) {
    const writes = new Map<string, Uint8Array | undefined>();
    const size = random.u32() % 10 === 0 ? 2000 : random.u32() % 50;
    for (let i = 0; i < size; i++) {
      const key = `${String.fromCharCode(random.u32() % 256)}${'k'.repeat(random.u32() % (i % 40 === 0 ? 510 : 30))}`;
      const value = random.u32() % 4 === 0 ? undefined : Buffer.alloc(random.u32() % (i % 40 === 0 ? 20_000 : 300), i);
      writes.set(key, value);
      if (value === undefined) model.delete(key);
      else model.set(key, value);
    }
    await engine.commit({ writes });
    if (round % 50 === 49) {
      await engine.close();
      engine = await LmdbEngine.open(directory);
    }
  }
  const pairs = engine.range('', endOfKeys, 1_000_000);
  assert.deepEqual(
    pairs.map(({ key }) => key),
    [...model.keys()].toSorted(),
  );
  for (const { key, value } of pairs) assert.equal(Buffer.compare(value, model.get(key)!), 0);
  await engine.close();
});

test('a file that is no store is reported as damaged', async () => {
  const directory = freshDirectory();
  mkdirSync(directory);
  writeFileSync(join(directory, 'data.mdb'), Buffer.alloc(65_536, 'not a store'));
  await failsWith('corrupted', LmdbEngine.open(directory));
});

test('a file in another format is refused as such', async () => {
  const directory = freshDirectory();
  await (await LmdbEngine.open(directory)).close();
  const file = await open(join(directory, 'data.mdb'), 'r+');
  const head = Buffer.alloc(8192);
  await file.read(head, 0, 8192, 0);
  const magic = Buffer.from('dec0efbe', 'hex');
  for (let at = head.indexOf(magic); at !== -1; at = head.indexOf(magic, at + 1)) head.writeUInt32LE(99, at + 4);
  await file.write(head, 0, 8192, 0);
  await file.close();
  await failsWith('notSupported', LmdbEngine.open(directory));
});

test('pages that are missing or empty are reported as damage and do not end the process', async () => {
  for (const damage of ['truncated', 'zeroed'] as const) {
    const directory = freshDirectory();
    const engine = await LmdbEngine.open(directory);
    await engine.commit(batchOf(5000, 100));
    await engine.close();
    const path = join(directory, 'data.mdb');
    const { size } = statSync(path);
    truncateSync(path, 8192);
    if (damage === 'zeroed') truncateSync(path, size);
    const again = await LmdbEngine.open(directory);
    await failsWith('corrupted', (async () => again.get('k00001'))());
    await failsWith('corrupted', (async () => again.range('k', 'l', 10))());
    await assert.rejects(again.commit(batchOf(1, 1)), FsError);
    await again.close();
  }
});

test('a directory that may not be written is reported', {
  skip: process.getuid?.() === 0 && 'root may write anywhere',
}, async () => {
  const directory = freshDirectory();
  mkdirSync(directory);
  chmodSync(directory, 0o500);
  await failsWith('accessDenied', LmdbEngine.open(directory));
  await failsWith('accessDenied', LmdbEngine.open(join(directory, 'below')));
});

test('a path that is a file is reported', async () => {
  const path = freshDirectory();
  writeFileSync(path, 'x');
  await failsWith('exists', LmdbEngine.open(path));
  await failsWith('notDirectory', LmdbEngine.open(join(path, 'below')));
});

function limitFileSize(bytes: number | 'unlimited'): boolean {
  try {
    execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${bytes}:unlimited`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

test('a full disk fails the commit, and the engine goes on when there is room', async (context) => {
  // The limit on a file's size stands in for the disk; the signal that comes with it is not wanted.
  process.on('SIGXFSZ', () => undefined);
  const engine = await LmdbEngine.open(freshDirectory());
  await engine.commit(batchOf(10, 10));
  if (!limitFileSize(1_048_576)) {
    await engine.close();
    return context.skip('prlimit is missing');
  }
  try {
    // A write that is cut short is EIO to LMDB. On a disk that is full in earnest, free space tells the two apart.
    await assert.rejects(engine.commit(batchOf(300, 10_000)), FsError);
    await assert.rejects(engine.commit(batchOf(300, 10_000)), FsError);
    assert.equal(engine.get('k00009')?.length, 10);
    assert.equal(engine.get('k00100'), undefined);
    await engine.commit({
      writes: new Map([
        ['small', new Uint8Array(5)],
        ['k00009', undefined],
      ]),
    });
  } finally {
    limitFileSize('unlimited');
  }
  await engine.commit(batchOf(300, 10_000));
  assert.equal(engine.get('k00299')?.length, 10_000);
  assert.equal(engine.get('small')?.length, 5);
  await engine.close();
});

test('a closed store leaves two files and takes no more commits', async () => {
  const directory = freshDirectory();
  const engine = await LmdbEngine.open(directory);
  let isDone = false;
  void engine.commit(batchOf(2000, 100)).then(() => (isDone = true));
  await engine.close();
  assert(isDone);
  await engine.close();
  assert.deepEqual(readdirSync(directory).toSorted(), ['data.mdb', 'lock.mdb']);
  await assert.rejects(async () => engine.commit(batchOf(1, 1)), /closed/);
});

test('commits do not hold up the main thread', async () => {
  const engine = await LmdbEngine.open(freshDirectory());
  const batch = batchOf(20_000, 1000);
  const busyBefore = process.threadCpuUsage();
  const startMs = performance.now();
  await Promise.all(Array.from({ length: 3 }, () => engine.commit(batch)));
  const busy = process.threadCpuUsage(busyBefore);
  const elapsedMs = performance.now() - startMs;
  assert((busy.user + busy.system) / 1000 < elapsedMs * 0.8, `${busy.user + busy.system} µs of ${elapsedMs} ms`);
  await engine.close();
});
