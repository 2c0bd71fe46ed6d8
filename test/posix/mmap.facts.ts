import assert from 'node:assert/strict';
import { type Actor, FALLOC, MADV, MAP, MS, O, PROT } from '../actor/index.ts';
import { expect, fact } from './fact.ts';

const PAGE = 4096;
const BOTH = PROT.READ | PROT.WRITE;

async function open(app: Actor, content: string | Uint8Array): Promise<number> {
  await app.writeFile('file', content);
  return app.open('file', O.RDWR);
}

const text = async (bytes: Promise<Buffer>) => (await bytes).toString();

fact('a shared mapping shows the content and zeros up to the end of its page', async ({ app }) => {
  const fd = await open(app, 'content');
  const mapping = await app.mmap(fd, PAGE, PROT.READ, MAP.SHARED);
  const page = await app.load(mapping, 0, PAGE);
  assert.equal(page.subarray(0, 7).toString(), 'content');
  assert(page.subarray(7).every((byte) => byte === 0));
});

fact('a store to a shared mapping is read at once through descriptors, by others too', async ({ app, start }) => {
  const other = await start();
  const fd = await open(app, Buffer.alloc(3 * PAGE));
  const theirs = await other.open('file');
  const mapping = await app.mmap(fd, 3 * PAGE, BOTH, MAP.SHARED);
  for (let round = 0; round < 10; round++) {
    await app.store(mapping, round * 1000, `round ${round}`);
    assert.equal(await text(app.pread(fd, 7, round * 1000)), `round ${round}`);
    assert.equal(await text(other.pread(theirs, 7, round * 1000)), `round ${round}`);
  }
});

fact(
  'a write through a descriptor shows in a mapping at once, in that of another process too',
  async ({ app, start }) => {
    const other = await start();
    const fd = await open(app, Buffer.alloc(PAGE));
    const mine = await app.mmap(fd, PAGE, PROT.READ, MAP.SHARED);
    const theirs = await other.mmap(await other.open('file'), PAGE, PROT.READ, MAP.SHARED);
    for (let round = 0; round < 10; round++) {
      await app.pwrite(fd, `round ${round}`, round * 10);
      assert.equal(await text(app.load(mine, round * 10, 7)), `round ${round}`);
      assert.equal(await text(other.load(theirs, round * 10, 7)), `round ${round}`);
    }
  },
);

fact('two shared mappings of one file are one memory', async ({ app, start }) => {
  const other = await start();
  const fd = await open(app, Buffer.alloc(2 * PAGE));
  const mine = await app.mmap(fd, 2 * PAGE, BOTH, MAP.SHARED);
  const theirs = await other.mmap(await other.open('file', O.RDWR), PAGE, BOTH, MAP.SHARED, PAGE);
  await app.store(mine, PAGE + 10, 'mine');
  assert.equal(await text(other.load(theirs, 10, 4)), 'mine');
  await other.store(theirs, 20, 'theirs');
  assert.equal(await text(app.load(mine, PAGE + 20, 6)), 'theirs');
});

fact('what was stored is in the file after munmap, close and reopening', async ({ app }) => {
  const fd = await open(app, Buffer.alloc(100_000));
  const mapping = await app.mmap(fd, 100_000, BOTH, MAP.SHARED);
  for (const offset of [0, 5000, 65_536, 99_990]) await app.store(mapping, offset, 'stored');
  await app.munmap(mapping);
  await app.close(fd);
  for (const offset of [0, 5000, 65_536, 99_990]) {
    assert.equal((await app.readFile('file')).subarray(offset, offset + 6).toString(), 'stored');
  }
});

fact('a mapping outlives the descriptor and the name', async ({ app }) => {
  const fd = await open(app, 'content');
  const mapping = await app.mmap(fd, PAGE, BOTH, MAP.SHARED);
  await app.link('file', 'other');
  await app.close(fd);
  await app.unlink('file');
  assert.equal(await text(app.load(mapping, 0, 7)), 'content');
  await app.store(mapping, 0, 'CON');
  assert.equal(await app.readText('other'), 'CONtent');
  await app.unlink('other');
  assert.equal(await text(app.load(mapping, 0, 7)), 'CONtent');
});

