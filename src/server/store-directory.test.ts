import { strict as assert } from 'node:assert';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type Ino, rootIno, SystemClock, SystemRandom } from '#base';
import { type Attributes, superuser } from '#protocol';
import { checkStore } from './check-store.ts';
import { read } from './data/read.ts';
import { write } from './data/write.ts';
import { getattr } from './meta/getattr.ts';
import { key } from './meta/keys.ts';
import { make } from './meta/make.ts';
import { openLocalVolume, takeStoreDirectory } from './store-directory.ts';
import type { Volume } from './volume.ts';

const top = mkdtempSync(join(tmpdir(), 'cfs-store-'));
after(() => rmSync(top, { recursive: true, force: true }));
const machine = { clock: new SystemClock(), random: new SystemRandom() };
const empty = () => mkdtempSync(join(top, 'store-'));

async function newFile(volume: Volume, name: string, content: Uint8Array): Promise<Ino> {
  const request = {
    caller: superuser,
    parent: rootIno,
    name,
    mode: 0o100644,
    umask: 0,
    rdev: 0,
    target: '',
    open: false,
  };
  const { ino } = (await make(volume, request)) as Attributes;
  await write(volume, { ino, offset: 0, data: content, append: false, killPrivileges: false, sync: false });
  return ino;
}

async function contentOf(volume: Volume, ino: Ino): Promise<Uint8Array> {
  return read(volume, { ino, offset: 0, length: 1_000_000, noAtime: true });
}

test('an absent directory becomes a store, and keeps what it is given', async () => {
  const path = join(empty(), 'deep', 'store');
  const first = await openLocalVolume(path, machine);
  const small = await newFile(first.volume, 'small', Buffer.from('small'));
  const large = await newFile(first.volume, 'large', new Uint8Array(100_000).fill(3));
  await first.close();
  const second = await openLocalVolume(path, machine);
  assert.equal(Buffer.from(await contentOf(second.volume, small)).toString(), 'small');
  assert.deepEqual((await contentOf(second.volume, large)).length, 100_000);
  await second.close();
  assert.deepEqual(await checkStore(path, machine, { repair: false }), { inodes: 3, blobs: 1, problems: [] });
});

test('the root of a new store belongs to who makes it, and stays theirs', async () => {
  const path = empty();
  for (const owner of [
    { uid: 1000, gid: 1001 },
    { uid: 7, gid: 7 },
  ]) {
    const { volume, close } = await openLocalVolume(path, machine, { owner });
    const { uid, gid } = (await getattr(volume, { ino: rootIno })) as Attributes;
    assert.deepEqual({ uid, gid }, { uid: 1000, gid: 1001 });
    await close();
  }
});

test('a directory with something else is refused and left as it is', async () => {
  const path = empty();
  writeFileSync(join(path, 'diary.txt'), 'mine');
  await assert.rejects(takeStoreDirectory(path, { make: true }), { status: 'notEmpty', message: /diary\.txt/ });
  assert.deepEqual(readdirSync(path), ['diary.txt']);
});

test('a store is had by one at a time, and the other is told by whom', async () => {
  const path = empty();
  const held = await takeStoreDirectory(path, { make: true });
  const message = new RegExp(`in use by process ${process.pid}`);
  await assert.rejects(takeStoreDirectory(path, { make: true }), { status: 'busy', message });
  held.close();
  (await takeStoreDirectory(path, { make: true })).close();
});

test('a store made by a newer version is refused', async () => {
  const path = empty();
  await (await openLocalVolume(path, machine)).close();
  assert.equal(readFileSync(join(path, 'version'), 'latin1'), 'claudefs store 1\n');
  writeFileSync(join(path, 'version'), 'claudefs store 2\n');
  await assert.rejects(takeStoreDirectory(path, { make: true }), { status: 'notSupported', message: /newer cfs/ });
});

test('a store whose making was interrupted is made again', async () => {
  const path = empty();
  writeFileSync(join(path, 'lock'), '');
  writeFileSync(join(path, 'version'), '');
  const { close } = await openLocalVolume(path, machine);
  await close();
});

