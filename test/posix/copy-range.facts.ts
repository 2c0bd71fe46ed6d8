import assert from 'node:assert/strict';
import { type Actor, O } from '../actor/index.ts';
import { expect, fact } from './fact.ts';

const data = Buffer.from(Array.from({ length: 200_000 }, (_, index) => (index * 7 + (index >> 8)) & 255));

async function open(app: Actor): Promise<[from: number, to: number]> {
  await app.writeFile('from', data);
  return [await app.open('from', O.RDWR), await app.open('to', O.CREAT | O.RDWR)];
}

async function copyAll(
  app: Actor,
  fds: [number, number],
  range: { from: number; to: number; length: number },
): Promise<void> {
  for (let done = 0; done < range.length; ) {
    const size = await app.copyFileRange(fds[0], range.from + done, fds[1], range.to + done, range.length - done);
    assert(size > 0);
    done += size;
  }
}

fact('copy_file_range copies content of every alignment', async ({ app }) => {
  const fds = await open(app);
  const model = Buffer.alloc(300_000);
  for (const [from, to, length] of [
    [0, 0, 200_000],
    [1, 5000, 10_000],
    [4096, 8191, 4097],
    [100, 250_000, 50_000],
  ] as const) {
    await copyAll(app, fds, { from, to, length });
    data.copy(model, to, from, from + length);
  }
  assert((await app.readFile('to')).equals(model));
});

fact('copy_file_range stops at the end of the source', async ({ app }) => {
  const [from, to] = await open(app);
  assert.equal(await app.copyFileRange(from, data.length - 10, to, 0, 1000), 10);
  assert.equal(await app.copyFileRange(from, data.length, to, 0, 1000), 0);
  assert.equal(await app.copyFileRange(from, data.length + 5000, to, 0, 1000), 0);
  assert.equal((await app.stat('to')).size, 10);
});

fact('copy_file_range moves the positions when it is given no offsets', async ({ app }) => {
  const [from, to] = await open(app);
  await app.lseek(from, 100);
  await app.lseek(to, 20);
  assert.equal(await app.copyFileRange(from, -1, to, -1, 50), 50);
  assert.deepEqual([await app.position(from), await app.position(to)], [150, 70]);
  assert.equal(await app.copyFileRange(from, 0, to, 0, 50), 50);
  assert.deepEqual([await app.position(from), await app.position(to)], [150, 70]);
});

fact('copy_file_range within one file takes ranges that do not overlap', async ({ app }) => {
  const [from] = await open(app);
  await expect(app.copyFileRange(from, 0, from, 100, 200), 'EINVAL');
  await expect(app.copyFileRange(from, 100, from, 0, 200), 'EINVAL');
  await copyAll(app, [from, from], { from: 0, to: 100_000, length: 50_000 });
  assert((await app.pread(from, 50_000, 100_000)).equals(data.subarray(0, 50_000)));
});

fact('copy_file_range sees what was just written through another descriptor', async ({ app, start }) => {
  const [from, to] = await open(app);
  const other = await start();
  const writer = await other.open('from', O.WRONLY);
  const reader = await other.open('to');
  for (let round = 0; round < 10; round++) {
    await other.pwrite(writer, `round ${round}`, 0);
    await app.copyFileRange(from, 0, to, 0, 7);
    assert.equal((await other.pread(reader, 7, 0)).toString(), `round ${round}`);
  }
});

fact('copy_file_range refuses descriptors and flags that do not fit', async ({ app }) => {
  const [from, to] = await open(app);
  const writeOnly = await app.open('from', O.WRONLY);
  const readOnly = await app.open('to');
  const appending = await app.open('to', O.WRONLY | O.APPEND);
  const directory = await app.open('.', O.DIRECTORY);
  await app.mkfifo('fifo');
  const fifo = await app.open('fifo', O.RDWR);
  await expect(app.copyFileRange(writeOnly, 0, to, 0, 10), 'EBADF');
  await expect(app.copyFileRange(from, 0, readOnly, 0, 10), 'EBADF');
  await expect(app.copyFileRange(from, 0, appending, 0, 10), 'EBADF');
  await expect(app.copyFileRange(directory, 0, to, 0, 10), 'EISDIR');
  await expect(app.copyFileRange(fifo, -1, to, 0, 10), 'EINVAL');
  await expect(app.copyFileRange(from, 0, to, 0, 10, 1), 'EINVAL');
  assert.equal((await app.stat('to')).size, 0);
});

fact('copy_file_range from another file system copies or gives EXDEV', async ({ app }) => {
  const [, to] = await open(app);
  const foreign = await app.open('/proc/self/exe');
  const before = (await app.stat('to')).size;
  try {
    const size = await app.copyFileRange(foreign, 0, to, 0, 100);
    assert((await app.pread(to, 100, 0)).equals((await app.pread(foreign, 100, 0)).subarray(0, size)));
  } catch (error) {
    assert.equal((error as { code?: string }).code, 'EXDEV');
    assert.equal((await app.stat('to')).size, before);
  }
});

fact('copy_file_range of a hole leaves zeros, also over old content', async ({ app }) => {
  const to = await app.open('to', O.CREAT | O.RDWR);
  await app.write(to, data);
  const from = await app.open('sparse', O.CREAT | O.RDWR);
  await app.ftruncate(from, 150_000);
  await app.pwrite(from, 'x', 75_000);
  await copyAll(app, [from, to], { from: 0, to: 0, length: 150_000 });
  const content = await app.readFile('to');
  assert.equal(content[75_000], 0x78);
  assert.equal(content.subarray(0, 150_000).filter((byte) => byte !== 0).length, 1);
  assert(content.subarray(150_000).equals(data.subarray(150_000)));
});

fact('FICLONE clones a whole file or says that it cannot', async ({ app }) => {
  const [from, to] = await open(app);
  try {
    await app.call('clone', to, from);
    assert((await app.readFile('to')).equals(data));
  } catch (error) {
    assert.match((error as { code: string }).code, /^(EOPNOTSUPP|ENOTTY|EINVAL|EXDEV)$/);
    assert.equal((await app.stat('to')).size, 0);
  }
});
