import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rootIno } from '#base';
import { superuser } from '#protocol';
import { sharedBench } from './shared-bench.testing.ts';

const EAGAIN = 11;
const EINTR = 4;
const ENOSYS = 38;
const opcode = { flush: 25, getlk: 31, setlk: 32, setlkw: 33, interrupt: 36, release: 18 };
const type = { read: 0, write: 1, unlock: 2 };

interface LockFields {
  readonly handle: number;
  readonly owner: bigint;
  readonly type: number;
  readonly start?: bigint;
  readonly end?: bigint;
  readonly flock?: boolean;
}

const errnoOf = (reply: Buffer): number => Math.abs(reply.readInt32LE(4));

let unique = 2n;

function frame(code: number, body: Buffer, number = unique): Buffer {
  const header = Buffer.alloc(40);
  header.writeUInt32LE(40 + body.length, 0);
  header.writeUInt32LE(code, 4);
  header.writeBigUInt64LE(number, 8);
  header.writeBigUInt64LE(2n, 16);
  unique += 2n;
  return Buffer.concat([header, body]);
}

function lockBody(fields: LockFields): Buffer {
  const body = Buffer.alloc(48);
  body.writeBigUInt64LE(BigInt(fields.handle), 0);
  body.writeBigUInt64LE(fields.owner, 8);
  body.writeBigUInt64LE(fields.start ?? 0n, 16);
  body.writeBigUInt64LE(fields.end ?? 0x7fff_ffff_ffff_ffffn, 24);
  body.writeUInt32LE(fields.type, 32);
  body.writeUInt32LE(77, 36);
  body.writeUInt32LE(fields.flock ? 1 : 0, 40);
  return body;
}

function flushBody(handle: number, owner: bigint): Buffer {
  const body = Buffer.alloc(24);
  body.writeBigUInt64LE(BigInt(handle), 0);
  body.writeBigUInt64LE(owner, 16);
  return body;
}

async function opened() {
  const bench = sharedBench();
  const { attributes } = await bench.vfs.mknod(superuser, rootIno, 'f', { mode: 0o100644, umask: 0, rdev: 0 });
  const open = async (): Promise<number> => (await bench.vfs.open(superuser, attributes.ino, 2, false)).handle;
  const ask = async (code: number, body: Buffer): Promise<Buffer> => {
    bench.replies.length = 0;
    bench.give(frame(code, body));
    for (let turns = 0; bench.replies.length === 0 && turns < 20; turns++) await new Promise(setImmediate);
    return bench.replies[0] ?? Buffer.alloc(0);
  };
  const errno = async (code: number, body: Buffer): Promise<number> => errnoOf(await ask(code, body));
  return { ...bench, open, ask, errno };
}

test('locks of two owners conflict, and GETLK shows the one that does', async () => {
  const { open, ask, errno } = await opened();
  const handle = await open();
  const mine = { handle, owner: 0xffff_0000_1111_2222n, type: type.write, start: 10n, end: 19n };
  const theirs = { ...mine, owner: 5n, type: type.read, start: 15n, end: 0x7fff_ffff_ffff_ffffn };
  assert.equal(await errno(opcode.setlk, lockBody(mine)), 0);
  assert.equal(await errno(opcode.setlk, lockBody(theirs)), EAGAIN);
  const shown = await ask(opcode.getlk, lockBody(theirs));
  assert.deepEqual(
    [shown.readBigUInt64LE(16), shown.readBigUInt64LE(24), shown.readUInt32LE(32), shown.readUInt32LE(36)],
    [10n, 19n, type.write, 77],
  );
  assert.equal(await errno(opcode.setlk, lockBody({ ...mine, type: type.unlock })), 0);
  assert.equal((await ask(opcode.getlk, lockBody(theirs))).readUInt32LE(32), type.unlock);
  assert.equal(await errno(opcode.setlk, lockBody(theirs)), 0);
  const reply = await ask(opcode.getlk, lockBody({ ...mine, start: 0n, end: 0x7fff_ffff_ffff_ffffn }));
  assert.deepEqual([reply.readBigUInt64LE(16), reply.readBigUInt64LE(24)], [15n, 0x7fff_ffff_ffff_ffffn]);
});

test('FLUSH ends the locks of the owner that closes, and no others', async () => {
  const { open, errno, locks } = await opened();
  const handle = await open();
  for (const owner of [1n, 2n]) {
    const start = owner * 100n;
    assert.equal(await errno(opcode.setlk, lockBody({ handle, owner, type: type.write, start, end: start })), 0);
  }
  assert.equal(await errno(opcode.flush, flushBody(handle, 1n)), 0);
  assert.deepEqual(
    locks.map(({ owner }) => owner),
    ['0000000000000002'],
  );
});

test('RELEASE ends the locks of the description: flock and open file description locks', async () => {
  const { open, errno, locks } = await opened();
  const handle = await open();
  assert.equal(await errno(opcode.setlk, lockBody({ handle, owner: 9n, type: type.write, flock: true })), 0);
  assert.equal(await errno(opcode.setlk, lockBody({ handle, owner: 9n, type: type.read })), 0);
  assert.equal(locks.length, 2);
  assert.equal(await errno(opcode.release, flushBody(handle, 9n)), 0);
  assert.deepEqual(locks, []);
});

test('a wait for a lock ends when it is free, and with EINTR when it is interrupted', async () => {
  const bench = await opened();
  const { open, errno, give, replies } = bench;
  const handle = await open();
  const mine = { handle, owner: 1n, type: type.write };
  await errno(opcode.setlk, lockBody(mine));
  for (const ending of ['unlocked', 'interrupted']) {
    replies.length = 0;
    give(frame(opcode.setlkw, lockBody({ ...mine, owner: ending === 'unlocked' ? 2n : 3n }), 1000n));
    await new Promise(setImmediate);
    assert.equal(replies.length, 0);
    if (ending === 'unlocked') bench.unlockAll('0000000000000001');
    else {
      const body = Buffer.alloc(8);
      body.writeBigUInt64LE(1000n, 0);
      give(frame(opcode.interrupt, body, 1001n));
    }
    await new Promise(setImmediate);
    assert.deepEqual(
      replies.map((reply) => [reply.readBigUInt64LE(8), errnoOf(reply)]),
      [[1000n, ending === 'unlocked' ? 0 : EINTR]],
    );
  }
});

test('elsewhere locks and closes are the kernel’s own', async () => {
  const { give, replies } = sharedBench({ cluster: false });
  for (const code of [opcode.flush, opcode.getlk, opcode.setlk, opcode.setlkw]) {
    give(frame(code, lockBody({ handle: 1, owner: 1n, type: type.write })));
    assert.equal(replies.pop()?.readInt32LE(4), -ENOSYS);
  }
});
