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
  const numbers = [sequence, code, ...replyNumbers(reply)];
  const view = new DataView(new ArrayBuffer(numbers.length * 8));
  for (const [index, number] of numbers.entries()) view.setFloat64(index * 8, number, true);
  return new Uint8Array(view.buffer);
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

function replyNumbers(reply: StoredReply): number[] {
  if (reply === undefined) return [kinds.nothing];
  if (typeof reply === 'number') return [kinds.number, reply];
  if ('written' in reply) return [kinds.write, reply.written, reply.end];
  assert('ino' in reply, 'a reply that has no form in the store');
  return [kinds.attributes, ...attributeFields.map((field) => Number(reply[field]))];
}

function attributesFrom(numbers: readonly number[]): Attributes {
  const pairs = attributeFields.map((field, index) => [
    field,
    field.startsWith('has') ? numbers[index] === 1 : numbers[index],
  ]);
  return Object.fromEntries(pairs) as Attributes;
}
