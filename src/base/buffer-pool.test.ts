import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BufferPool } from '#base';

const stepBytes = 65536;

test('a buffer that was given back, in whatever part, is used again for the like', () => {
  const pool = new BufferPool(10 * stepBytes);
  const first = pool.take(100_000);
  assert.equal(first.length, 100_000);
  assert.notEqual(pool.take(100_000).buffer, first.buffer);
  pool.giveBack(first.subarray(50, 60));
  assert.notEqual(pool.take(200_000).buffer, first.buffer);
  assert.equal(pool.take(2 * stepBytes).buffer, first.buffer);
});

test('what is not the pool’s, or was given back already, is left alone', () => {
  const pool = new BufferPool(10 * stepBytes);
  const own = new Uint8Array(stepBytes);
  pool.giveBack(own);
  const first = pool.take(stepBytes);
  assert.notEqual(first.buffer, own.buffer);
  pool.giveBack(first);
  pool.giveBack(first);
  assert.equal(pool.take(stepBytes).buffer, first.buffer);
  assert.notEqual(pool.take(stepBytes).buffer, first.buffer);
});

test('no more than the limit is kept', () => {
  const pool = new BufferPool(stepBytes);
  const one = pool.take(stepBytes);
  const other = pool.take(stepBytes);
  pool.giveBack(one);
  pool.giveBack(other);
  assert.equal(pool.take(stepBytes).buffer, one.buffer);
  assert.notEqual(pool.take(stepBytes).buffer, other.buffer);
});
