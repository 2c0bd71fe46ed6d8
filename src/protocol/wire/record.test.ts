import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bool, byteString, type Field, list, u32 } from './field.ts';
import { Reader } from './reader.ts';
import { appended, fields, optional, record } from './record.ts';
import { Writer } from './writer.ts';

interface Old {
  id: number;
  parts: { name: string }[];
}
interface New {
  id: number;
  parts: { name: string; size: number }[];
  isLarge: boolean;
}
const name = byteString(10);
const oldVersion = fields<Old>({ id: u32, parts: list(record<Old['parts'][0]>({ name }), 10, 6) });
const newVersion = fields<New>({
  id: u32,
  parts: list(record<New['parts'][0]>({ name, size: appended(u32, 17) }), 10, 6),
  isLarge: appended(bool, true),
});

function through<A, B>(from: Field<A>, to: Field<B>, message: A): B {
  const writer = new Writer();
  writer.begin();
  from.write(writer, message);
  const reader = new Reader();
  reader.begin(Buffer.concat(writer.finish()));
  return to.read(reader);
}

test('a field that an older sender does not know reads as its default, within records too', () => {
  const arrived = through(oldVersion, newVersion, { id: 3, parts: [{ name: 'a' }, { name: 'b' }] });
  const parts = [
    { name: 'a', size: 17 },
    { name: 'b', size: 17 },
  ];
  assert.deepEqual(arrived, { id: 3, parts, isLarge: true });
});

test('a field that an older reader does not know is skipped, within records too', () => {
  const sent = {
    id: 3,
    parts: [
      { name: 'a', size: 5 },
      { name: 'b', size: 6 },
    ],
    isLarge: false,
  };
  assert.deepEqual(through(newVersion, oldVersion, sent), { id: 3, parts: [{ name: 'a' }, { name: 'b' }] });
});

test('a property that is missing is missing on the other side', () => {
  const field = fields<{ a?: number; b?: number }>({ a: optional(u32), b: optional(u32) });
  assert.deepEqual(through(field, field, { b: 0 }), { b: 0 });
});
