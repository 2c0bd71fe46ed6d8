import { strict as assert } from 'node:assert';
import { existsSync, mkdtempSync, readdirSync, rmSync, statfsSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { blobContract } from './blob.contract.ts';
import { LocalBlobStore } from './local.ts';

/** What statfs(2) calls a tmpfs. */
const tmpfsMagic = 0x01021994;
const top = mkdtempSync(join(tmpdir(), 'cfs-blobs-'));
after(() => rmSync(top, { recursive: true, force: true }));
const directory = () => mkdtempSync(join(top, 'store-'));

blobContract('local', async (options) => new LocalBlobStore(directory(), options));
blobContract('local, two descriptors', async (options) => new LocalBlobStore(directory(), { ...options, openMax: 2 }));

const memory = process.env['CFS_TEST_TMPDIR'] ?? '/dev/shm';
if (existsSync(memory) && statfsSync(memory).type === tmpfsMagic) {
  const inMemory = mkdtempSync(join(memory, 'cfs-blobs-'));
  after(() => rmSync(inMemory, { recursive: true, force: true }));
  const store = async (options: object) => new LocalBlobStore(mkdtempSync(join(inMemory, 'store-')), options);
  blobContract('local, on a tmpfs', store);
}

test('idle descriptors stay below their limit, and the ones in use stay open', async () => {
  const store = new LocalBlobStore(directory(), { openMax: 10 });
  const before = openDescriptors();
  await Promise.all(
    Array.from({ length: 300 }, async (_, id) => {
      await store.create(id);
      await store.write(id, 0, new Uint8Array(100).fill(id));
    }),
  );
  for (let id = 0; id < 300; id++) assert.equal((await store.read(id, 0, 1))[0], id & 255);
  assert.ok(openDescriptors() - before <= 13, `${openDescriptors() - before} more are open`);
  await store.close();
  assert.ok(openDescriptors() < before, 'all are closed');
});

test("a file is its owner's alone", async () => {
  const at = directory();
  const store = new LocalBlobStore(at);
  store.create(0x1234567);
  const path = join(at, '12', '34', '00000001234567');
  assert.equal(statSync(path).mode & 0o777, 0o600);
  await store.close();
});

test('a blob can be removed while it is read', async () => {
  const store = new LocalBlobStore(directory());
  store.create(1);
  await store.write(1, 0, new Uint8Array(1_000_000).fill(7));
  const reading = store.copyRange(1, 0, 1, 2_000_000, 1_000_000);
  await store.remove(1);
  assert.equal(await reading, 1_000_000);
  await assert.rejects(async () => store.stat(1), { status: 'notFound' });
  await store.close();
});

test('a store that is not there is refused', () => {
  assert.throws(() => new LocalBlobStore(join(top, 'nowhere')), { status: 'notFound' });
});

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}
