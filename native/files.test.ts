import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import * as native from '#native';
import { AT_FDCWD, bytes, closeEarly, directory, ended, O_RDWR, openFile, text } from './testing.ts';

const { EAGAIN, EBADF, EINVAL, ENAMETOOLONG, ENOENT, ENOTTY, ENXIO, EOPNOTSUPP } = constants.errno;
const O_CREAT = 0o100;
const O_DIRECTORY = 0o200000;
const UTIME_OMIT = 0x3ffffffe;
const SEEK_DATA = 3;
const SEEK_HOLE = 4;

test('openAt creates below a directory, unlinkAt removes, and absence is -ENOENT', () => {
  const dirFd = native.openAt(AT_FDCWD, directory, O_DIRECTORY, 0);
  const fd = native.openAt(dirFd, 'created', O_RDWR | O_CREAT, 0o600);
  assert(fd > dirFd);
  assert.equal(native.closeFd(fd), 0);
  assert.equal(native.closeFd(-1), -EBADF);
  assert.equal(native.unlinkAt(dirFd, 'created'), 0);
  assert.equal(native.openAt(dirFd, 'created', O_RDWR, 0), -ENOENT);
  assert.equal(native.openAt(dirFd, 'x'.repeat(5000), O_RDWR, 0), -ENAMETOOLONG);
  native.closeFd(dirFd);
});

test('fstat and fstatAt report the same attributes, setTimes sets and omits', (t) => {
  const fd = openFile(t, 'stat', 'twelve bytes');
  const byFd = new Float64Array(12);
  const byName = new Float64Array(12);
  assert.equal(native.setTimes(fd, 1_000, 5, 2_000, 999_999_999), 0);
  assert.equal(native.setTimes(fd, 3_000, 7, 0, UTIME_OMIT), 0);
  assert.equal(native.fstat(fd, byFd), 0);
  assert.equal(native.fstatAt(AT_FDCWD, join(directory, 'stat'), byName), 0);
  assert.deepEqual(byFd, byName);
  const [size, , mtimeSec, mtimeNsec, , , atimeSec, atimeNsec, mode = 0, nlink] = byFd;
  assert.deepEqual([size, mtimeSec, mtimeNsec, atimeSec, atimeNsec], [12, 2_000, 999_999_999, 3_000, 7]);
  assert.deepEqual([mode & 0o170000, nlink], [0o100000, 1]);
  assert.equal(native.fstatAt(AT_FDCWD, join(directory, 'absent'), byName), -ENOENT);
});

test('fstatfs reports room', (t) => {
  const out = new Float64Array(6);
  assert.equal(native.fstatfs(openFile(t, 'statfs'), out), 0);
  const [blockSize = 0, blocks = 0, free = 0] = out;
  assert(blockSize >= 512 && blocks >= free);
});

test('writes are read back, synchronously, without waiting and on the pool', async (t) => {
  const fd = openFile(t, 'data');
  assert.equal(native.writeSync(fd, bytes('hello '), 0), 6);
  assert.equal(await ended((done) => native.write(fd, bytes('world'), 6, done)), 5);
  const into = new Uint8Array(20);
  assert.equal(await ended((done) => native.read(fd, into, 0, done)), 11);
  assert.equal(text(into.subarray(0, 11)), 'hello world');
  assert.equal(native.readSync(fd, into, 6), 5);
  assert.equal(text(into.subarray(0, 5)), 'world');
  assert([11, -EAGAIN].includes(native.readNowait(fd, into, 0)));
  assert.equal(await ended((done) => native.read(-1, into, 0, done)), -EBADF);
  assert.equal(await ended((done) => native.fsync(fd, true, done)), 0);
  assert.equal(await ended((done) => native.fsync(fd, false, done)), 0);
  assert.equal(await ended((done) => native.syncfs(fd, done)), 0);
});

test('offsets beyond 32 bits arrive whole', (t) => {
  const fd = openFile(t, 'large');
  const offset = 2 ** 40 + 5;
  assert.equal(native.writeSync(fd, bytes('far'), offset), 3);
  const into = new Uint8Array(3);
  assert.equal(native.readSync(fd, into, offset), 3);
  assert.equal(text(into), 'far');
});

