import assert from 'node:assert/strict';
import { test } from 'node:test';
import { below, crc32c, SeededRandom } from '#base';

const of = (bytes: Uint8Array): number => crc32c(bytes, 0, bytes.length, 0);

/** Bit by bit, as the polynomial says. */
function slowly(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) * 0x82f63b78);
  }
  return ~crc >>> 0;
}

test('the checksums are those of RFC 3720, appendix B.4', () => {
  assert.equal(of(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(of(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.equal(of(Uint8Array.from({ length: 32 }, (_, index) => index)), 0x46dd794e);
  assert.equal(of(Buffer.from('123456789')), 0xe3069283);
  assert.equal(of(new Uint8Array(0)), 0);
});

test('long and short, whole and in parts, at any place, the checksum is the same', () => {
  const random = new SeededRandom(3);
  const bytes = Uint8Array.from({ length: 40_000 }, () => below(random, 256));
  for (const length of [1, 7, 63, 64, 65, 100, 767, 768, 5000, 12_288, 12_289, 30_000, 39_990]) {
    const start = below(random, 10);
    const end = start + length;
    const expected = slowly(bytes.subarray(start, end));
    assert.equal(crc32c(bytes, start, end, 0), expected, `${length} bytes`);
    const middle = start + below(random, length);
    assert.equal(crc32c(bytes, middle, end, crc32c(bytes, start, middle, 0)), expected, `${length} bytes in two`);
  }
});
