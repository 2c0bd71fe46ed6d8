import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FsError, type Ino, statuses } from '#base';
import { CAP_CHOWN, calls, createCodec, dataMaxBytes, pushes, superuser } from '#protocol';
import { arbitraryOf, encoded, messageKinds, plain } from './messages.testing.ts';

const codec = createCodec();
const ino = 7 as Ino;
const lookup = (caller = superuser, name = 'a') => ({ caller, parent: ino, name });

test('every message arrives as it was sent', () => {
  for (const kind of messageKinds) {
    const { title, direction, code, field } = kind;
    fc.assert(
      fc.property(arbitraryOf(field.shape), (message) => {
        const arrived = codec[direction].decode(code, encoded(codec, kind, message));
        assert.deepEqual(plain(arrived), plain(message), title);
      }),
      { numRuns: 60 },
    );
  }
});

test('messages that are encoded one after another do not touch each other', () => {
  const kind = messageKinds.find(({ title }) => title === 'request setxattr')!;
  const messages = fc.sample(arbitraryOf(kind.field.shape), { numRuns: 300, seed: 5 });
  const all = messages.map((message) => codec.requests.encode(kind.code, message));
  for (const [index, pieces] of all.entries()) {
    assert.deepEqual(plain(codec.requests.decode(kind.code, Buffer.concat(pieces))), plain(messages[index]));
  }
});

test('long content is a piece of its own, by reference in both directions', () => {
  const data = new Uint8Array(100_000).fill(3);
  const request = { ino, offset: 0, append: false, killPrivileges: false, sync: false, data };
  const pieces = codec.requests.encode(calls.write.code, request);
  assert.equal(pieces.length, 2);
  assert.equal(pieces[1], data);
  const received = Buffer.concat(pieces);
  const arrived = codec.requests.decode(calls.write.code, received) as { data: Uint8Array };
  assert.equal(arrived.data.buffer, received.buffer);

  const answer = { reply: data, serial: 1, grants: [], also: [] };
  const reply = codec.replies.encode(calls.read.code, answer);
  assert.equal(reply[1], data);
});

test('short content is copied, so that it does not keep the bytes that it arrived in', () => {
  const data = new Uint8Array(10);
  const pieces = codec.replies.encode(calls.read.code, { reply: data, serial: 1, grants: [], also: [] });
  assert.equal(pieces.length, 1);
  const { reply } = codec.replies.decode(calls.read.code, Buffer.concat(pieces)) as { reply: Uint8Array };
  assert.equal(reply.buffer.byteLength, 10);
});

test('what somebody has checked on the client does not count on the server', () => {
  const [bytes] = codec.requests.encode(calls.lookup.code, lookup());
  const { caller } = codec.requests.decode(calls.lookup.code, bytes!) as ReturnType<typeof lookup>;
  assert.deepEqual([caller.checked, caller.capable(CAP_CHOWN), caller.identity], [false, true, 'known']);
});

test('a caller of whom little is known travels short, and a decision that needs more asks for it', () => {
  const unseen = () => assert.fail('looked up');
  const somebody = { uid: 5, gid: 6, checked: true, inGroup: unseen, groups: unseen, capable: unseen };
  const [bytes] = codec.requests.encode(calls.lookup.code, lookup(somebody));
  const { caller } = codec.requests.decode(calls.lookup.code, bytes!) as ReturnType<typeof lookup>;
  assert.deepEqual([caller.uid, caller.gid, caller.identity, caller.inGroup(6)], [5, 6, 'unknown', true]);
  assert.throws(() => caller.inGroup(7), { status: 'needsIdentity' });
  assert.throws(() => caller.capable(CAP_CHOWN), { status: 'needsIdentity' });
});

test('what is beyond a bound is refused by who would send it', () => {
  const write = { ino, offset: 0, append: false, killPrivileges: false, sync: false };
  const attempts = [
    [calls.lookup.code, lookup(superuser, 'x'.repeat(256)), 'nameTooLong'],
    [calls.write.code, { ...write, data: new Uint8Array(dataMaxBytes + 1) }, 'argumentTooLong'],
    [
      calls.setxattr.code,
      { caller: superuser, ino, name: 'n', value: new Uint8Array(65_537), flags: 0 },
      'argumentTooLong',
    ],
    [calls.lookup.code, lookup({ ...superuser, groups: () => new Array<number>(65_537).fill(1) }), 'argumentTooLong'],
  ] as const;
  for (const [code, message, status] of attempts) {
    assert.throws(() => codec.requests.encode(code, message), { status });
  }
  const data = new Uint8Array(dataMaxBytes);
  const pieces = codec.requests.encode(calls.write.code, { ...write, data });
  assert.equal(
    (codec.requests.decode(calls.write.code, Buffer.concat(pieces)) as typeof write & { data: Uint8Array }).data.length,
    dataMaxBytes,
  );
});

test('a message that half failed leaves nothing behind', () => {
  const good = lookup();
  const before = encoded(codec, messageKinds[0]!, good);
  assert.throws(() => codec.requests.encode(calls.rename.code, { ...good, newName: 'x'.repeat(300) }));
  assert.deepEqual(encoded(codec, messageKinds[0]!, good), before);
});

test('a number that is none of ours is refused, and nothing else breaks', () => {
  assert.throws(() => codec.requests.decode(63, new Uint8Array(4)), { status: 'notImplemented' });
  assert.throws(() => codec.requests.decode(60_000, new Uint8Array(4)), { status: 'notImplemented' });
  assert.throws(() => codec.pushes.decode(99, new Uint8Array(4)), { status: 'notImplemented' });
  assert.deepEqual(codec.pushes.decode(pushes.draining.code, new Uint8Array()), {});
});

test('a reader ignores what a newer version appended, to messages and to the records in them', () => {
  for (const kind of messageKinds) {
    const { shape } = kind.field;
    // Nothing can follow what goes on to the end of the message.
    if (shape.kind !== 'record' || kind.title === 'request write' || kind.title === 'reply read') continue;
    const [message] = fc.sample(arbitraryOf(shape), { numRuns: 1, seed: 3 });
    const bytes = Buffer.concat([encoded(codec, kind, message), Buffer.from('appended')]);
    assert.deepEqual(plain(codec[kind.direction].decode(kind.code, bytes)), plain(message), kind.title);
  }
});

test('every status travels, and one that is unknown is an input/output error', () => {
  for (const status of Object.keys(statuses) as (keyof typeof statuses)[]) {
    const bytes = Buffer.concat(codec.failures.encode(new FsError(status, 'näheres')));
    const failure = codec.failures.decode(bytes);
    assert.deepEqual([failure.status, failure.message], [status, 'näheres']);
  }
  const [bytes] = codec.failures.encode(new FsError('io', 'x'));
  bytes![0] = 250;
  assert.equal(codec.failures.decode(bytes!).status, 'io');
  const bug = codec.failures.decode(Buffer.concat(codec.failures.encode(new TypeError('\u{1f600}'.repeat(5000)))));
  assert.equal(bug.status, 'io');
});
