import { strict as assert } from 'node:assert';
import { FsError } from '#base';
import type { Attributes, WriteReply } from '#protocol';

/**
 * What the store keeps of the last call in a slot that had an effect: float64, little-endian, which hold every number
 * below 2^53. After sequence, call and kind come the numbers of the reply.
 */
export interface ReplayRecord {
  readonly sequence: number;
  /** The number of the call: a repetition is the same call. */
  readonly code: number;
  readonly reply: StoredReply;
}

export type StoredReply = Attributes | WriteReply | number | undefined;

const kinds = { nothing: 0, attributes: 1, write: 2, number: 3 } as const;
const headNumbers = 3;

const attributeFields = [
  'ino',
  'mode',
  'nlink',
  'uid',
  'gid',
  'rdev',
  'size',
  'blocks',
  'atimeSec',
  'atimeNsec',
  'mtimeSec',
  'mtimeNsec',
  'ctimeSec',
  'ctimeNsec',
  'btimeSec',
  'btimeNsec',
  'flags',
  'dataVersion',
  'hasAcl',
  'hasFileCapabilities',
] as const satisfies (keyof Attributes)[];

export function encodeReplay({ sequence, code, reply }: ReplayRecord): Uint8Array {
  const body =
    reply === undefined ? 0 : typeof reply === 'number' ? 1 : 'written' in reply ? 2 : attributeFields.length;
  // Every machine that this runs on is little-endian.
  const numbers = new Float64Array(headNumbers + body);
  numbers[0] = sequence;
  numbers[1] = code;
  numbers[2] = fillReply(numbers, reply);
  return new Uint8Array(numbers.buffer);
}

/** Fails with `corrupted` when the bytes are no record. */
export function decodeReplay(bytes: Uint8Array): ReplayRecord {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const numbers = Array.from({ length: bytes.byteLength >> 3 }, (_, index) => view.getFloat64(index * 8, true));
  const [sequence = 0, code = 0, kind] = numbers;
  const rest = numbers.slice(headNumbers);
  switch (kind) {
    case kinds.nothing:
      return { sequence, code, reply: undefined };
    case kinds.attributes:
      return { sequence, code, reply: attributesFrom(rest) };
    case kinds.write:
      return { sequence, code, reply: { written: rest[0]!, end: rest[1]! } };
    case kinds.number:
      return { sequence, code, reply: rest[0]! };
    default:
      throw new FsError('corrupted', `a slot's record of ${bytes.byteLength} bytes has no reply of a known kind`);
  }
}

/** Writes the reply behind the head; returns its kind. */
function fillReply(numbers: Float64Array, reply: StoredReply): number {
  if (reply === undefined) return kinds.nothing;
  if (typeof reply === 'number') {
    numbers[headNumbers] = reply;
    return kinds.number;
  }
  if ('written' in reply) {
    numbers[headNumbers] = reply.written;
    numbers[headNumbers + 1] = reply.end;
    return kinds.write;
  }
  assert('ino' in reply, 'a reply that has no form in the store');
  for (let at = 0; at < attributeFields.length; at++) numbers[headNumbers + at] = Number(reply[attributeFields[at]!]);
  return kinds.attributes;
}

function attributesFrom(numbers: readonly number[]): Attributes {
  const pairs = attributeFields.map((field, index) => [
    field,
    field.startsWith('has') ? numbers[index] === 1 : numbers[index],
  ]);
  return Object.fromEntries(pairs) as Attributes;
}
