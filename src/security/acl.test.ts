import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import {
  ACL_GROUP,
  ACL_GROUP_OBJ,
  ACL_MASK,
  ACL_OTHER,
  ACL_USER,
  ACL_USER_OBJ,
  type AclEntry,
  aclWithMode,
  encodeAcl,
  inheritAcl,
  modeOfAcl,
  parseAcl,
} from './acl.ts';

const entry = (tag: number, perm: number, id = 0xffffffff): AclEntry => ({ tag, perm, id });
const minimal = [entry(ACL_USER_OBJ, 7), entry(ACL_GROUP_OBJ, 5), entry(ACL_OTHER, 1)];
const extended = [
  entry(ACL_USER_OBJ, 7),
  entry(ACL_USER, 6, 5),
  entry(ACL_GROUP_OBJ, 7),
  entry(ACL_GROUP, 5, 6),
  entry(ACL_MASK, 6),
  entry(ACL_OTHER, 4),
];

test('an ACL reads back as it was written', () => {
  assert.deepEqual(parseAcl(encodeAcl(extended)), extended);
  assert.deepEqual(parseAcl(encodeAcl([])), []);
});

for (const { fact, bytes, problem } of [
  { fact: 'an unknown version', bytes: new Uint8Array([3, 0, 0, 0]), problem: 'notSupported' },
  { fact: 'a torn entry', bytes: encodeAcl(minimal).subarray(0, 10), problem: 'invalid' },
  { fact: 'less than a header', bytes: new Uint8Array([2, 0]), problem: 'invalid' },
  { fact: 'no OTHER', bytes: encodeAcl(minimal.slice(0, 2)), problem: 'invalid' },
  { fact: 'entries out of order', bytes: encodeAcl([minimal[1]!, minimal[0]!, minimal[2]!]), problem: 'invalid' },
  { fact: 'two owners', bytes: encodeAcl([minimal[0]!, ...minimal]), problem: 'invalid' },
  {
    fact: 'named entries without a mask',
    bytes: encodeAcl(extended.filter(({ tag }) => tag !== ACL_MASK)),
    problem: 'invalid',
  },
  {
    fact: 'permission bits beyond rwx',
    bytes: encodeAcl([entry(ACL_USER_OBJ, 8), ...minimal.slice(1)]),
    problem: 'invalid',
  },
]) {
  test(`${fact} is no valid ACL`, () => assert.equal(parseAcl(bytes), problem));
}

test("the group bits of the mode are the mask, or the group's without one", () => {
  assert.equal(modeOfAcl(extended), 0o764);
  assert.equal(modeOfAcl(minimal), 0o751);
});

test('chmod sets the mask and leaves the named entries', () => {
  assert.deepEqual(
    aclWithMode(extended, 0o640).map(({ perm }) => perm),
    [6, 6, 7, 5, 4, 0],
  );
});

test('a minimal default ACL becomes mode bits only', () => {
  assert.deepEqual(inheritAcl(minimal, 0o100666), { mode: 0o100640, acl: undefined });
});

test('an extended default ACL is limited by the mode asked for', () => {
  const { mode, acl } = inheritAcl(extended, 0o100640);
  assert.equal(mode, 0o100640);
  assert.deepEqual(
    acl!.map(({ perm }) => perm),
    [6, 6, 7, 5, 4, 0],
  );
});
