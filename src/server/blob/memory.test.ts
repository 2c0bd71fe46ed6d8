import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { SeededRandom } from '#base';
import { blobContract } from './blob.contract.ts';
import { MemoryBlobStore } from './memory.ts';

blobContract('memory', async (options) => new MemoryBlobStore(options));
blobContract('memory, settling later', async (options) => new MemoryBlobStore({ ...options, schedule: setImmediate }));

test('a power cut leaves what was synced, and nothing that was never written', async () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 200; seed++) {
    const store = new MemoryBlobStore();
    await store.create(1);
    await store.write(1, 0, new Uint8Array(10_000).fill(1));
    await store.sync(1, true);
    await store.create(2);
    await store.write(2, 0, new Uint8Array(10_000).fill(2));
    await store.write(1, 8192, new Uint8Array(4096).fill(3));
    const after = store.afterPowerCut(new SeededRandom(seed));
    const kept = await after.read(1, 0, 20_000);
    assert.ok(kept.length >= 10_000 && kept.subarray(0, 8192).every((byte) => byte === 1));
    const ids: number[] = [];
    for await (const id of after.list()) ids.push(id);
    const size = ids.includes(2) ? (await after.stat(2)).size : -1;
    if (size > 0) assert.ok((await after.read(2, 0, size)).every((byte) => byte === 0 || byte === 2));
    seen.add(`${kept.length} ${size}`);
  }
  assert.ok(seen.size > 5, `only ${seen.size} outcomes`);
});

test('a full store takes what fits and refuses the rest', async () => {
  const store = new MemoryBlobStore({ capacityBytes: 8192 });
  await store.create(1);
  assert.equal(await store.write(1, 0, new Uint8Array(10_000)), 8192);
  await assert.rejects(async () => store.write(1, 8192, new Uint8Array(10)), { status: 'noSpace' });
});
