import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { test } from 'node:test';
import * as native from '#native';
import { bytes, closeEarly, ended, keepSlots, socketPair, text } from './testing.ts';

const { EAGAIN, ECANCELED, EFAULT } = constants.errno;

test('slots are writable memory, zeroed and bounded', (t) => {
  const { id, memory } = keepSlots(4, 8192);
  assert.equal(memory.byteLength, 32768);
  assert(new Uint8Array(memory).every((byte) => byte === 0));
  assert.throws(() => native.allocateSlots(1, 100), { code: 'EINVAL' });
  const [left] = socketPair(t);
  assert.equal(native.writeReply(left, id, 32760, 16), -EFAULT);
  assert.equal(native.step(left, id, 0, 0, 4_294_967_295, 4_294_967_295, 0), -EFAULT);
  assert.equal(native.step(left, id + 1, 0, 1, 0, 1, 0), -EFAULT);
});

test('a step writes the reply, then reads the next request', (t) => {
  const pair = socketPair(t);
  const [left, right] = pair;
  const { id, memory } = keepSlots(2, 4096);
  new Uint8Array(memory).set(bytes('reply'));
  const poller = native.startPolling(left, () => undefined); // Makes the socket non-blocking, as /dev/fuse is.
  poller.stop();
  assert.equal(native.step(left, id, 0, 5, 4096, 4096, 0), -EAGAIN);
  assert.equal(native.lastReplyResult(), 5);

  const there = keepSlots(1, 4096);
  assert.equal(native.step(right, there.id, 0, 0, 100, 3996, 0), 5);
  assert.equal(text(new Uint8Array(there.memory, 100, 5)), 'reply');
  assert.equal(native.writeReplyWithBody(right, there.id, 100, 5, bytes('--and more'), 2, 8), 13);
  assert.equal(native.step(left, id, 0, 0, 4096, 4096, 0), 13);
  assert.equal(text(new Uint8Array(memory, 4096, 13)), 'replyand more');
});

test('a step spins for as long as it is told', (t) => {
  const [left] = socketPair(t);
  native.startPolling(left, () => undefined).stop();
  const { id } = keepSlots(1, 4096);
  const beforeNs = process.hrtime.bigint();
  assert.equal(native.step(left, id, 0, 0, 0, 4096, 2_000), -EAGAIN);
  assert(process.hrtime.bigint() - beforeNs >= 2_000_000n);
});

test('a poller calls while readable or hung up, and never after stop', async (t) => {
  const [left, right] = socketPair(t);
  const { id } = keepSlots(1, 4096);
  let calls = 0;
  await new Promise<void>((resolve) => {
    const poller = native.startPolling(left, () => {
      calls += 1;
      poller.stop();
      assert.equal(native.step(left, id, 0, 0, 0, 4096, 0), 5);
      poller.stop();
      poller.unref();
      resolve();
    });
    native.writeReply(right, id, 0, 5);
  });
  native.writeReply(right, id, 0, 5);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(calls, 1);

  closeEarly(right);
  native.step(left, id, 0, 0, 0, 4096, 0);
  await new Promise<void>((resolve) => {
    const poller = native.startPolling(left, () => {
      poller.stop();
      resolve();
    });
  });
  assert.throws(() => native.startPolling(-1, () => undefined), { code: 'EBADF' });
});

// ---- the notifier -----------------------------------------------------------------------------------------------

test('a notifier writes in order and reports each result', async (t) => {
  const [left, right] = socketPair(t);
  const notifier = native.startNotifier(left);
  t.after(() => notifier.stop());
  const message = bytes('first,');
  const results = ['first,', 'second,', 'third'].map((each) => {
    message.set(bytes(each.padEnd(6)).subarray(0, 6));
    return ended((done) => assert(notifier.send(each === 'first,' ? message : bytes(each), done)));
  });
  message.fill(0); // The notifier has its own copy.
  assert.deepEqual(await Promise.all(results), [6, 7, 5]);
  assert.equal(notifier.pending(), 0);
  const into = keepSlots(1, 4096);
  assert.equal(native.step(right, into.id, 0, 0, 0, 4096, 0), 18);
  assert.equal(text(new Uint8Array(into.memory, 0, 18)), 'first,second,third');
});

test('a stopped notifier cancels what is queued and takes no more', async (t) => {
  const [left, right] = socketPair(t);
  const notifier = native.startNotifier(left);
  const blocking = await blockNotifier(notifier, right);
  const queued = ended((done) => notifier.send(bytes('queued'), done));
  assert.equal(notifier.pending(), 2);
  notifier.stop();
  notifier.stop();
  assert.equal(notifier.send(bytes('late')), false);
  drain(right, blockingBytes);
  assert.equal(await blocking.written, blockingBytes);
  assert.equal(await queued, -ECANCELED);
  assert.equal(notifier.pending(), 0);
});

test('a notifier takes 65,536 messages', async (t) => {
  const [left, right] = socketPair(t);
  const notifier = native.startNotifier(left);
  const blocking = await blockNotifier(notifier, right);
  const one = bytes('1');
  let accepted = 0;
  while (accepted <= 65_536 && notifier.send(one)) accepted += 1;
  assert.equal(accepted, 65_536);
  notifier.stop();
  drain(right, blockingBytes);
  assert.equal(await blocking.written, blockingBytes);
});

const blockingBytes = 4 << 20;

/** Has the notifier write more than its socket takes, and returns once it is in that write. */
async function blockNotifier(notifier: native.Notifier, receiver: number): Promise<{ written: Promise<number> }> {
  const written = ended((done) => notifier.send(new Uint8Array(blockingBytes), done));
  await new Promise<void>((resolve) => {
    const poller = native.startPolling(receiver, () => {
      poller.stop();
      resolve();
    });
  });
  return { written };
}

/** Reads `length` bytes from a socket, waiting up to a second for each part. */
function drain(socket: number, length: number): void {
  const { id } = keepSlots(1, 1 << 20);
  for (let left = length; left > 0; ) {
    const received = native.step(socket, id, 0, 0, 0, Math.min(left, 1 << 20), 1_000_000);
    assert(received > 0, String(received));
    left -= received;
  }
}
