import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FsError } from '#base';
import { newFrame, offer } from './dispatch.testing.ts';
import { golden } from './golden.testing.ts';
import { flagWords, type HandshakeOptions, negotiate } from './handshake.ts';
import { decodeOffer, encodeInit } from './init.ts';
import { sessionDefaults } from './session.ts';

const options: HandshakeOptions = sessionDefaults;

test('what is wanted and offered is taken, and nothing else', () => {
  const features = negotiate(offer, options);
  const words = flagWords(features.flags);
  assert.equal(words.flags & ~offer.flags, 0);
  assert.equal(words.flags2 & ~offer.flags2, 0);
  const refused = (1 << 1) | (1 << 10) | (1 << 16) | (1 << 25);
  assert.equal(words.flags & refused, 0, 'locks, writeback and explicit invalidation');
  assert.equal((words.flags2 >>> 9) & 1, 0, 'no io_uring');
  assert(features.passthrough.on);
});

test('an offer masked down to 7.31 has no newer feature', () => {
  const features = negotiate(offer, { ...options, protocolMinor: 31 });
  assert.deepEqual(features.protocol, { major: 7, minor: 31 });
  assert.equal(flagWords(features.flags).flags2, 0);
  assert(!features.flags.includes('HANDLE_KILLPRIV_V2'));
  assert(!features.noFlush);
  assert(!features.setxattrExt);
  assert.match(features.passthrough.reason, /held down to 7\.31/);
});

test('an old kernel says what it lacks, a too old one is refused', () => {
  assert.match(negotiate({ ...offer, minor: 38 }, options).passthrough.reason, /Linux 6\.9/);
  assert.throws(() => negotiate({ ...offer, minor: 26 }, options), FsError);
});

test('without MAX_PAGES requests carry 128 KiB', () => {
  const features = negotiate({ ...offer, flags: offer.flags & ~(1 << 22) }, options);
  assert.deepEqual([features.maxWriteBytes, features.maxReadBytes], [131_072, 131_072]);
});

test('options turn features off', () => {
  const features = negotiate(offer, { ...options, acl: false, passthrough: false });
  assert(!features.flags.includes('POSIX_ACL'));
  assert.deepEqual(features.passthrough, { on: false, reason: 'turned off by an option' });
  assert(!negotiate(offer, { ...options, xattr: false }).flags.includes('POSIX_ACL'));
});

test('the answer to INIT is the one that a real kernel took', () => {
  const cases = [
    ['protocol-45', 45],
    ['protocol-31', 31],
  ] as const;
  for (const [name, protocolMinor] of cases) {
    const [init] = golden(name);
    const frame = newFrame();
    frame.bytes.set(init!.request, frame.requestStart);
    const features = negotiate(decodeOffer(frame, init!.request.length), {
      ...options,
      protocolMinor,
      passthrough: false,
    });
    const length = encodeInit(frame, features);
    const body = frame.bytes.subarray(frame.bodyStart, frame.replyStart + length);
    assert.deepEqual(Buffer.from(body), init!.reply!.subarray(16));
  }
});

test('a kernel of another major gets only the major that is spoken here', () => {
  const frame = newFrame();
  assert.equal(encodeInit(frame, undefined), 80);
  assert.deepEqual([...new Uint32Array(frame.bytes.buffer, frame.bodyStart, 3)], [7, 0, 0]);
});
