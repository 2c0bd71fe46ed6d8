import assert from 'node:assert/strict';
import { O } from '../actor/index.ts';
import { expect, fact } from './fact.ts';

fact('statfs gives figures that make sense', async ({ app }) => {
  const figures = await app.statfs('.');
  assert.equal(figures.nameLimit, 255);
  assert(figures.blockSize >= 512 && figures.fragmentSize >= 512);
  assert(figures.blocks > 0 && figures.freeBlocks <= figures.blocks && figures.availableBlocks <= figures.freeBlocks);
  assert(figures.files > 0 && figures.freeFiles <= figures.files);
});

fact('statfs of every object in a file system is the same', async ({ app }) => {
  await app.create('file');
  await app.mkfifo('fifo');
  const { type, blocks, files } = await app.statfs('.');
  for (const path of ['file', 'fifo']) {
    const other = await app.statfs(path);
    assert.deepEqual([other.type, other.blocks, other.files], [type, blocks, files]);
  }
  await expect(app.call('fstatfs', await app.open('file')), 'ok');
});

fact('written data lowers the free space, and removing it gives it back', async ({ app }) => {
  const free = async () => {
    const { freeBlocks, fragmentSize } = await app.statfs('.');
    return freeBlocks * fragmentSize;
  };
  const before = await free();
  const fd = await app.open('file', O.CREAT | O.WRONLY);
  await app.write(fd, Buffer.alloc(8 << 20, 1));
  await app.fsync(fd);
  assert((await free()) <= before - (4 << 20));
  await app.close(fd);
  await app.unlink('file');
  // Other writers on the same disk disturb the figure, so that it is not compared to the block.
  let after = 0;
  for (let tries = 0; tries < 50 && after < before - (4 << 20); tries++) {
    await app.sleep(50);
    after = await free();
  }
  assert(after >= before - (4 << 20));
});

fact('statx names the block size, the device and the birth of a file', async ({ app }) => {
  await app.writeFile('file', 'content');
  const stat = await app.stat('file');
  assert(stat.blockSize >= 512);
  assert.equal(stat.dev, (await app.stat('.')).dev);
  assert(stat.blocks >= 0);
});
