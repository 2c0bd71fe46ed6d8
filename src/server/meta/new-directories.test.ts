import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import type { Ino } from '#base';
import { NewDirectories } from './new-directories.ts';

test('a directory that was never begun is not known', () => {
  assert.equal(new NewDirectories().marksOf(5 as Ino), undefined);
});

test('a name without a mark is absent, one with a mark may be there', () => {
  const directories = new NewDirectories();
  directories.begin(5 as Ino);
  const marks = directories.marksOf(5 as Ino);
  marks?.add(2 ** 49 + 17);
  assert.equal(marks?.has(2 ** 49 + 17), true);
  assert.equal(marks?.has(18), false);
});

test('the oldest directories lose their place when there are too many names', () => {
  const directories = new NewDirectories();
  directories.begin(1 as Ino);
  directories.begin(2 as Ino);
  for (let hash = 0; hash < 300_000; hash++) directories.marksOf(2 as Ino)?.add(hash);
  assert.equal(directories.marksOf(1 as Ino), undefined);
  assert.equal(directories.marksOf(2 as Ino), undefined);
  directories.begin(3 as Ino);
  assert.equal(directories.marksOf(3 as Ino)?.size, 0);
});
