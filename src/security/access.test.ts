import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import {
  CAP_DAC_OVERRIDE,
  CAP_DAC_READ_SEARCH,
  CAP_FOWNER,
  MAY_EXEC,
  MAY_READ,
  MAY_WRITE,
  S_IFDIR,
  S_IFREG,
} from '#protocol';
import { permits, stickyForbids } from './access.ts';
import { ACL_GROUP, ACL_GROUP_OBJ, ACL_MASK, ACL_OTHER, ACL_USER, ACL_USER_OBJ, encodeAcl } from './acl.ts';
import type { Subject } from './subject.ts';

function subject(uid: number, groups: number[] = [], capabilities: number[] = []): Subject {
  return { uid, inGroup: (gid) => groups.includes(gid), capable: (capability) => capabilities.includes(capability) };
}

const file = (mode: number) => ({ mode: S_IFREG | mode, uid: 1, gid: 10 });
const directory = (mode: number) => ({ mode: S_IFDIR | mode, uid: 1, gid: 10 });
const owner = subject(1, [10]);
const member = subject(2, [10]);
const stranger = subject(3);

for (const { fact, node, who, mask, allowed } of [
  { fact: "the owner has the owner's bits", node: file(0o700), who: owner, mask: 7, allowed: true },
  { fact: "the owner does not get the others' bits", node: file(0o077), who: owner, mask: MAY_READ, allowed: false },
  { fact: "a member has the group's bits", node: file(0o040), who: member, mask: MAY_READ, allowed: true },
  { fact: "a member does not get the others' bits", node: file(0o007), who: member, mask: MAY_READ, allowed: false },
  { fact: "a stranger has the others' bits", node: file(0o004), who: stranger, mask: MAY_READ, allowed: true },
  { fact: 'all of the mask is needed', node: file(0o004), who: stranger, mask: MAY_READ | MAY_WRITE, allowed: false },
  {
    fact: 'CAP_DAC_OVERRIDE reads and writes anything',
    node: file(0),
    who: subject(0, [], [CAP_DAC_OVERRIDE]),
    mask: MAY_READ | MAY_WRITE,
    allowed: true,
  },
  {
    fact: 'nobody executes a file without execute bits',
    node: file(0o666),
    who: subject(0, [], [CAP_DAC_OVERRIDE]),
    mask: MAY_EXEC,
    allowed: false,
  },
  {
    fact: 'CAP_DAC_OVERRIDE executes what anyone may',
    node: file(0o001),
    who: subject(0, [], [CAP_DAC_OVERRIDE]),
    mask: MAY_EXEC,
    allowed: true,
  },
  {
    fact: 'CAP_DAC_OVERRIDE searches any directory',
    node: directory(0),
    who: subject(0, [], [CAP_DAC_OVERRIDE]),
    mask: 7,
    allowed: true,
  },
  {
    fact: 'CAP_DAC_READ_SEARCH lists and searches any directory',
    node: directory(0),
    who: subject(9, [], [CAP_DAC_READ_SEARCH]),
    mask: MAY_READ | MAY_EXEC,
    allowed: true,
  },
  {
    fact: 'CAP_DAC_READ_SEARCH does not write directories',
    node: directory(0),
    who: subject(9, [], [CAP_DAC_READ_SEARCH]),
    mask: MAY_WRITE,
    allowed: false,
  },
  {
    fact: 'CAP_DAC_READ_SEARCH reads files',
    node: file(0),
    who: subject(9, [], [CAP_DAC_READ_SEARCH]),
    mask: MAY_READ,
    allowed: true,
  },
  {
    fact: 'CAP_DAC_READ_SEARCH does not read and write files',
    node: file(0),
    who: subject(9, [], [CAP_DAC_READ_SEARCH]),
    mask: MAY_READ | MAY_WRITE,
    allowed: false,
  },
]) {
  test(fact, () => assert.equal(permits(node, who, mask), allowed));
}

const acl = encodeAcl([
  { tag: ACL_USER_OBJ, perm: 7, id: 0 },
  { tag: ACL_USER, perm: 6, id: 3 },
  { tag: ACL_USER, perm: 0, id: 4 },
  { tag: ACL_GROUP_OBJ, perm: 4, id: 0 },
  { tag: ACL_GROUP, perm: 6, id: 11 },
  { tag: ACL_MASK, perm: 4, id: 0 },
  { tag: ACL_OTHER, perm: 2, id: 0 },
]);

for (const { fact, who, mask, allowed, mode } of [
  { fact: 'a named user has its entry within the mask', who: stranger, mask: MAY_READ, allowed: true },
  { fact: 'the mask limits a named user', who: stranger, mask: MAY_WRITE, allowed: false },
  { fact: 'a named user gets no other entry', who: subject(4, [10]), mask: MAY_READ, allowed: false },
  { fact: 'the mask limits a named group', who: subject(5, [11]), mask: MAY_WRITE, allowed: false },
  { fact: 'any group that allows all is enough', who: subject(5, [10, 11]), mask: MAY_READ, allowed: true },
  { fact: 'a member of no sufficient group is not other', who: subject(5, [10]), mask: MAY_WRITE, allowed: false },
  { fact: 'everyone else is other, which no mask limits', who: subject(5), mask: MAY_WRITE, allowed: true },
  { fact: 'the owner is not limited by an ACL', who: owner, mask: 7, allowed: true },
  { fact: 'without group bits the ACL is not read', who: stranger, mask: MAY_READ, allowed: true, mode: 0o704 },
]) {
  test(`with an ACL: ${fact}`, () => assert.equal(permits(file(mode ?? 0o742), who, mask, acl), allowed));
}

test('groups and capabilities are not asked when the mode decides', () => {
  const unasked: Subject = { uid: 3, inGroup: () => assert.fail('inGroup'), capable: () => assert.fail('capable') };
  assert.equal(permits(file(0o644), unasked, MAY_READ), true);
  assert.equal(permits(file(0o600), { ...unasked, uid: 1 }, MAY_READ | MAY_WRITE), true);
});

for (const { fact, mode, who, forbidden } of [
  { fact: 'a sticky directory keeps strangers off', mode: 0o1777, who: stranger, forbidden: true },
  { fact: 'a plain directory does not', mode: 0o777, who: stranger, forbidden: false },
  { fact: 'the owner of the file may', mode: 0o1777, who: subject(2), forbidden: false },
  { fact: 'the owner of the directory may', mode: 0o1777, who: owner, forbidden: false },
  { fact: 'CAP_FOWNER may', mode: 0o1777, who: subject(3, [], [CAP_FOWNER]), forbidden: false },
]) {
  test(`sticky: ${fact}`, () =>
    assert.equal(stickyForbids(directory(mode), { ...file(0o644), uid: 2 }, who), forbidden));
}