fact('a private mapping keeps its stores to itself', async ({ app }) => {
  const fd = await open(app, 'content');
  const mapping = await app.mmap(fd, PAGE, BOTH, MAP.PRIVATE);
  await app.store(mapping, 0, 'PRI');
  assert.equal(await text(app.load(mapping, 0, 7)), 'PRItent');
  assert.equal(await app.readText('file'), 'content');
  await app.pwrite(fd, 'new', 0);
  assert.equal(await text(app.load(mapping, 0, 7)), 'PRItent');
});

fact('memory wholly past the end of the file faults', async ({ app }) => {
  const fd = await open(app, 'content');
  const mapping = await app.mmap(fd, 3 * PAGE, BOTH, MAP.SHARED);
  await expect(app.load(mapping, PAGE - 1, 1), 'ok');
  await expect(app.load(mapping, PAGE, 1), 'SIGBUS');
  await expect(app.store(mapping, 2 * PAGE, 'a'), 'SIGBUS');
  await app.ftruncate(fd, 2 * PAGE + 1);
  await expect(app.load(mapping, PAGE, 1), 'ok');
  await expect(app.store(mapping, 2 * PAGE, 'a'), 'ok');
});

fact('truncation takes pages out of a mapping, growth brings zeros', async ({ app }) => {
  const fd = await open(app, Buffer.alloc(3 * PAGE, 'x'));
  const mapping = await app.mmap(fd, 3 * PAGE, BOTH, MAP.SHARED);
  await app.load(mapping, 0, 3 * PAGE);
  await app.ftruncate(fd, 100);
  await expect(app.load(mapping, PAGE, 1), 'SIGBUS');
  assert((await app.load(mapping, 100, PAGE - 100)).every((byte) => byte === 0));
  await app.ftruncate(fd, 3 * PAGE);
  const memory = await app.load(mapping, 0, 3 * PAGE);
  assert(memory.subarray(0, 100).every((byte) => byte === 0x78));
  assert(memory.subarray(100).every((byte) => byte === 0));
});

fact(
  'what is stored past the end in the last page never becomes content',
  async ({ app }) => {
    const fd = await open(app, 'content');
    const mapping = await app.mmap(fd, PAGE, BOTH, MAP.SHARED);
    await app.store(mapping, 100, 'beyond');
    await app.msync(mapping, MS.SYNC);
    assert.equal((await app.stat('file')).size, 7);
    await app.ftruncate(fd, PAGE);
    assert((await app.pread(fd, PAGE, 7)).every((byte) => byte === 0));
  },
  { needs: ['zeroesTail'] },
);

fact('a hole that is punched under a mapping shows as zeros', async ({ app }) => {
  const fd = await open(app, Buffer.alloc(4 * PAGE, 'x'));
  const mapping = await app.mmap(fd, 4 * PAGE, BOTH, MAP.SHARED);
  await app.store(mapping, PAGE, 'dirty');
  await app.fallocate(fd, FALLOC.PUNCH_HOLE | FALLOC.KEEP_SIZE, PAGE, PAGE + 10);
  const memory = await app.load(mapping, 0, 4 * PAGE);
  assert(memory.subarray(PAGE, 2 * PAGE + 10).every((byte) => byte === 0));
  assert(memory.subarray(2 * PAGE + 10).every((byte) => byte === 0x78));
});

fact('a store into a hole of the file becomes content', async ({ app }) => {
  const fd = await open(app, '');
  await app.ftruncate(fd, 100 * PAGE);
  const mapping = await app.mmap(fd, 100 * PAGE, BOTH, MAP.SHARED);
  await app.store(mapping, 50 * PAGE + 7, 'stored');
  assert.equal(await text(app.load(mapping, 50 * PAGE + 7, 6)), 'stored');
  await app.msync(mapping, MS.SYNC);
  await app.munmap(mapping);
  const content = await app.readFile('file');
  assert.equal(content.subarray(50 * PAGE + 7, 50 * PAGE + 13).toString(), 'stored');
  assert.equal(content.filter((byte) => byte !== 0).length, 6);
});

