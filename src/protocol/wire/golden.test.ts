import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { createCodec } from '#protocol';
import { goldenPath, goldenText, readGolden } from './golden.testing.ts';
import { messageKinds, plain } from './messages.testing.ts';

test('every message has the bytes that were frozen', () => {
  const frozen = readFileSync(goldenPath, 'utf8').split('\n\n');
  const now = goldenText().split('\n\n');
  for (const [index, paragraph] of now.entries()) assert.equal(paragraph, frozen[index]);
  assert.equal(frozen.length, now.length);
});

test('the frozen bytes are read as the messages that they were', () => {
  const codec = createCodec();
  const golden = readGolden();
  assert.equal(golden.length, messageKinds.length);
  for (const [index, { title, json, bytes }] of golden.entries()) {
    const { direction, code } = messageKinds[index]!;
    const message = codec[direction].decode(code, bytes);
    assert.equal(JSON.stringify(plain(message), sorted) ?? 'nothing', resorted(json), title);
  }
});

/** The order of properties is the table's in one text and the decoder's in the other. */
function sorted(_name: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function resorted(json: string): string {
  return json === 'nothing' ? json : JSON.stringify(JSON.parse(json), sorted);
}
