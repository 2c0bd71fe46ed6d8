import assert from 'node:assert/strict';
import { AT, O } from '../actor/index.ts';
import { expect, fact } from './fact.ts';
import { creatingCalls, pathCalls } from './path-calls.table.ts';

const ofLength = (length: number) => 'n'.repeat(length);
/** A path of `length` bytes to `name`, through "." again and again. */
const pathOfLength = (length: number, name: string) =>
  `${'./'.repeat(length).slice(0, length - name.length - 1)}/${name}`;

for (const { name, call } of pathCalls) {
  fact(`${name} of a missing name gives ENOENT`, async ({ app }) => {
    await expect(call(app, 'missing'), 'ENOENT');
    await expect(call(app, 'missing/name'), 'ENOENT');
    await expect(call(app, ''), 'ENOENT');
  });

  fact(`${name} through a file gives ENOTDIR`, async ({ app }) => {
    await app.create('file');
    await expect(call(app, 'file/name'), 'ENOTDIR');
    await expect(call(app, 'file/.'), 'ENOTDIR');
    await expect(call(app, 'file/..'), 'ENOTDIR');
  });

  fact(`${name} of a name of 256 bytes gives ENAMETOOLONG`, async ({ app }) => {
    await expect(call(app, ofLength(256)), 'ENAMETOOLONG');
    await expect(call(app, `${ofLength(256)}/name`), 'ENAMETOOLONG');
    await expect(call(app, ofLength(255)), 'ENOENT');
  });

  fact(`${name} of a path of 4096 bytes gives ENAMETOOLONG`, async ({ app }) => {
    await expect(call(app, pathOfLength(4096, 'missing')), 'ENAMETOOLONG');
    await expect(call(app, pathOfLength(4095, 'missing')), 'ENOENT');
  });

  fact(`${name} through a loop of symbolic links gives ELOOP`, async ({ app }) => {
    await app.symlink('b', 'a');
    await app.symlink('a', 'b');
    await expect(call(app, 'a/name'), 'ELOOP');
  });
}

for (const { name, call } of pathCalls.filter(({ follows }) => follows)) {
  fact(`${name} of a symbolic link to itself gives ELOOP`, async ({ app }) => {
    await app.symlink('a', 'a');
    await expect(call(app, 'a'), 'ELOOP');
  });

  fact(`${name} of a dangling symbolic link gives ENOENT`, async ({ app }) => {
    await app.symlink('missing', 'a');
    await expect(call(app, 'a'), 'ENOENT');
  });
}

for (const { name, call } of creatingCalls) {
  fact(`${name} takes a name of 255 bytes and no longer one`, async ({ app }) => {
    await app.create('existing');
    await expect(call(app, ofLength(256), 'existing'), 'ENAMETOOLONG');
    await expect(call(app, ofLength(255), 'existing'), 'ok');
    assert((await app.names()).includes(ofLength(255)));
  });

  fact(`${name} takes a path of 4095 bytes and no longer one`, async ({ app }) => {
    await app.create('existing');
    await expect(call(app, pathOfLength(4096, 'new'), 'existing'), 'ENAMETOOLONG');
    await expect(call(app, pathOfLength(4095, 'new'), 'existing'), 'ok');
    assert((await app.names()).includes('new'));
  });

  fact(`${name} in a missing directory gives ENOENT, below a file ENOTDIR`, async ({ app }) => {
    await app.create('existing');
    await expect(call(app, 'missing/new', 'existing'), 'ENOENT');
    await expect(call(app, 'existing/new', 'existing'), 'ENOTDIR');
    await expect(call(app, '', 'existing'), 'ENOENT');
  });

  if (name === 'rename to') continue;
  fact(`${name} of a name that exists gives EEXIST, whatever it is`, async ({ app }) => {
    await app.create('existing');
    await app.create('file');
    await app.mkdir('directory');
    await app.symlink('missing', 'dangling');
    await app.mkfifo('fifo');
    for (const taken of ['file', 'directory', 'dangling', 'fifo', '.', '..']) {
      await expect(call(app, taken, 'existing'), 'EEXIST', taken);
    }
  });
}

fact('a name may hold every byte but "/" and NUL', async ({ app }) => {
  const names = Array.from({ length: 255 }, (_, index) => index + 1)
    .filter((byte) => byte !== 0x2f && byte !== 0x2e)
    .map((byte) => Buffer.from([byte]));
  names.push(Buffer.from('ff fe 80 c0 af'.replaceAll(' ', ''), 'hex'), Buffer.from(' \n\t\\"\'*?'));
  for (const name of names) await app.create(name);
  const entries = await app.readdir('.');
  const listed = entries.map(({ bytes }) => bytes.toString('hex')).filter((hex) => hex !== '2e' && hex !== '2e2e');
  assert.deepEqual(listed.sort(), names.map((name) => name.toString('hex')).sort());
  for (const name of names) await expect(app.stat(name), 'ok', name.toString('hex'));
});

fact('a name of 255 bytes in three-byte characters works', async ({ app }) => {
  const name = '€'.repeat(85);
  await app.create(name);
  assert.deepEqual(await app.names(), [name]);
});

