import assert from 'node:assert/strict';
import { type Actor, O, RWF, SEEK } from '../actor/index.ts';
import { expect, fact } from './fact.ts';

const KIB = 1024;
const GIB = 2 ** 30;

async function withContent(app: Actor, content: string | Uint8Array, flags: number = O.RDWR): Promise<number> {
  await app.writeFile('file', content);
  return app.open('file', flags);
}

/** Bytes that differ from place to place. */
function pattern(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0, state = seed; at < length; at++) {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
    bytes[at] = state >> 16;
  }
  return bytes;
}

fact('read returns what is there and 0 at the end', async ({ app }) => {
  const fd = await withContent(app, 'content');
  assert.equal((await app.read(fd, 4)).toString(), 'cont');
  assert.equal((await app.read(fd, 100)).toString(), 'ent');
  assert.equal((await app.read(fd, 100)).length, 0);
  assert.equal((await app.pread(fd, 100, 7)).length, 0);
  assert.equal((await app.pread(fd, 100, 5 * GIB)).length, 0);
  assert.equal((await app.pread(fd, 0, 0)).length, 0);
});

fact('pread and pwrite leave the position', async ({ app }) => {
  const fd = await withContent(app, 'content');
  await app.lseek(fd, 2);
  await app.pwrite(fd, 'XY', 4);
  assert.equal((await app.pread(fd, 3, 4)).toString(), 'XYt');
  assert.equal(await app.position(fd), 2);
});

fact('negative offsets give EINVAL', async ({ app }) => {
  const fd = await withContent(app, 'content');
  await expect(app.pread(fd, 1, -1), 'EINVAL');
  await expect(app.pwrite(fd, 'a', -1), 'EINVAL');
  await expect(app.lseek(fd, -1, SEEK.SET), 'EINVAL');
  await expect(app.lseek(fd, -8, SEEK.END), 'EINVAL');
  await expect(app.lseek(fd, 0, 99), 'EINVAL');
});

fact('lseek moves from the start, the position and the end, also past the end', async ({ app }) => {
  const fd = await withContent(app, 'content');
  assert.equal(await app.lseek(fd, 3, SEEK.SET), 3);
  assert.equal(await app.lseek(fd, 2, SEEK.CUR), 5);
  assert.equal(await app.lseek(fd, -1, SEEK.END), 6);
  assert.equal(await app.lseek(fd, 100, SEEK.END), 107);
  assert.equal((await app.stat('file')).size, 7);
  const other = await app.open('file', O.WRONLY | O.APPEND);
  await app.write(other, 'more');
  assert.equal(await app.lseek(fd, 0, SEEK.END), 11);
});

fact('what was never written reads as zeros', async ({ app }) => {
  const fd = await withContent(app, 'abc');
  await app.pwrite(fd, 'xyz', 100_000);
  assert.equal((await app.fstat(fd)).size, 100_003);
  const content = await app.readFile('file');
  assert.equal(content.subarray(0, 3).toString(), 'abc');
  assert(content.subarray(3, 100_000).every((byte) => byte === 0));
  assert.equal(content.subarray(100_000).toString(), 'xyz');
});

fact('writes of every alignment land where they should', async ({ app }) => {
  const fd = await app.open('file', O.CREAT | O.RDWR);
  const model = Buffer.alloc(80 * KIB);
  for (const offset of [0, 1, 511, 512, 4095, 4096, 4097, 65_535, 65_536]) {
    for (const length of [1, 2, 511, 4096, 4097, 9000]) {
      const data = pattern(length, offset + length);
      assert.equal(await app.pwrite(fd, data, offset), length);
      data.copy(model, offset);
      assert(model.subarray(offset, offset + length).equals(await app.pread(fd, length, offset)));
    }
  }
  assert(model.subarray(0, (await app.fstat(fd)).size).equals(await app.readFile('file')));
});

fact('a write of several MiB is complete', async ({ app }) => {
  const data = pattern(5 * KIB * KIB + 123);
  await app.writeFile('file', data);
  assert.equal((await app.stat('file')).size, data.length);
  assert((await app.readFile('file')).equals(data));
});

