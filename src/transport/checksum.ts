import { crc32c as crc32cOf } from '@node-rs/crc32';

/** Up to here a table in JavaScript is done before a call of native code has begun. */
const shortBytes = 96;

/** Eight tables of 256: what a byte does to the checksum when 0 to 7 bytes follow it ("slicing by 8"). */
const tables = makeTables();

/** CRC-32C (Castagnoli; RFC 3720, section 12.1) of `bytes` from `start` to `end`, after what `before` is the one of. */
export function crc32c(bytes: Uint8Array, start: number, end: number, before: number): number {
  if (end - start > shortBytes) {
    return crc32cOf(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), before);
  }
  let crc = ~before;
  let at = start;
  for (; at + 8 <= end; at += 8) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    crc =
      tables[1792 + (crc & 255)]! ^
      tables[1536 + ((crc >>> 8) & 255)]! ^
      tables[1280 + ((crc >>> 16) & 255)]! ^
      tables[1024 + (crc >>> 24)]! ^
      tables[768 + bytes[at + 4]!]! ^
      tables[512 + bytes[at + 5]!]! ^
      tables[256 + bytes[at + 6]!]! ^
      tables[bytes[at + 7]!]!;
  }
  for (; at < end; at++) crc = tables[(crc ^ bytes[at]!) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

function makeTables(): Int32Array {
  const made = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    made[byte] = crc;
  }
  for (let at = 256; at < made.length; at++) {
    const before = made[at - 256]!;
    made[at] = (before >>> 8) ^ made[before & 255]!;
  }
  return made;
}
