import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { mountObstacle } from '#fuse';
import * as native from '#native';
import { closeEarly, directory, ended, keepSlots, openFile, socketPair, text } from './testing.ts';

const { EAGAIN, EBADF, EBADMSG, EINVAL, ENODEV, ENOENT, ENOMSG, ENOSYS, EPERM, EPIPE } = constants.errno;
const MS_NOSUID = 2;
const MS_NODEV = 4;
const MNT_DETACH = 2;

const slotBytes = 128 * 1024;
const inHeaderBytes = 40;
const outHeaderBytes = 16;
const initOpcode = 26;
const initOutBytes = 64;

/** The addon mounts by mount(2) alone. */
const obstacle = process.getuid?.() === 0 ? mountObstacle() : 'mounting needs root';

test('mount(2) reports its failure', async () => {
  const failed = await ended((done) => native.mount('none', join(directory, 'absent'), 'fuse.cfs', 0, '', done));
  assert([-ENOENT, -EPERM].includes(failed));
  assert((await ended((done) => native.umount(directory, 0, done))) < 0);
});

test('a real mount: INIT, a notification, a backing file, unmount', { skip: obstacle ?? false }, async (t) => {
  const target = join(directory, 'mount');
  mkdirSync(target);
  const fd = native.openFuseDevice();
  assert(fd >= 0);
  // From here on nothing in this process may touch `target`, except on the pool: only this thread answers for it.
  t.after(async () => {
    native.closeFd(fd);
    await ended((done) => native.umount(target, MNT_DETACH, done));
  });

  const options = `fd=${fd},rootmode=40000,user_id=0,group_id=0`;
  assert.equal(
    await ended((done) => native.mount('cfs-test', target, 'fuse.cfs', MS_NOSUID | MS_NODEV, options, done)),
    0,
  );

  const { id, memory } = keepSlots(2, slotBytes);
  const request = new DataView(memory, 0, slotBytes);
  const reply = new DataView(memory, slotBytes, slotBytes);
  const step = (replyLength: number) => native.step(fd, id, slotBytes, replyLength, 0, slotBytes, 0);

  await new Promise<void>((resolve) => {
    const poller = native.startPolling(fd, () => {
      poller.stop();
      resolve();
    });
  });
  assert.equal(step(0), inHeaderBytes + initOutBytes);
  assert.equal(request.getUint32(4, true), initOpcode);
  const replyLength = writeInitReply(request, reply);
  assert.equal(step(replyLength), -EAGAIN);
  assert.equal(native.lastReplyResult(), replyLength);
  assert.equal(step(replyLength), -EAGAIN);
  assert.equal(native.lastReplyResult(), -ENOENT, 'a request is answered once');

  const notifier = native.startNotifier(fd);
  t.after(() => notifier.stop());
  assert.equal(await ended((done) => notifier.send(invalidateRootAttributes(), done)), 40);

  const backingId = native.backingOpen(fd, openFile(t, 'backing'));
  assert(backingId > 0, String(backingId));
  assert.equal(native.backingOpen(fd, -1), -EBADF);
  assert.equal(native.backingClose(fd, backingId), 0);
  assert.equal(native.backingClose(fd, backingId), -ENOENT);
  assert.equal(native.backingClose(fd, 0), -EINVAL);

  const poller = native.startPolling(fd, () => refuseAll(step, request, reply));
  t.after(() => poller.stop());
  assert.equal(await ended((done) => native.umount(target, 0, done)), 0);
  poller.stop();
  assert.equal(step(0), -ENODEV);
});

/** Accepts the kernel's version, with passthrough for the backing file. */
function writeInitReply(request: DataView, reply: DataView): number {
  const initExt = 1 << 30;
  const passthrough = 1 << 5; // Flag 37, in the second word.
  const length = outHeaderBytes + initOutBytes;
  reply.setUint32(0, length, true);
  reply.setBigUint64(8, request.getBigUint64(8, true), true);
  const body = new DataView(reply.buffer, reply.byteOffset + outHeaderBytes, initOutBytes);
  body.setUint32(0, request.getUint32(inHeaderBytes, true), true);
  body.setUint32(4, request.getUint32(inHeaderBytes + 4, true), true);
  body.setUint32(12, initExt, true);
  body.setUint32(20, 65536, true); // max_write
  body.setUint32(32, passthrough, true);
  body.setUint32(36, 1, true); // max_stack_depth
  return length;
}

/** Answers ENOSYS to whatever is asked on the way out. */
function refuseAll(step: (replyLength: number) => number, request: DataView, reply: DataView): void {
  reply.setUint32(0, outHeaderBytes, true);
  reply.setInt32(4, -ENOSYS, true);
  for (let length = step(0); length > 0; length = step(outHeaderBytes)) {
    reply.setBigUint64(8, request.getBigUint64(8, true), true);
  }
}

/** FUSE_NOTIFY_INVAL_INODE of inode 1 with a negative offset, which never blocks. */
function invalidateRootAttributes(): Uint8Array {
  const message = new DataView(new ArrayBuffer(40));
  message.setUint32(0, 40, true);
  message.setInt32(4, 2, true);
  message.setBigUint64(16, 1n, true);
  message.setBigInt64(24, -1n, true);
  return new Uint8Array(message.buffer);
}

// ---- descriptors ------------------------------------------------------------------------------------------------

test('a descriptor passes through a socket', async (t) => {
  const [left, right] = socketPair(t);
  const fd = openFile(t, 'passed', 'through');
  const received = ended((done) => native.receiveFd(right, done));
  assert.equal(native.sendFd(left, fd), 0);
  const copy = await received;
  assert(copy >= 0 && copy !== fd);
  const into = new Uint8Array(7);
  assert.equal(native.readSync(copy, into, 0), 7);
  assert.equal(text(into), 'through');
  native.closeFd(copy);
});

test('the end of the stream is -ENOMSG, and sending into it kills nobody', async (t) => {
  const [left, right] = socketPair(t);
  const other = native.duplicateFd(right);
  closeEarly(left);
  assert.equal(await ended((done) => native.receiveFd(right, done)), -ENOMSG);
  assert.equal(native.sendFd(other, other), -EPIPE);
  native.closeFd(other);
});

test('setCloseOnExec decides what a child inherits', async (t) => {
  const fd = openFile(t, 'inherited');
  const flags = () => readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1').match(/flags:\s+(\d+)/)?.[1] ?? '';
  const closesOnExec = () => (Number.parseInt(flags(), 8) & 0o2000000) !== 0;
  assert(closesOnExec());
  assert.equal(native.setCloseOnExec(fd, false), 0);
  assert(!closesOnExec());
  assert.equal(native.setCloseOnExec(fd, true), 0);
  assert(closesOnExec());
});

test('a byte without a descriptor is -EBADMSG', async (t) => {
  const [left, right] = socketPair(t);
  native.writeReply(left, keepSlots(1, 4096).id, 0, 1);
  assert.equal(await ended((done) => native.receiveFd(right, done)), -EBADMSG);
  assert.equal(native.sendFd(left, -1), -EBADF);
});