fact('a write through one descriptor is read through another, and by another process', async ({ app, start }) => {
  const other = await start();
  const writer = await app.open('file', O.CREAT | O.WRONLY);
  const [near, far] = [await app.open('file'), await other.open('file')];
  for (let round = 0; round < 20; round++) {
    await app.pwrite(writer, `round ${round}`, round * 1000);
    assert.equal((await app.pread(near, 100, round * 1000)).toString(), `round ${round}`);
    assert.equal((await other.pread(far, 100, round * 1000)).toString(), `round ${round}`);
    assert.equal((await other.fstat(far)).size, round * 1000 + `round ${round}`.length);
  }
});

fact('O_APPEND writes at the end of the file as it is then', async ({ app, start }) => {
  const other = await start();
  const [one, two] = [await app.open('log', O.CREAT | O.RDWR | O.APPEND), await other.open('log', O.WRONLY | O.APPEND)];
  for (let round = 0; round < 50; round++) {
    await app.write(one, `a${round};`);
    await other.write(two, `b${round};`);
  }
  await app.lseek(one, 0);
  await app.write(one, 'end');
  const expected = Array.from({ length: 50 }, (_, round) => `a${round};b${round};`).join('');
  assert.equal(await app.readText('log'), `${expected}end`);
  assert.equal(await app.position(one), expected.length + 3);
});

fact('concurrent appends of several processes lose nothing', async ({ app, start }) => {
  const writers = await Promise.all([start(), start(), start()]);
  await app.create('log');
  await Promise.all(
    writers.map(async (writer, index) => {
      const fd = await writer.open('log', O.WRONLY | O.APPEND);
      await Promise.all(Array.from({ length: 100 }, () => writer.write(fd, String(index).repeat(37))));
    }),
  );
  const text = await app.readText('log');
  assert.equal(text.length, 3 * 100 * 37);
  for (let at = 0; at < text.length; at += 37) assert.match(text.slice(at, at + 37), /^(0+|1+|2+)$/);
});

fact('pwrite through O_APPEND appends whatever the offset', async ({ app }) => {
  const fd = await withContent(app, 'content', O.RDWR | O.APPEND);
  await app.pwrite(fd, 'X', 0);
  assert.equal(await app.readText('file'), 'contentX');
});

fact('RWF_APPEND appends once', async ({ app }) => {
  const fd = await withContent(app, 'content');
  await app.pwritev2(fd, 0, RWF.APPEND, 'X');
  await app.pwritev2(fd, 0, 0, 'Y');
  assert.equal(await app.readText('file'), 'YontentX');
});

fact('vectors are gathered and scattered', async ({ app }) => {
  const fd = await app.open('file', O.CREAT | O.RDWR);
  assert.equal(await app.pwritev2(fd, 2, 0, 'ab', '', pattern(5000), 'cd'), 5004);
  const { size, parts } = await app.preadv2(fd, 0, 0, 4, 5000, 100);
  assert.equal(size, 5006);
  assert.equal(parts[0]!.toString(), '\0\0ab');
  assert(parts[1]!.equals(pattern(5000)));
  assert.equal(parts[2]!.subarray(0, 2).toString(), 'cd');
});

fact('writing no bytes changes nothing', async ({ app }) => {
  const fd = await withContent(app, 'content');
  const before = await app.fstat(fd);
  await app.tick();
  assert.equal(await app.write(fd, ''), 0);
  assert.equal(await app.pwrite(fd, '', 1000), 0);
  assert.deepEqual(await app.fstat(fd), before);
});

fact('a file may be larger than 4 GiB', async ({ app }) => {
  const fd = await app.open('file', O.CREAT | O.RDWR);
  const offsets = [2 * GIB - 1, 4 * GIB - 2, 4 * GIB + 50, 100 * GIB];
  for (const offset of offsets) await app.pwrite(fd, `at ${offset}`, offset);
  for (const offset of offsets)
    assert.equal((await app.pread(fd, `at ${offset}`.length, offset)).toString(), `at ${offset}`);
  const { size, blocks } = await app.fstat(fd);
  assert.equal(size, 100 * GIB + `at ${100 * GIB}`.length);
  assert(blocks * 512 < 10 * KIB * KIB);
  assert.equal(await app.lseek(fd, 0, SEEK.END), size);
});

fact(
  'a size that the file system cannot hold gives EFBIG',
  async ({ app }) => {
    const fd = await app.open('file', O.CREAT | O.RDWR);
    const huge = 2n ** 62n;
    await expect(app.ftruncate(fd, huge), 'EFBIG');
    await expect(app.pwrite(fd, 'a', huge), 'EFBIG');
    await expect(app.fallocate(fd, 0, huge, 4096), 'EFBIG');
    assert.equal((await app.fstat(fd)).size, 0);
  },
  { needs: ['sizeLimit'] },
);

