import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CAP_CHOWN, CAP_MKNOD, type Caller, copyMessage, superuser } from '#protocol';

test('a copied message shares no bytes with the original', () => {
  const page = Buffer.from('old content');
  const original = { ino: 7, data: page.subarray(4), list: [{ name: 'a', attributes: undefined }] };
  const copy = copyMessage(original) as typeof original;
  assert.deepEqual({ ...copy, data: Buffer.from(copy.data).toString() }, { ...original, data: 'content' });
  page.fill(0);
  assert.equal(Buffer.from(copy.data).toString(), 'content');
  assert.equal(copy.data.buffer.byteLength, 7);
});

test('a caller arrives with its groups and capabilities', () => {
  const caller: Caller = {
    uid: 1000,
    gid: 100,
    checked: false,
    groups: () => [27, 44],
    inGroup: (gid) => gid === 100 || gid === 27 || gid === 44,
    capable: (number) => number === CAP_MKNOD,
  };
  const { caller: copy } = copyMessage({ caller }) as { caller: Caller };
  assert.deepEqual([copy.uid, copy.gid, copy.checked], [1000, 100, false]);
  assert.deepEqual([100, 27, 44, 5].map(copy.inGroup), [true, true, true, false]);
  assert.deepEqual([CAP_CHOWN, CAP_MKNOD, 40].map(copy.capable), [false, true, false]);
});

test('the file system itself stays all-powerful', () => {
  const { caller } = copyMessage({ caller: superuser }) as { caller: Caller };
  assert(caller.checked && caller.capable(0) && caller.capable(40));
});

test('what no encoding could carry is refused', () => {
  assert.throws(() => copyMessage({ done: () => undefined }), /holds a function/);
  assert.throws(() => copyMessage({ when: new Date(0) }), /holds a Date/);
});
