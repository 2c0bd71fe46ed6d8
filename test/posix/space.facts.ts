import assert from 'node:assert/strict';
import { type Actor, FALLOC, O, S, SEEK } from '../actor/index.ts';
import { alice, expect, fact, rootFact } from './fact.ts';

const BLOCK = 65_536;
const GIB = 2 ** 30;
const PUNCH = FALLOC.PUNCH_HOLE | FALLOC.KEEP_SIZE;
const full = (length: number) => Buffer.alloc(length, 'x');

async function open(app: Actor, content: string | Uint8Array = ''): Promise<number> {
  await app.writeFile('file', content);
  return app.open('file', O.RDWR);
}

// ---- truncate ----

fact('truncate shrinks and grows, and what it adds is zeros', async ({ app }) => {
  const fd = await open(app, full(10_000));
  await app.truncate('file', 5000);
  assert((await app.readFile('file')).equals(full(5000)));
  await app.ftruncate(fd, 12_000);
  assert((await app.readFile('file')).equals(Buffer.concat([full(5000), Buffer.alloc(7000)])));
  await app.ftruncate(fd, 0);
  await app.ftruncate(fd, 100);
  assert((await app.readFile('file')).equals(Buffer.alloc(100)));
});

for (const size of [1, 100, 4095, 4096, 4097, BLOCK - 1, BLOCK, BLOCK + 1]) {
  fact(`content cut off at ${size} never comes back`, async ({ app }) => {
    const fd = await open(app, full(2 * BLOCK));
    await app.ftruncate(fd, size);
    await app.ftruncate(fd, 2 * BLOCK);
    const content = await app.pread(fd, 2 * BLOCK, 0);
    assert(content.subarray(0, size).equals(full(size)));
    assert(content.subarray(size).every((byte) => byte === 0));
    await app.ftruncate(fd, size);
    await app.pwrite(fd, 'end', BLOCK * 3);
    assert((await app.pread(fd, BLOCK * 3 - size, size)).every((byte) => byte === 0));
  });
}

fact('truncate is seen through every descriptor at once', async ({ app, start }) => {
  const other = await start();
  await open(app, full(1000));
  const far = await other.open('file');
  assert.equal((await other.read(far, 100)).length, 100);
  await app.truncate('file', 50);
  assert.equal((await other.fstat(far)).size, 50);
  assert.equal((await other.read(far, 100)).length, 0);
  assert.equal((await other.pread(far, 100, 0)).length, 50);
});

fact('truncate reaches beyond 4 GiB without taking space', async ({ app }) => {
  const fd = await open(app, 'content');
  await app.ftruncate(fd, 40 * GIB + 1);
  const { size, blocks } = await app.fstat(fd);
  assert.equal(size, 40 * GIB + 1);
  assert(blocks <= 1024);
  assert.deepEqual(await app.pread(fd, 10, 40 * GIB), Buffer.alloc(1));
});

fact('truncate takes files only', async ({ app }) => {
  await app.mkdir('directory');
  await app.mkfifo('fifo');
  await app.create('file');
  await expect(app.truncate('directory', 0), 'EISDIR');
  await expect(app.truncate('fifo', 0), 'EINVAL');
  await expect(app.truncate('file', -1), 'EINVAL');
  await expect(app.ftruncate(await app.open('file', O.RDWR), -1), 'EINVAL');
  await expect(app.ftruncate(await app.open('directory'), 0), 'EINVAL');
});

rootFact('truncate needs the right to write, ftruncate a descriptor for writing', async ({ app, start }) => {
  const user = await start(alice);
  await app.writeFile('file', 'content');
  await expect(user.truncate('file', 0), 'EACCES');
  await app.chmod('file', 0o666);
  await expect(user.truncate('file', 3), 'ok');
  const fd = await user.open('file', O.RDWR);
  await app.chmod('file', 0);
  await expect(user.ftruncate(fd, 1), 'ok');
  await expect(user.truncate('file', 0), 'EACCES');
});

