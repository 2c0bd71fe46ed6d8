import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { ReadBuffers } from './read-buffers.ts';

const large = 300_000;

test('memory that was given back serves the next large read', () => {
  const buffers = new ReadBuffers();
  const first = buffers.take(large);
  buffers.giveBack(first.subarray(0, large - 1));
  const second = buffers.take(large + 1);
  assert.equal(second.buffer, first.buffer);
  assert.equal(second.length, large + 1);
});

test('memory is not shared by two readers, also when it was given back twice', () => {
  const buffers = new ReadBuffers();
  const first = buffers.take(large);
  buffers.giveBack(first);
  buffers.giveBack(first);
  assert.notEqual(buffers.take(large).buffer, buffers.take(large).buffer);
});

test('memory from elsewhere is not kept', () => {
  const buffers = new ReadBuffers();
  const foreign = Buffer.alloc(large);
  buffers.giveBack(foreign);
  assert.notEqual(buffers.take(large).buffer, foreign.buffer);
});

test('a small read has memory of its own', () => {
  const buffers = new ReadBuffers();
  const first = buffers.take(100);
  buffers.giveBack(first);
  assert.notEqual(buffers.take(100).buffer, first.buffer);
});