test('a store is made anew until its volume is complete, and never after', async () => {
  const path = empty();
  const begun = await takeStoreDirectory(path, { make: true });
  begun.close();
  // What a power cut may leave of it.
  writeFileSync(join(begun.metaPath, 'data.mdb'), 'half');
  truncateSync(join(path, 'version'), 5);
  await assert.rejects(checkStore(path, machine, { repair: false }), { status: 'notFound' });
  const first = await openLocalVolume(path, machine);
  const ino = await newFile(first.volume, 'name', Buffer.from('content'));
  await first.close();
  const second = await openLocalVolume(path, machine);
  assert.equal(Buffer.from(await contentOf(second.volume, ino)).toString(), 'content');
  await second.close();
  // The same remains without the mark belong to someone.
  truncateSync(join(path, 'version'), 5);
  await assert.rejects(openLocalVolume(path, machine), { status: 'corrupted' });
});

test('an unfinished store with something else in it is left alone', async () => {
  const path = empty();
  (await takeStoreDirectory(path, { make: true })).close();
  writeFileSync(join(path, 'diary.txt'), 'mine');
  await assert.rejects(takeStoreDirectory(path, { make: true }), { status: 'notEmpty', message: /diary\.txt/ });
});

test('a check makes no store', async () => {
  await assert.rejects(checkStore(join(top, 'nowhere'), machine, { repair: true }), { status: 'notFound' });
  await assert.rejects(checkStore(empty(), machine, { repair: false }), { status: 'notFound' });
});

test('a check finds blobs that are missing, short or without an inode, and repair mends', async () => {
  const path = empty();
  const { volume, close } = await openLocalVolume(path, machine);
  const inos: Ino[] = [];
  for (const name of ['missing', 'short', 'whole'])
    inos.push(await newFile(volume, name, new Uint8Array(50_000).fill(1)));
  await close();
  const blobOf = (ino: number) => join(path, 'blobs', '00', '00', ino.toString(16).padStart(14, '0'));
  rmSync(blobOf(inos[0]!));
  truncateSync(blobOf(inos[1]!), 20_000);
  writeFileSync(blobOf(500), 'found');
  const found = await checkStore(path, machine, { repair: false });
  assert.equal(found.problems.length, 3, JSON.stringify(found.problems));
  assert.ok(found.problems.every(({ repaired }) => !repaired));
  const mended = await checkStore(path, machine, { repair: true });
  assert.ok(mended.problems.length >= 3 && mended.problems.every(({ repaired }) => repaired));
  assert.deepEqual((await checkStore(path, machine, { repair: false })).problems, []);
  const again = await openLocalVolume(path, machine);
  assert.equal(Buffer.from(await contentOf(again.volume, 500 as Ino)).toString(), 'found');
  await again.close();
});

test('bytes that a killed writer left behind the size are no problem', async () => {
  const path = empty();
  const { volume, close } = await openLocalVolume(path, machine);
  const ino = await newFile(volume, 'file', new Uint8Array(50_000));
  await volume.blobs.write(ino, 50_000, Buffer.from('behind'));
  await close();
  assert.deepEqual((await checkStore(path, machine, { repair: false })).problems, []);
});

test('the blob of an inode whose record does not decode is kept', async () => {
  const path = empty();
  const { volume, close } = await openLocalVolume(path, machine);
  const ino = await newFile(volume, 'file', new Uint8Array(50_000));
  await volume.store.transact((tx) => tx.put(key.inode(ino), new Uint8Array(7)));
  await close();
  await checkStore(path, machine, { repair: true });
  const again = await openLocalVolume(path, machine);
  assert.equal((await again.volume.blobs.stat(ino)).size, 50_000);
  await again.close();
});

test('a missing blob is told in a sentence to whoever reads it', async () => {
  const path = empty();
  const { volume, close } = await openLocalVolume(path, machine);
  const ino = await newFile(volume, 'file', new Uint8Array(50_000));
  await volume.store.flush();
  rmSync(join(path, 'blobs'), { recursive: true });
  mkdirSync(join(path, 'blobs'));
  await close().catch(() => undefined);
  const again = await openLocalVolume(path, machine);
  await assert.rejects(contentOf(again.volume, ino), { status: 'corrupted', message: /run cfs fsck/ });
  await again.close();
});
