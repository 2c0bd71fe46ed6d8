import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import type { Ino } from '#base';
import { S_IFDIR, S_IFREG } from '#protocol';
import type { Transaction } from '../kv/transaction.ts';
import { bytesOf } from '../kv/value.ts';
import { addDentry, decodeBucket, dentrySlot, hashName, removeDentry, replaceDentry } from './dentry.ts';

/** A directory in which all names have one hash: each slot is moved to the same key. */
class OneBucket {
  readonly #values = new Map<string, Uint8Array>();
  readonly tx: Transaction = {
    get: (key) => this.#values.get(key),
    getValue: (key) => this.#values.get(key),
    list: () => [],
    put: (key, value) => void this.#values.set(key, bytesOf(value)),
    delete: (key) => void this.#values.delete(key),
  };

  slot(name: string) {
    const fresh = dentrySlot(this.tx, { hashSeed: 1 }, 1 as Ino, name);
    const bucket = this.#values.get('bucket');
    const entry = this.entries().find((each) => each.name === name);
    return { ...fresh, key: 'bucket', hash: 5, bucket, entry };
  }

  entries() {
    const bucket = this.#values.get('bucket');
    return bucket === undefined ? [] : decodeBucket(bucket, 5);
  }

  add(name: string, ino: number): number {
    return addDentry(this.tx, this.slot(name), ino as Ino, S_IFREG);
  }
}

test('names with one hash keep their cookies while others come and go', () => {
  const bucket = new OneBucket();
  assert.deepEqual([bucket.add('a', 2), bucket.add('b', 3), bucket.add('c', 4)], [40, 41, 42]);
  removeDentry(bucket.tx, bucket.slot('b'));
  assert.deepEqual(
    bucket.entries().map(({ name, ino, cookie }) => [name, ino, cookie]),
    [
      ['a', 2, 40],
      ['c', 4, 42],
    ],
  );
  assert.equal(bucket.add('d', 5), 41);
});

test('a ninth name with the same hash does not fit', () => {
  const bucket = new OneBucket();
  for (let i = 0; i < 8; i++) bucket.add(`n${i}`, 2 + i);
  assert.throws(() => bucket.add('n8', 10), { status: 'noSpace' });
});

test('a replaced name keeps its cookie and means another inode', () => {
  const bucket = new OneBucket();
  bucket.add('a', 2);
  bucket.add('b', 2 ** 52 + 12_345);
  replaceDentry(bucket.tx, bucket.slot('a'), (2 ** 52 + 7) as Ino, S_IFDIR);
  assert.deepEqual(bucket.entries(), [
    { name: 'a', ino: 2 ** 52 + 7, type: S_IFDIR, cookie: 40 },
    { name: 'b', ino: 2 ** 52 + 12_345, type: S_IFREG, cookie: 41 },
  ]);
});

test('hashes are spread over 50 bits, and another seed gives others', () => {
  const seen = new Set<number>();
  const highBits = new Set<number>();
  for (let i = 0; i < 100_000; i++) {
    const hash = hashName(77, `file-${i}`);
    assert.ok(hash > 0 && hash < 2 ** 50);
    seen.add(hash);
    highBits.add(Math.floor(hash / 2 ** 40));
  }
  assert.ok(seen.size > 99_990, `${seen.size} of 100,000`);
  assert.equal(highBits.size, 1024);
  assert.notEqual(hashName(77, 'a'), hashName(78, 'a'));
});

for (const { name, status } of [
  { name: '', status: 'notFound' },
  { name: 'x'.repeat(256), status: 'nameTooLong' },
  { name: 'a/b', status: 'invalid' },
  { name: 'a\0', status: 'invalid' },
]) {
  test(`the name ${JSON.stringify(name.slice(0, 4))} of ${name.length} bytes is refused`, () => {
    assert.throws(() => hashName(1, name), { status });
  });
}