fact('msync takes its flags, and pages that were given up are read again', async ({ app }) => {
  const fd = await open(app, Buffer.alloc(PAGE));
  const mapping = await app.mmap(fd, PAGE, BOTH, MAP.SHARED);
  await app.store(mapping, 0, 'stored');
  for (const flags of [MS.ASYNC, MS.SYNC, MS.SYNC | MS.INVALIDATE]) await expect(app.msync(mapping, flags), 'ok');
  await expect(app.msync(mapping, MS.SYNC | MS.ASYNC), 'EINVAL');
  await app.call('madvise', mapping, MADV.DONTNEED);
  assert.equal(await text(app.load(mapping, 0, 6)), 'stored');
});

fact('an offset must be a multiple of the page, a length more than nothing', async ({ app }) => {
  const fd = await open(app, Buffer.alloc(3 * PAGE, 'x'));
  await expect(app.mmap(fd, PAGE, PROT.READ, MAP.SHARED, 100), 'EINVAL');
  await expect(app.mmap(fd, 0, PROT.READ, MAP.SHARED), 'EINVAL');
  await expect(app.mmap(fd, PAGE, PROT.READ, MAP.SHARED, 2 * PAGE), 'ok');
  await expect(app.mmap(await app.open('.', O.DIRECTORY), PAGE, PROT.READ, MAP.SHARED), 'ENODEV');
  await app.mkfifo('fifo');
  await expect(app.mmap(await app.open('fifo', O.RDWR), PAGE, PROT.READ, MAP.SHARED), 'ENODEV');
});

fact('a file is written from a mapping of itself, and read into one', async ({ app }) => {
  const fd = await open(app, Buffer.alloc(4 * PAGE));
  const mapping = await app.mmap(fd, 4 * PAGE, BOTH, MAP.SHARED);
  await app.pwrite(fd, 'content', 0);
  assert.equal((await app.call('pwriteMapped', fd, 2 * PAGE, mapping, 0, PAGE)).value, PAGE);
  assert.equal(await text(app.pread(fd, 7, 2 * PAGE)), 'content');
  assert.equal((await app.call('preadMapped', fd, 2 * PAGE, mapping, 3 * PAGE, PAGE)).value, PAGE);
  assert.equal(await text(app.load(mapping, 3 * PAGE, 7)), 'content');
});

fact('a write from an unmapped page of another file works', async ({ app }) => {
  await app.writeFile('source', Buffer.alloc(2 * PAGE, 'y'));
  const fd = await open(app, '');
  const mapping = await app.mmap(await app.open('source'), 2 * PAGE, PROT.READ, MAP.SHARED);
  assert.equal((await app.call('pwriteMapped', fd, 10, mapping, 100, PAGE)).value, PAGE);
  assert((await app.readFile('file')).subarray(10).equals(Buffer.alloc(PAGE, 'y')));
});

fact('PROT_EXEC and read-only mappings follow the access mode', async ({ app }) => {
  await app.writeFile('file', 'content');
  const fd = await app.open('file');
  await expect(app.mmap(fd, PAGE, PROT.READ | PROT.EXEC, MAP.PRIVATE), 'ok');
  const mapping = await app.mmap(fd, PAGE, PROT.READ, MAP.SHARED);
  await expect(app.call('mprotect', mapping, BOTH), 'EACCES');
  await expect(app.store(mapping, 0, 'a'), 'SIGBUS');
});

fact('a large file is mapped far from its start', async ({ app }) => {
  const far = 5 * 2 ** 30;
  const fd = await open(app, '');
  await app.ftruncate(fd, far + PAGE);
  const mapping = await app.mmap(fd, PAGE, BOTH, MAP.SHARED, far);
  await app.store(mapping, 10, 'far');
  assert.equal(await text(app.pread(fd, 3, far + 10)), 'far');
});
