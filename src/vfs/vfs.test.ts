import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Ino, ManualClock, rootIno, SeededRandom } from '#base';
import { EmbeddedClient } from '#client';
import { O_APPEND, O_RDONLY, O_RDWR, O_WRONLY, superuser } from '#protocol';
import { createHandler, localFilesOf, MemoryBlobStore, MemoryEngine, openVolume } from '#server';
import { InProcessConnection } from '#transport';
import { KernelModes } from './kernel-modes.testing.ts';
import { embeddedVfsOptions } from './options.ts';
import { Vfs } from './vfs.ts';

const large = 20_000;

/** A mount whose store answers only when the test lets it. */
async function mount(options: { passthrough: boolean } = { passthrough: false }) {
  const waiting: (() => void)[] = [];
  let isCold = false;
  const schedule = (answer: () => void): void => void (isCold ? waiting.push(answer) : answer());
  const volume = await openVolume({
    engine: new MemoryEngine(),
    blobs: new MemoryBlobStore({ schedule }),
    clock: new ManualClock(),
    random: new SeededRandom(1),
  });
  const kernel = new KernelModes();
  const files = options.passthrough ? localFilesOf(volume) : undefined;
  const client = new EmbeddedClient(new InProcessConnection(createHandler(volume)), files);
  const vfs = new Vfs(client, embeddedVfsOptions, kernel);
  const makeFile = async (name: string, content: Uint8Array) => {
    const made = await vfs.create(superuser, rootIno, name, { flags: O_WRONLY, mode: 0o644, umask: 0 });
    assert.equal(await vfs.write(made.file.handle, 0, content, false), content.length);
    await vfs.release(made.file.handle);
    return made.entry.attributes.ino;
  };
  const setCold = (cold: boolean): void => {
    isCold = cold;
  };
  return { vfs, kernel, waiting, makeFile, setCold };
}

const bytes = (length: number, seed: number): Uint8Array =>
  Uint8Array.from({ length }, (_, at) => (at * 31 + seed) % 256);

test('attributes and names are answered while 64 reads wait for the store', async () => {
  const { vfs, waiting, makeFile, setCold } = await mount();
  const handles = [];
  for (let index = 0; index < 64; index++) {
    const ino = await makeFile(`${index}`, bytes(large, index));
    handles.push((await vfs.open(superuser, ino, O_RDONLY, false)).handle);
  }
  setCold(true);
  const reads = handles.map((handle) => vfs.read(handle, 0, large));
  assert.equal(waiting.length, 64);
  assert(!(vfs.getattr(rootIno) instanceof Promise));
  assert(!(vfs.lookup(superuser, rootIno, '5') instanceof Promise));
  const listed = vfs.readdir(rootIno, 0, 100, true);
  assert(!(listed instanceof Promise) && listed.length === 66);
  for (const answer of waiting.reverse()) answer();
  const found = await Promise.all(reads);
  for (const [index, content] of found.entries())
    assert.deepEqual(Buffer.from(content), Buffer.from(bytes(large, index)));
});

test('a handle ends with its release, and others of the inode go on', async () => {
  const { vfs, makeFile } = await mount();
  const ino = await makeFile('a', bytes(10, 0));
  const first = await vfs.open(superuser, ino, O_RDWR, false);
  const second = await vfs.open(superuser, ino, O_RDONLY, false);
  assert.notEqual(first.handle, second.handle);
  await vfs.release(first.handle);
  assert.throws(() => vfs.read(first.handle, 0, 1), { status: 'badHandle' });
  assert.throws(() => vfs.write(first.handle, 0, bytes(1, 0), false), { status: 'badHandle' });
  assert.equal((await vfs.read(second.handle, 0, 100)).length, 10);
  await vfs.release(second.handle);
  assert.equal(vfs.files.size, 0);
});

test('an unlinked file lives until its last handle is released', async () => {
  const { vfs, makeFile } = await mount();
  const ino = await makeFile('a', bytes(large, 1));
  const handles = [];
  for (let count = 0; count < 2; count++) handles.push((await vfs.open(superuser, ino, O_RDONLY, false)).handle);
  await vfs.unlink(superuser, rootIno, 'a');
  await vfs.release(handles[0]!);
  assert.equal((await vfs.read(handles[1]!, 0, large)).length, large);
  await vfs.release(handles[1]!);
  assert.throws(() => vfs.getattr(ino), { status: 'stale' });
});

test('appends of several handles go to the end that there is', async () => {
  const { vfs, makeFile } = await mount();
  const ino = await makeFile('a', bytes(0, 0));
  const flags = O_WRONLY | O_APPEND;
  const handles = [await vfs.open(superuser, ino, flags, false), await vfs.open(superuser, ino, flags, false)];
  await Promise.all(
    Array.from({ length: 10 }, (_, at) => vfs.write(handles[at % 2]!.handle, 0, bytes(3000, at), false)),
  );
  assert.equal((await vfs.getattr(ino)).attributes.size, 30_000);
});

test('a reference is lent with every entry and taken back by forget', async () => {
  const { vfs, makeFile } = await mount();
  const ino = await makeFile('a', bytes(1, 0));
  await vfs.lookup(superuser, rootIno, 'a');
  await vfs.lookup(superuser, rootIno, 'a');
  assert.equal(vfs.inodes.size, 1);
  vfs.forget(ino, 2);
  assert.equal(vfs.inodes.size, 1);
  vfs.forget(ino, 1);
  assert.equal(vfs.inodes.size, 0);
  vfs.forget(rootIno, 1);
});

test('a removed directory tells what it was until it is forgotten', async () => {
  const { vfs } = await mount();
  const made = await vfs.mkdir(superuser, rootIno, 'd', { mode: 0o755, umask: 0, rdev: 0 });
  const { ino } = made.attributes;
  await vfs.rmdir(superuser, rootIno, 'd');
  assert.equal((await vfs.getattr(ino)).attributes.nlink, 0);
  vfs.forget(ino, 1);
  assert.throws(() => vfs.getattr(ino), { status: 'stale' });
});

test('a listing resumes at any entry, dots included', async () => {
  const { vfs, makeFile } = await mount();
  for (const name of ['a', 'b', 'c']) await makeFile(name, bytes(1, 0));
  const all = await vfs.readdir(rootIno, 0, 100, false);
  assert.deepEqual(
    all.slice(0, 2).map(({ name }) => name),
    ['.', '..'],
  );
  for (const [index, { cookie }] of all.entries()) {
    assert.deepEqual(await vfs.readdir(rootIno, cookie, 100, false), all.slice(index + 1));
    assert.deepEqual(await vfs.readdir(rootIno, cookie, 1, false), all.slice(index + 1, index + 2));
  }
});

test('attributes of a file that is written past the daemon are not believed', async () => {
  const { vfs, kernel, makeFile } = await mount({ passthrough: true });
  const ino = await makeFile('a', bytes(large, 0));
  assert((await vfs.getattr(ino)).attributesValidMs > 0);
  const file = await vfs.open(superuser, ino as Ino, O_RDWR, false);
  kernel.opened(ino, file);
  assert.equal(file.mode, 'passthrough');
  assert.equal((await vfs.getattr(ino)).attributesValidMs, 0);
  kernel.closed(ino, file);
  await vfs.release(file.handle);
  assert((await vfs.getattr(ino)).attributesValidMs > 0);
  assert.equal(kernel.registered, 0);
});