fact('names differ by case and by Unicode normal form', async ({ app }) => {
  const names = ['name', 'Name', 'NAME', '\u00e9', 'e\u0301'];
  for (const name of names) await app.writeFile(name, name);
  for (const name of names) assert.equal(await app.readText(name), name);
});

fact('names that begin with dots are ordinary names', async ({ app }) => {
  for (const name of ['...', '.a', '..a', 'a.', 'a..']) await app.writeFile(name, name);
  for (const name of ['...', '.a', '..a', 'a.', 'a..']) assert.equal(await app.readText(name), name);
});

fact('a trailing slash demands a directory', async ({ app }) => {
  await app.create('file');
  await app.mkdir('directory');
  await app.symlink('directory', 'link');
  await expect(app.stat('file/'), 'ENOTDIR');
  await expect(app.stat('directory/'), 'ok');
  await expect(app.unlink('file/'), 'ENOTDIR');
  await expect(app.open('new/', O.CREAT | O.WRONLY), 'EISDIR');
  await expect(app.mkdir('made/'), 'ok');
  await expect(app.symlink('target', 'made2/'), 'ENOENT');
  await expect(app.readlink('link/'), 'EINVAL');
  await expect(app.unlink('link/'), 'ENOTDIR');
  await expect(app.rename('file', 'renamed/'), 'ENOTDIR');
  await expect(app.rename('directory/', 'renamed/'), 'ok');
});

fact('"." and ".." lead where they should, also after a rename', async ({ app, start }) => {
  await app.mkdir('a');
  await app.mkdir('b');
  await app.mkdir('a/c');
  await app.create('a/in-a');
  await app.create('b/in-b');
  const inside = await start();
  await inside.chdir('a/c');
  await expect(inside.stat('../in-a'), 'ok');
  await app.rename('a/c', 'b/c');
  await expect(inside.stat('../in-b'), 'ok');
  await expect(inside.stat('../in-a'), 'ENOENT');
  assert.equal((await inside.stat('..')).ino, (await app.stat('b')).ino);
  assert((await inside.getcwd()).toString().endsWith('/b/c'));
});

fact('a process keeps a removed working directory, in which nothing can be made', async ({ app, start }) => {
  await app.mkdir('gone');
  const inside = await start();
  await inside.chdir('gone');
  await app.rmdir('gone');
  await expect(inside.getcwd(), 'ENOENT');
  await expect(inside.open('new', O.CREAT | O.WRONLY), 'ENOENT');
  await expect(inside.mkdir('new'), 'ENOENT');
  await expect(inside.symlink('a', 'new'), 'ENOENT');
  await expect(inside.stat('new'), 'ENOENT');
  assert.equal((await inside.stat('.')).nlink, 0);
  const fd = await inside.open('.', O.DIRECTORY);
  await expect(inside.getdents(fd), 'ENOENT');
});

fact('directories nest deeper than a path can say', async ({ app }) => {
  const name = ofLength(250);
  for (let depth = 0; depth < 20; depth++) {
    await app.mkdir(name);
    await app.chdir(name);
  }
  await app.writeFile('deep', 'content');
  assert.equal(await app.readText('deep'), 'content');
  await expect(app.getcwd(), 'ENAMETOOLONG');
});

fact('a path may pass through 40 symbolic links and no more', async ({ app }) => {
  await app.create('link0');
  for (let index = 1; index <= 41; index++) await app.symlink(`link${index - 1}`, `link${index}`);
  await expect(app.stat('link40'), 'ok');
  await expect(app.stat('link41'), 'ELOOP');
});

fact('a missing name is seen as soon as another process makes it', async ({ app, start }) => {
  const other = await start();
  for (let round = 0; round < 20; round++) {
    await expect(app.stat(`name${round}`), 'ENOENT');
    await other.create(`name${round}`);
    await expect(app.stat(`name${round}`), 'ok');
    await other.unlink(`name${round}`);
    await expect(app.stat(`name${round}`), 'ENOENT');
  }
});

fact('calls relative to a directory descriptor reach it after it was renamed', async ({ app }) => {
  await app.mkdir('a');
  const fd = await app.open('a', O.DIRECTORY);
  await app.rename('a', 'b');
  await app.openAt(fd, 'file', O.CREAT | O.WRONLY);
  await app.mkdir('sub', 0o755, fd);
  assert.deepEqual(await app.names('b'), ['file', 'sub']);
  assert.equal((await app.statAt(fd, 'file')).ino, (await app.stat('b/file')).ino);
  await expect(app.call('unlinkat', fd, 'sub', AT.REMOVEDIR), 'ok');
  assert.deepEqual(await app.names('b'), ['file']);
});

fact('a descriptor of a file is no directory to start from', async ({ app }) => {
  const fd = await app.open('file', O.CREAT | O.WRONLY);
  await expect(app.statAt(fd, 'name'), 'ENOTDIR');
  await expect(app.openAt(fd, 'name', O.CREAT | O.WRONLY), 'ENOTDIR');
  await expect(app.statAt(999, 'name'), 'EBADF');
});
