import assert from 'node:assert/strict';
import { test } from 'node:test';
import { below, SeededRandom } from '#base';
import type { CallName } from '#protocol';
import { type Bench, bench } from './dispatch.testing.ts';
import { golden } from './golden.testing.ts';
import { operations } from './operations.table.ts';

/** `CFS_FUZZ_FRAMES=10000000` for the long run; `CFS_FUZZ_SEED` repeats one. */
const frameCount = Number(process.env['CFS_FUZZ_FRAMES'] ?? 50_000);
const seed = Number(process.env['CFS_FUZZ_SEED'] ?? 1);
/** After so many frames the file system is made anew, so that what the frames made does not pile up. */
const framesPerBench = 5_000;
const framesPerTurn = 500;
const lateCandidates: readonly CallName[] = ['lookup', 'write', 'setxattr', 'read', 'readdir', 'make', 'setattr'];

const random = new SeededRandom(seed);
const originals = [...golden('protocol-45').slice(1), ...golden('protocol-31').slice(1)].map(({ request }) => request);
const interesting = [0, 1, 2, 0x7f, 0xff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

/** A golden frame, broken in one way or several. */
function broken(): Buffer {
  let frame: Buffer = Buffer.from(originals[below(random, originals.length)]!);
  for (let count = 1 + below(random, 3); count > 0; count -= 1) frame = breakOnce(frame);
  return frame;
}

function breakOnce(frame: Buffer): Buffer {
  const at = below(random, frame.length);
  switch (below(random, 8)) {
    case 0: // A byte.
      frame[at] = below(random, 256);
      return frame;
    case 1: // A word, often a size.
      if (frame.length >= 44) {
        const word = interesting[below(random, interesting.length)]!;
        frame.writeUInt32LE(word, 40 + 4 * below(random, Math.floor((frame.length - 40) / 4)));
      }
      return frame;
    case 2: // Cut off, and it says so.
      return relength(frame.subarray(0, at));
    case 3: // Cut off, and it does not.
      return frame.subarray(0, Math.max(40, at));
    case 4: // Another opcode with the same body.
      if (frame.length >= 8) frame.writeUInt32LE(below(random, 70), 4);
      return frame;
    case 5: // More than there should be.
      return relength(Buffer.concat([frame, Buffer.alloc(below(random, 300), below(random, 256))]));
    case 6: // Names without an end.
      return Buffer.from(frame.map((byte, index) => (index >= 40 && byte === 0 ? 0x61 : byte)));
    default: // Extensions that are none.
      if (frame.length >= 40) frame.writeUInt16LE(below(random, 0x10000), 36);
      return frame;
  }
}

function relength(frame: Buffer): Buffer {
  if (frame.length >= 4) frame.writeUInt32LE(frame.length, 0);
  return frame;
}

function needsReply(frame: Buffer): boolean {
  return frame.length >= 40 && operations[frame.readUInt32LE(4)]?.reply !== 'none';
}

function newBench(): Bench {
  const fresh = bench({ protocolMinor: below(random, 2) === 0 ? 45 : 31 }, 1 << 16);
  for (const call of lateCandidates) if (below(random, 3) === 0) fresh.client.lateCalls.add(call);
  return fresh;
}

async function settled({ counters }: Bench): Promise<void> {
  for (let turns = 0; counters.pending > 0; turns += 1) {
    assert(turns < 10_000, `${counters.pending} calls never end`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function checkTurn(current: Bench, expected: Set<string>): Promise<void> {
  await settled(current);
  const { replies } = current;
  for (const reply of replies) {
    assert.equal(reply.readUInt32LE(0), reply.length);
    const error = reply.readInt32LE(4);
    assert(error <= 0 && error > -512, `errno ${error}`);
    if (error !== 0) assert.equal(reply.length, 16);
    assert(expected.delete(reply.toString('hex', 8, 16)), `a second reply: ${reply.toString('hex')}`);
  }
  assert.deepEqual([...expected], [], 'requests without a reply');
  replies.length = 0;
}

test(`${frameCount} broken frames get one answer each and break nothing`, { timeout: 3_600_000 }, async () => {
  let unique = 1;
  for (let done = 0; done < frameCount; ) {
    const current = newBench();
    for (const original of originals.slice(0, 60)) current.give(original);
    await settled(current);
    current.replies.length = 0;
    for (let turn = 0; turn < framesPerBench / framesPerTurn; turn += 1) {
      const expected = new Set<string>();
      for (let index = 0; index < framesPerTurn; index += 1) {
        const frame = broken();
        if (frame.length >= 16) frame.writeBigUInt64LE(BigInt(unique++), 8);
        if (needsReply(frame)) expected.add(frame.toString('hex', 8, 16));
        current.give(frame);
      }
      await checkTurn(current, expected);
      assert.deepEqual(current.bugs, [], `bugs with seed ${seed}`);
      done += framesPerTurn;
    }
  }
});