test('many calls at once each end in their own done, in a later turn', async (t) => {
  const fd = openFile(
    t,
    'many',
    Array.from({ length: 300 }, (_, index) => String.fromCharCode(48 + (index % 10))).join(''),
  );
  let turn = 0;
  const calls = Array.from({ length: 300 }, async (_, offset) => {
    const into = new Uint8Array(1);
    assert.equal(await ended((done) => native.read(fd, into, offset, done)), 1);
    assert.equal(turn, 1);
    assert.equal(into[0], 48 + (offset % 10));
  });
  turn = 1;
  await Promise.all(calls);
});

test('sizes and holes: truncate, fallocate, seek', async (t) => {
  const fd = openFile(t, 'holes');
  assert.equal(await ended((done) => native.truncate(fd, 1 << 20, done)), 0);
  assert.equal(native.writeSync(fd, bytes('x'), 65536), 1);
  assert.equal(await ended((done) => native.seek(fd, 0, SEEK_DATA, done)), 65536);
  assert.equal(await ended((done) => native.seek(fd, 0, SEEK_HOLE, done)), 0);
  assert.equal(await ended((done) => native.seek(fd, 2 << 20, SEEK_DATA, done)), -ENXIO);
  const allocated = await ended((done) => native.fallocate(fd, 0, 0, 2 << 20, done));
  assert([0, -EOPNOTSUPP].includes(allocated));
  assert.equal(native.truncateSync(fd, 7), 0);
  const status = new Float64Array(12);
  native.fstat(fd, status);
  assert.equal(status[0], 7);
});

test('copyRange copies up to the end of the source', async (t) => {
  const from = openFile(t, 'copy-from', 'abcdefgh');
  const to = openFile(t, 'copy-to');
  assert.equal(await ended((done) => native.copyRange(from, 2, to, 4, 100, done)), 6);
  assert.equal(readFileSync(join(directory, 'copy-to'), 'latin1'), '\0\0\0\0cdefgh');
});

test('copyRange reads and writes where the disk cannot copy', async (t) => {
  // /dev/shm is another file system than most temporary directories.
  if (!existsSync('/dev/shm')) return t.skip('no /dev/shm');
  const path = join(mkdtempSync('/dev/shm/cfs-native-'), 'from');
  t.after(() => rmSync(join(path, '..'), { recursive: true, force: true }));
  writeFileSync(path, 'z'.repeat(600_000));
  const from = native.openAt(AT_FDCWD, path, 0, 0);
  t.after(() => native.closeFd(from));
  const to = openFile(t, 'copy-across');
  assert.equal(await ended((done) => native.copyRange(from, 1, to, 0, 1_000_000, done)), 599_999);
});

test('clone shares blocks or says that the disk cannot', async (t) => {
  const result = await ended((done) => native.clone(openFile(t, 'a', 'content'), openFile(t, 'b'), done));
  assert([0, -EOPNOTSUPP, -EINVAL, -ENOTTY].includes(result), String(result));
});

test('a lock belongs to the open file description', (t) => {
  const first = openFile(t, 'lock');
  const second = native.openAt(AT_FDCWD, join(directory, 'lock'), O_RDWR, 0);
  const duplicate = native.duplicateFd(first);
  assert.equal(native.lockFile(first, true), 0);
  assert.equal(native.lockFile(duplicate, true), 0);
  assert.equal(native.lockFile(second, false), -EAGAIN);
  closeEarly(first);
  assert.equal(native.lockFile(second, false), -EAGAIN);
  native.closeFd(duplicate);
  assert.equal(native.lockFile(second, false), 0);
  native.closeFd(second);
});

test('getInodeFlags answers or says that the disk has none', (t) => {
  const flags = native.getInodeFlags(openFile(t, 'flags'));
  assert(flags >= 0 || [-ENOTTY, -EOPNOTSUPP].includes(flags));
});
