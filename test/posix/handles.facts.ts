import assert from 'node:assert/strict';
import { AT, CAP, O } from '../actor/index.ts';
import { alice, expect, fact, rootFact } from './fact.ts';

rootFact('a file is opened by its handle', async ({ app }) => {
  await app.writeFile('file', 'content');
  await app.mkdir('directory');
  await app.create('directory/inside');
  const root = await app.open('.', O.DIRECTORY);
  const file = await app.openByHandle(root, await app.nameToHandle('file'));
  assert.equal((await app.read(file, 100)).toString(), 'content');
  const directory = await app.openByHandle(root, await app.nameToHandle('directory'));
  assert.equal((await app.readdirOf(directory)).length, 3);
  assert.equal((await app.fstat(directory)).ino, (await app.stat('directory')).ino);
});

rootFact('a handle stays good through rename, link and changes', async ({ app }) => {
  await app.writeFile('file', 'content');
  const handle = await app.nameToHandle('file');
  await app.mkdir('directory');
  await app.rename('file', 'directory/moved');
  await app.link('directory/moved', 'linked');
  await app.unlink('directory/moved');
  await app.writeFile('linked', 'new content');
  const root = await app.open('.', O.DIRECTORY);
  const fd = await app.openByHandle(root, handle, O.RDWR);
  assert.equal((await app.read(fd, 100)).toString(), 'new content');
  assert.deepEqual(await app.nameToHandle('linked'), handle);
});

rootFact('the handle of a removed file gives ESTALE, also when the name is made again', async ({ app }) => {
  await app.create('file');
  const handle = await app.nameToHandle('file');
  const root = await app.open('.', O.DIRECTORY);
  await app.unlink('file');
  await expect(app.openByHandle(root, handle), 'ESTALE');
  for (let round = 0; round < 50; round++) await app.create(`file${round}`);
  await expect(app.openByHandle(root, handle), 'ESTALE');
});

rootFact('the handle of a file that is only open still works', async ({ app }) => {
  const fd = await app.open('file', O.CREAT | O.RDWR);
  await app.write(fd, 'content');
  const handle = await app.nameToHandle('file');
  const root = await app.open('.', O.DIRECTORY);
  await app.unlink('file');
  const again = await app.openByHandle(root, handle);
  assert.equal((await app.read(again, 100)).toString(), 'content');
});

rootFact('a directory that was opened by its handle leads to its parent', async ({ app }) => {
  await app.mkdir('a');
  await app.mkdir('a/b');
  await app.mkdir('a/b/c');
  const root = await app.open('.', O.DIRECTORY);
  const handle = await app.nameToHandle('a/b/c');
  const fd = await app.openByHandle(root, handle, O.DIRECTORY);
  assert.equal((await app.statAt(fd, '..')).ino, (await app.stat('a/b')).ino);
  assert.equal((await app.statAt(fd, '../..')).ino, (await app.stat('a')).ino);
});

rootFact('handles of symbolic links and by descriptor', async ({ app }) => {
  await app.create('file');
  await app.symlink('file', 'link');
  const link = await app.nameToHandle('link');
  const file = await app.nameToHandle('link', AT.SYMLINK_FOLLOW);
  assert.deepEqual(file, await app.nameToHandle('file'));
  assert.notDeepEqual(link, file);
  const root = await app.open('.', O.DIRECTORY);
  await expect(app.openByHandle(root, link, O.RDONLY), 'ELOOP');
  const fd = await app.openByHandle(root, link, O.PATH);
  assert.equal((await app.readlink('', 100, fd)).toString(), 'file');
});

rootFact('opening by handle needs the capability', async ({ app, start }) => {
  await app.create('file');
  const handle = await app.nameToHandle('file');
  const user = await start(alice);
  assert.deepEqual(await user.nameToHandle('file'), handle);
  await expect(user.openByHandle(await user.open('.', O.DIRECTORY), handle), 'EPERM');
  const plain = await start({ without: [CAP.DAC_READ_SEARCH] });
  await expect(plain.openByHandle(await plain.open('.', O.DIRECTORY), handle), 'EPERM');
});

rootFact('a handle that is nonsense gives ESTALE or EINVAL', async ({ app }) => {
  await app.create('file');
  const { type, bytes } = await app.nameToHandle('file');
  const root = await app.open('.', O.DIRECTORY);
  const wrong = Buffer.alloc(bytes.length, 0xfe);
  await expect(app.openByHandle(root, { type, bytes: wrong }), 'ESTALE');
});

fact('inode numbers are those of the listing and never those of another living file', async ({ app }) => {
  const seen = new Set<bigint>();
  for (let index = 0; index < 200; index++) {
    await app.create(`file${index}`);
    seen.add((await app.stat(`file${index}`)).ino);
  }
  assert.equal(seen.size, 200);
  assert(!seen.has(0n));
});
