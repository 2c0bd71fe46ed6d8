import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { FsError } from '#base';
import type { FileBlobStore } from './blob-store.ts';

const data = 3;
const hole = 4;
const keepSize = 1;
const punchHole = 2;
const zeroRange = 16;

/** What every store of blobs promises: run by each of them. `open` makes an empty store. */
export function blobContract(name: string, open: (options: { lentMax?: number }) => Promise<FileBlobStore>): void {
  const fact = (what: string, body: (store: FileBlobStore) => Promise<void>, options = {}) => {
    test(`${name}: ${what}`, async () => {
      const store = await open(options);
      try {
        await body(store);
      } finally {
        await store.close();
      }
    });
  };

  fact('a new blob is empty', async (store) => {
    await store.create(7);
    assert.equal((await store.stat(7)).size, 0);
    assert.equal((await store.read(7, 0, 100)).length, 0);
  });

  fact('a blob is made once', async (store) => {
    await store.create(7);
    await rejects('exists', async () => store.create(7));
  });

  fact('a blob that does not exist cannot be found', async (store) => {
    await rejects('notFound', async () => store.read(5, 0, 1));
    await rejects('notFound', async () => store.write(5, 0, bytes('x')));
    await rejects('notFound', async () => store.sync(5, true));
    await store.remove(5);
  });

  fact('what is written is read, and between writes lie zeros', async (store) => {
    await store.create(1);
    assert.equal(await store.write(1, 10_000, bytes('later')), 5);
    assert.equal(await store.write(1, 2, bytes('early')), 5);
    assert.equal(text(await store.read(1, 0, 9)), '\0\0early\0\0');
    assert.equal(text(await store.read(1, 9_999, 100)), '\0later');
    assert.equal((await store.stat(1)).size, 10_005);
  });

  fact('a large write comes back whole', async (store) => {
    await store.create(1);
    const large = new Uint8Array(1_000_000).map((_, i) => i % 251);
    await store.write(1, 3, large);
    assert.deepEqual(Buffer.compare(await store.read(1, 3, 1_000_000), large), 0);
  });

  fact('truncation cuts, and what it adds is zeros', async (store) => {
    await store.create(1);
    await store.write(1, 0, bytes('abcdef'));
    await store.truncate(1, 3);
    await store.truncate(1, 5);
    assert.equal(text(await store.read(1, 0, 10)), 'abc\0\0');
  });

  fact('fallocate extends unless told to keep the size', async (store) => {
    await store.create(1);
    await store.fallocate(1, keepSize, 0, 8192);
    assert.equal((await store.stat(1)).size, 0);
    await store.fallocate(1, 0, 0, 8192);
    assert.equal((await store.stat(1)).size, 8192);
    await store.fallocate(1, zeroRange, 8192, 10);
    assert.equal((await store.stat(1)).size, 8202);
  });

  fact('a punched hole reads as zeros and keeps the size', async (store) => {
    await store.create(1);
    await store.write(1, 0, new Uint8Array(65536).fill(1));
    await store.fallocate(1, punchHole | keepSize, 100, 40000);
    const read = await store.read(1, 0, 65536);
    assert.deepEqual([read.length, read[99], read[100], read[40099], read[40100]], [65536, 1, 0, 0, 1]);
  });

  fact('seek finds data and holes, and nothing past the end', async (store) => {
    await store.create(1);
    await store.write(1, 1_048_576, new Uint8Array(65536).fill(1));
    const first = await store.seek(1, 0, data);
    assert.ok(first === 1_048_576 || first === 0);
    assert.equal(await store.seek(1, 1_048_576, hole), 1_114_112);
    await rejects('noSuchAddress', async () => store.seek(1, 1_114_112, data));
  });

  fact('a range is copied between blobs, up to the end of the source', async (store) => {
    await store.create(1);
    await store.create(2);
    await store.write(1, 0, bytes('0123456789'));
    assert.equal(await store.copyRange(1, 5, 2, 1, 100), 5);
    assert.equal(text(await store.read(2, 0, 10)), '\x0056789');
  });

  fact('times are set one by one', async (store) => {
    await store.create(1);
    await store.setTimes(1, { atime: { sec: 5, nsec: 6 }, mtime: { sec: 7, nsec: 8 } });
    await store.setTimes(1, { mtime: { sec: -9, nsec: 10 } });
    const { atime, mtime } = await store.stat(1);
    assert.deepEqual(
      [atime, mtime],
      [
        { sec: 5, nsec: 6 },
        { sec: -9, nsec: 10 },
      ],
    );
  });

  fact('a removed blob is gone and can be made again', async (store) => {
    await store.create(1);
    await store.write(1, 0, bytes('old'));
    await store.remove(1);
    await rejects('notFound', async () => store.stat(1));
    await store.create(1);
    assert.equal((await store.stat(1)).size, 0);
  });

  fact('the removal of blobs can be made durable, of missing ones too', async (store) => {
    await store.create(1);
    await store.sync(1, false);
    await store.remove(1);
    await store.remove(70_000);
    await store.syncRemoved([1, 70_000]);
    await rejects('notFound', async () => store.stat(1));
  });

  fact('all blobs are listed, large numbers too', async (store) => {
    const ids = [1, 255, 4096, 70_000, 2 ** 32 + 5, 2 ** 53 - 4096];
    for (const id of ids) await store.create(id);
    const listed = [];
    for await (const id of store.list()) listed.push(id);
    assert.deepEqual(
      listed.sort((a, b) => a - b),
      ids,
    );
    const some = [];
    for await (const id of store.list({ from: 255, to: 70_001 })) some.push(id);
    assert.deepEqual(
      some.sort((a, b) => a - b),
      [255, 4096, 70_000],
    );
  });

  fact('a synced blob stays', async (store) => {
    await store.create(9);
    await store.write(9, 0, bytes('kept'));
    await store.sync(9, false);
    await store.syncAll();
    assert.equal(text(await store.read(9, 0, 4)), 'kept');
  });

  fact(
    'files are lent up to a limit',
    async (store) => {
      for (const id of [1, 2, 3]) await store.create(id);
      const fd = store.lendFd(1);
      assert.equal(store.lendFd(1), fd);
      store.lendFd(2);
      await rejects('tooManyOpen', async () => store.lendFd(3));
      await store.write(1, 0, bytes('abc'));
      assert.equal(store.statLent(1).size, 3);
      store.returnFd(1);
      await rejects('tooManyOpen', async () => store.lendFd(3));
      store.returnFd(1);
      store.lendFd(3);
    },
    { lentMax: 2 },
  );

  fact('its space is known', async (store) => {
    const { blockSize, blocks, blocksFree } = store.statistics();
    assert.ok(blockSize >= 512 && blocks >= blocksFree && blocksFree > 0);
  });
}

async function rejects(status: string, call: () => Promise<unknown> | unknown): Promise<void> {
  await assert.rejects(
    async () => call(),
    (error) => error instanceof FsError && error.status === status,
  );
}

function bytes(content: string): Uint8Array {
  return Buffer.from(content, 'latin1');
}

function text(content: Uint8Array): string {
  return Buffer.from(content).toString('latin1');
}
