import { strict as assert } from 'node:assert';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { SystemClock, SystemRandom } from '#base';
import { openLocalVolume } from './store-directory.ts';
import { VolumesDirectory } from './volumes-directory.ts';

const scratch = mkdtempSync(join(tmpdir(), 'cfs-volumes-'));
after(() => rmSync(scratch, { recursive: true }));
const machine = { clock: new SystemClock(), random: new SystemRandom() };

test('volumes are made, listed, opened and removed', async () => {
  const directory = VolumesDirectory.take(join(scratch, 'new/store'), { make: true });
  assert.deepEqual(directory.list(), []);
  await directory.create('b', machine);
  await directory.create('a', machine);
  await assert.rejects(directory.create('a', machine), { status: 'exists', message: 'there is a volume a already' });
  await assert.rejects(directory.create('../x', machine), { status: 'invalid' });
  await assert.rejects(directory.open('c', machine, { make: false }), { status: 'notFound' });
  assert.deepEqual(directory.list(), ['a', 'b']);
  const { volume, close } = await directory.open('a', machine, { make: false });
  assert.equal(volume.uuid.length, 32);
  await close();
  directory.remove('a');
  assert.deepEqual(directory.list(), ['b']);
  assert.deepEqual(readdirSync(join(directory.path, 'volumes')), ['b']);
  assert.throws(() => directory.remove('a'), { status: 'notFound' });
  directory.close();
});

test('a store has one server at a time', () => {
  const path = join(scratch, 'held');
  const held = VolumesDirectory.take(path, { make: true });
  const refused = {
    status: 'busy',
    message: `the store ${path} is served by process ${process.pid}: only one server may hold it`,
  };
  assert.throws(() => VolumesDirectory.take(path, { make: false }), refused);
  held.close();
  VolumesDirectory.take(path, { make: false }).close();
});

test('what is no store of a server is refused', async () => {
  const other = join(scratch, 'other');
  mkdirSync(other);
  writeFileSync(join(other, 'file'), '');
  assert.throws(() => VolumesDirectory.take(other, { make: true }), { status: 'notEmpty', message: /it holds file/ });
  const mount = join(scratch, 'mount');
  await (await openLocalVolume(mount, machine)).close();
  assert.throws(() => VolumesDirectory.take(mount, { make: true }), {
    message: /is the store of a mount, not of a server/,
  });
  assert.throws(() => VolumesDirectory.take(join(scratch, 'none'), { make: false }), { status: 'notFound' });
});