// ---- fallocate ----

fact('fallocate makes the file longer and fills with zeros', async ({ app }) => {
  const fd = await open(app, 'content');
  await app.fallocate(fd, 0, 0, 3);
  assert.equal((await app.fstat(fd)).size, 7);
  await app.fallocate(fd, 0, 4, 100_000);
  assert.equal((await app.fstat(fd)).size, 100_004);
  assert((await app.readFile('file')).equals(Buffer.concat([Buffer.from('content'), Buffer.alloc(99_997)])));
});

fact('fallocate with KEEP_SIZE keeps the size', async ({ app }) => {
  const fd = await open(app, 'content');
  await app.fallocate(fd, FALLOC.KEEP_SIZE, 0, BLOCK * 4);
  assert.equal((await app.fstat(fd)).size, 7);
  assert.equal(await app.readText('file'), 'content');
  await app.ftruncate(fd, 20);
  assert.equal((await app.pread(fd, 100, 0)).toString(), `content${'\0'.repeat(13)}`);
});

fact(
  'space that was allocated shows in the block count, a hole that was punched leaves it',
  async ({ app }) => {
    const fd = await open(app);
    await app.fallocate(fd, 0, 0, 16 * BLOCK);
    await app.fsync(fd);
    assert((await app.fstat(fd)).blocks * 512 >= 16 * BLOCK);
    await app.fallocate(fd, PUNCH, 0, 8 * BLOCK);
    await app.fsync(fd);
    assert((await app.fstat(fd)).blocks * 512 < 9 * BLOCK);
  },
  { needs: ['countsBlocks'] },
);

const wipes: { name: string; mode: number; keepsSize: boolean; needs: 'zeroRange'[] }[] = [
  { name: 'PUNCH_HOLE', mode: PUNCH, keepsSize: true, needs: [] },
  { name: 'ZERO_RANGE', mode: FALLOC.ZERO_RANGE, keepsSize: false, needs: ['zeroRange'] },
  {
    name: 'ZERO_RANGE with KEEP_SIZE',
    mode: FALLOC.ZERO_RANGE | FALLOC.KEEP_SIZE,
    keepsSize: true,
    needs: ['zeroRange'],
  },
];

for (const { name, mode, keepsSize, needs } of wipes) {
  fact(
    `${name} turns exactly its range to zeros`,
    async ({ app }) => {
      const size = 4 * BLOCK;
      const ranges = [
        [0, 1],
        [1, 10],
        [4095, 2],
        [4096, 4096],
        [BLOCK - 1, BLOCK + 2],
        [0, size],
        [size - 10, 10],
      ] as const;
      for (const [offset, length] of ranges) {
        const fd = await open(app, full(size));
        await app.fallocate(fd, mode, offset, length);
        const model = full(size).fill(0, offset, offset + length);
        assert((await app.pread(fd, size, 0)).equals(model), `${offset} + ${length}`);
        assert.equal((await app.fstat(fd)).size, size);
        await app.close(fd);
      }
    },
    { needs },
  );

  fact(
    `${name} past the end ${keepsSize ? 'keeps the size' : 'makes the file longer'}`,
    async ({ app }) => {
      const fd = await open(app, full(1000));
      await app.fallocate(fd, mode, 500, 5000);
      const expected = Buffer.concat([full(500), Buffer.alloc(keepsSize ? 500 : 5000)]);
      assert((await app.readFile('file')).equals(expected));
      await app.ftruncate(fd, 6000);
      assert((await app.pread(fd, 5500, 500)).equals(Buffer.alloc(5500)));
    },
    { needs },
  );
}