fact('RLIMIT_FSIZE stops growth with EFBIG', async ({ app }) => {
  const fd = await app.open('file', O.CREAT | O.RDWR);
  await app.call('limitFileSize', 10_000);
  await expect(app.ftruncate(fd, 10_001), 'EFBIG');
  await expect(app.fallocate(fd, 0, 0, 10_001), 'EFBIG');
  assert.equal(await app.pwrite(fd, pattern(20_000), 0), 10_000);
  await expect(app.pwrite(fd, 'a', 10_000), 'EFBIG');
  await app.call('limitFileSize', -1);
  assert.equal((await app.fstat(fd)).size, 10_000);
});

fact('O_SYNC, O_DSYNC and the sync calls work on files and directories', async ({ app }) => {
  for (const flags of [O.SYNC, O.DSYNC]) {
    const fd = await app.open('file', O.CREAT | O.WRONLY | flags);
    await expect(app.write(fd, 'content'), 'ok');
    await expect(app.pwritev2(fd, 0, RWF.SYNC, 'a'), 'ok');
    await expect(app.fsync(fd), 'ok');
    await expect(app.fdatasync(fd), 'ok');
    await expect(app.call('syncFileRange', fd, 0, 0, 7), 'ok');
  }
  const dir = await app.open('.', O.DIRECTORY);
  await expect(app.fsync(dir), 'ok');
  await expect(app.fdatasync(dir), 'ok');
  await expect(app.call('syncfs', dir), 'ok');
  const reader = await app.open('file');
  await expect(app.fsync(reader), 'ok');
});

fact('posix_fadvise does no harm', async ({ app }) => {
  const fd = await withContent(app, pattern(100_000));
  for (const advice of [0, 1, 2, 3, 4, 5]) await expect(app.call('fadvise', fd, 0, 0, advice), 'ok');
  assert((await app.readFile('file')).equals(pattern(100_000)));
});

fact('sendfile and splice carry content out and in', async ({ app }) => {
  const data = pattern(50_000);
  const from = await withContent(app, data);
  const to = await app.open('copy', O.CREAT | O.RDWR);
  assert.equal(await app.sendfile(to, from, 0, 50_000), 50_000);
  assert((await app.readFile('copy')).equals(data));

  const [reader, writer] = await app.pipe();
  const spliced = await app.open('spliced', O.CREAT | O.RDWR);
  for (let at = 0; at < data.length; ) {
    const size = await app.splice(from, at, writer, -1, 10_000);
    for (let done = 0; done < size; ) done += await app.splice(reader, -1, spliced, at + done, size - done);
    at += size;
  }
  assert((await app.readFile('spliced')).equals(data));
});

// ---- O_DIRECT ----

fact(
  'O_DIRECT reads and writes aligned blocks',
  async ({ app }) => {
    const fd = await app.open('file', O.CREAT | O.RDWR | O.DIRECT);
    const data = pattern(16 * KIB);
    assert.equal(await app.pwrite(fd, data, 4096), data.length);
    assert((await app.pread(fd, data.length, 4096)).equals(data));
    assert.deepEqual(await app.pread(fd, 4096, 0), Buffer.alloc(4096));
    assert.equal((await app.pread(fd, 4096, 64 * KIB)).length, 0);
  },
  { needs: ['direct'] },
);

fact(
  'O_DIRECT and the page cache see the same content',
  async ({ app }) => {
    const cached = await app.open('file', O.CREAT | O.RDWR);
    const direct = await app.open('file', O.RDWR | O.DIRECT);
    for (let round = 1; round < 10; round++) {
      const data = pattern(8192, round);
      await app.pwrite(cached, data, 0);
      assert((await app.pread(direct, 8192, 0)).equals(data));
      const next = pattern(4096, round + 100);
      await app.pwrite(direct, next, 4096);
      assert((await app.pread(cached, 4096, 4096)).equals(next));
    }
  },
  { needs: ['direct'] },
);

fact(
  'O_DIRECT reads the last, partial block of a file',
  async ({ app }) => {
    await app.writeFile('file', pattern(10_000));
    const fd = await app.open('file', O.RDONLY | O.DIRECT);
    assert((await app.pread(fd, 8192, 4096)).equals(pattern(10_000).subarray(4096)));
  },
  { needs: ['direct'] },
);
