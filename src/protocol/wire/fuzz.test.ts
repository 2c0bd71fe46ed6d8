import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { below, FsError, SeededRandom } from '#base';
import { createCodec } from '#protocol';
import { arbitraryOf, encoded, messageKinds } from './messages.testing.ts';

const codec = createCodec();
const mutationsPerMessage = 40;

/** Decodes, or fails with `invalid`; anything else, a crash or bytes beyond the message among it, is a mistake. */
function decodes(kind: (typeof messageKinds)[0], bytes: Uint8Array): void {
  try {
    codec[kind.direction].decode(kind.code, bytes);
  } catch (error) {
    assert(error instanceof FsError && error.status === 'invalid', `${kind.title}: ${error}`);
  }
}

test('bytes that were changed on the way are read as something or refused', () => {
  const random = new SeededRandom(20);
  for (const kind of messageKinds) {
    for (const message of fc.sample(arbitraryOf(kind.field.shape), { numRuns: 10, seed: 11 })) {
      const original = encoded(codec, kind, message);
      for (let count = 0; count < mutationsPerMessage; count++) decodes(kind, mutated(original, random));
    }
  }
});

test('every message that was cut short is read as something or refused', () => {
  for (const kind of messageKinds) {
    const [message] = fc.sample(arbitraryOf(kind.field.shape), { numRuns: 1, seed: 12 });
    const original = encoded(codec, kind, message);
    for (let length = 0; length < Math.min(original.length, 500); length++) decodes(kind, original.slice(0, length));
  }
});

test('random bytes are read as something or refused', () => {
  for (const kind of messageKinds) {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => decodes(kind, bytes)),
      { numRuns: 50 },
    );
  }
});

test('a length that a few bytes claim reserves no memory', () => {
  const before = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed;
  const claim = new Uint8Array(60).fill(0xff);
  for (const kind of messageKinds) for (let start = 0; start < 40; start++) decodes(kind, claim.subarray(start));
  const after = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed;
  assert(after - before < 32 * 1024 * 1024, `${after - before} bytes more`);
});

function mutated(original: Uint8Array, random: SeededRandom): Uint8Array {
  const bytes = original.slice();
  for (let count = below(random, 4); count >= 0; count--) {
    if (bytes.length === 0) return Uint8Array.of(below(random, 256));
    const at = below(random, Math.min(bytes.length, 200));
    bytes[at] = [0, 1, 0xff, 0x7f, below(random, 256)][below(random, 5)]!;
  }
  return below(random, 4) === 0 ? bytes.slice(0, below(random, bytes.length)) : bytes;
}