fact('fallocate refuses what makes no sense', async ({ app }) => {
  const fd = await open(app, 'content');
  await expect(app.fallocate(fd, 0, -1, 10), 'EINVAL');
  await expect(app.fallocate(fd, 0, 0, 0), 'EINVAL');
  await expect(app.fallocate(fd, 0, 0, -5), 'EINVAL');
  await expect(app.fallocate(fd, FALLOC.PUNCH_HOLE, 0, 10), 'EOPNOTSUPP');
  await expect(app.fallocate(fd, 0x4000, 0, 10), 'EOPNOTSUPP');
  await expect(app.fallocate(fd, 0, 2n ** 63n - 10n, 100), 'EFBIG');
  await expect(app.fallocate(await app.open('file'), 0, 0, 10), 'EBADF');
  await app.mkfifo('fifo');
  await expect(app.fallocate(await app.open('fifo', O.RDWR), 0, 0, 10), 'ESPIPE');
  await app.mknod('socket', S.IFSOCK);
  assert.equal((await app.fstat(fd)).size, 7);
});

// ---- SEEK_DATA and SEEK_HOLE ----

fact('there is a hole at the end of every file', async ({ app }) => {
  const fd = await open(app, full(10_000));
  assert.equal(await app.lseek(fd, 0, SEEK.DATA), 0);
  assert.equal(await app.lseek(fd, 5000, SEEK.DATA), 5000);
  assert.equal(await app.lseek(fd, 0, SEEK.HOLE), 10_000);
  assert.equal(await app.lseek(fd, 9999, SEEK.HOLE), 10_000);
});

fact('seeking data or a hole at or past the end gives ENXIO', async ({ app }) => {
  const fd = await open(app, full(100));
  for (const offset of [100, 101, 2 ** 40]) {
    await expect(app.lseek(fd, offset, SEEK.DATA), 'ENXIO');
    await expect(app.lseek(fd, offset, SEEK.HOLE), 'ENXIO');
  }
  await expect(app.lseek(fd, -1, SEEK.DATA), 'ENXIO');
  const empty = await app.open('empty', O.CREAT | O.RDWR);
  await expect(app.lseek(empty, 0, SEEK.DATA), 'ENXIO');
  await expect(app.lseek(empty, 0, SEEK.HOLE), 'ENXIO');
});

fact(
  'SEEK_DATA and SEEK_HOLE find what was written and what was not',
  async ({ app }) => {
    const fd = await open(app);
    await app.pwrite(fd, full(BLOCK), BLOCK);
    await app.pwrite(fd, full(BLOCK), 3 * BLOCK);
    await app.ftruncate(fd, 6 * BLOCK);
    const found = async (whence: number, offsets: number[]) =>
      Promise.all(offsets.map(async (offset) => (await app.lseek(fd, offset * BLOCK, whence)) / BLOCK));
    assert.deepEqual(await found(SEEK.DATA, [0, 1, 1.5, 2, 3]), [1, 1, 1.5, 3, 3]);
    assert.deepEqual(await found(SEEK.HOLE, [0, 1, 1.5, 2, 3, 4]), [0, 2, 2, 2, 4, 4]);
    await expect(app.lseek(fd, 4 * BLOCK, SEEK.DATA), 'ENXIO');
  },
  { needs: ['holes'] },
);

fact(
  'a punched hole is found by SEEK_HOLE and filled by a write',
  async ({ app }) => {
    const fd = await open(app, full(4 * BLOCK));
    await app.fallocate(fd, PUNCH, BLOCK, 2 * BLOCK);
    assert.equal(await app.lseek(fd, 0, SEEK.HOLE), BLOCK);
    assert.equal(await app.lseek(fd, BLOCK, SEEK.DATA), 3 * BLOCK);
    await app.pwrite(fd, full(BLOCK), BLOCK);
    assert.equal(await app.lseek(fd, 0, SEEK.HOLE), 2 * BLOCK);
  },
  { needs: ['holes'] },
);

fact('SEEK_DATA sets the position that read uses', async ({ app }) => {
  const fd = await open(app, 'content');
  await app.lseek(fd, 3, SEEK.DATA);
  assert.equal((await app.read(fd, 100)).toString(), 'tent');
});
