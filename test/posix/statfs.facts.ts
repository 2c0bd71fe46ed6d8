import assert from 'node:assert/strict';
import { type Actor, O } from '../actor/index.ts';
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
  // Others use the disk too, and what they do shows in the figures: so it is tried until they are quiet for a moment.
  for (let tries = 1; ; tries++) {
    const lowered = await freeSpaceChange(app, async () => {
      const fd = await app.open('file', O.CREAT | O.WRONLY);
      await app.write(fd, Buffer.alloc(8 << 20, 1));
      await app.fsync(fd);
      await app.close(fd);
    });
    const given = await freeSpaceChange(app, async () => {
      await app.unlink('file');
      // Space is given back a moment after the last name is gone.
      await app.sleep(50 * Math.min(tries, 20));
    });
    if (lowered <= -(7 << 20) && given >= 7 << 20) return;
    assert(tries < 100, `8 MiB changed the free space by ${lowered} and then by ${given} bytes`);
  }
});

async function freeSpaceChange(app: Actor, act: () => Promise<void>): Promise<number> {
  const free = async () => {
    const { freeBlocks, fragmentSize } = await app.statfs('.');
    return freeBlocks * fragmentSize;
  };
  const before = await free();
  await act();
  return (await free()) - before;
}

fact('statx names the block size, the device and the birth of a file', async ({ app }) => {
  await app.writeFile('file', 'content');
  const stat = await app.stat('file');
  assert(stat.blockSize >= 512);
  assert.equal(stat.dev, (await app.stat('.')).dev);
  assert(stat.blocks >= 0);
});
