import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { s32, s53, struct, u8, u16, u32, u53, u64 } from './struct.ts';

const All = struct('all', 36, { a: u8, b: u8, c: u16, d: u32, e: s32, f: u53, g: s53, h: u64 });
const BigEndian = struct('key', 8, { ino: u53 }, { bigEndian: true });

test('every field of a window reads back what was written, at any offset', () => {
  const view = new DataView(new ArrayBuffer(100));
  const window = new All().at(view, 13);
  Object.assign(window, {
    a: 255,
    b: 1,
    c: 65535,
    d: 4294967295,
    e: -5,
    f: 2 ** 53 - 1,
    g: -62135596800,
    h: 2n ** 64n - 1n,
  });
  const again = new All().at(view, 13);
  assert.deepEqual(
    [again.a, again.b, again.c, again.d, again.e, again.f, again.g, again.h],
    [255, 1, 65535, 4294967295, -5, 2 ** 53 - 1, -62135596800, 2n ** 64n - 1n],
  );
});

test('a 64-bit value beyond 2^53 reads as the largest safe number', () => {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, 2n ** 63n - 1n, true);
  const One = struct('one', 8, { value: u53 });
  assert.equal(new One().at(view, 0).value, Number.MAX_SAFE_INTEGER);
});

test('a big-endian struct sorts as its number does', () => {
  const low = new Uint8Array(8);
  const high = new Uint8Array(8);
  new BigEndian().at(new DataView(low.buffer), 0).ino = 2 ** 32 - 1;
  new BigEndian().at(new DataView(high.buffer), 0).ino = 2 ** 40;
  assert.equal(Buffer.compare(low, high), -1);
});

test('a struct whose fields do not add up to its size is refused at load', () => {
  assert.throws(() => struct('wrong', 5, { a: u32 }), /take 4 bytes, 5 were declared/);
});

test('a field that the window itself has is refused at load', () => {
  assert.throws(() => struct('wrong', 4, { offset: u32 }), /may not be called offset/);
});
