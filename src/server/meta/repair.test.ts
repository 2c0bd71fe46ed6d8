import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { type Ino, rootIno } from '#base';
import { S_IFDIR, S_IFLNK } from '#protocol';
import type { Transaction } from '../kv/transaction.ts';
import { check } from './check.ts';
import { addDentry, dentrySlot, removeDentry } from './dentry.ts';
import { root, TickingClock, VolumeFixture } from './fixture.contract.ts';
import { putInode, requireInode } from './inode.ts';
import { key } from './keys.ts';
import { type Inode, trait } from './records.ts';
import { repair } from './repair.ts';

const noValue = new Uint8Array(0);

/** /d a directory, /d/sub one, /f a file with a second name /d/g, /l a symlink, /d/h a file. */
async function tree() {
  const fixture = await VolumeFixture.make();
  const d = fixture.mkdir('d').ino;
  const sub = fixture.mkdir('sub', { parent: d }).ino;
  const f = fixture.make('f').ino;
  fixture.call('link', { caller: root, ino: f, parent: d, name: 'g' });
  const l = fixture.make('l', { mode: S_IFLNK, target: 'x' }).ino;
  const h = fixture.make('h', { parent: d }).ino;
  return { fixture, d, sub, f, l, h };
}
type Tree = Awaited<ReturnType<typeof tree>>;

function change(tx: Transaction, ino: Ino, changes: Partial<Inode>): void {
  putInode(tx, Object.assign(requireInode(tx, ino), changes));
}

function dropName({ fixture }: Tree, tx: Transaction, parent: Ino, name: string): void {
  removeDentry(tx, dentrySlot(tx, fixture.volume, parent, name));
}

const damages: { fact: string; kinds: string[]; damage: (tree: Tree, tx: Transaction) => void }[] = [
  { fact: 'a wrong link count', kinds: ['wrongRecord'], damage: ({ f }, tx) => change(tx, f, { nlink: 7 }) },
  { fact: 'a wrong count of entries', kinds: ['wrongRecord'], damage: ({ d }, tx) => change(tx, d, { size: 9 }) },
  { fact: 'a wrong holder', kinds: ['wrongRecord'], damage: ({ sub }, tx) => change(tx, sub, { parent: rootIno }) },
  { fact: 'a wrong cookie', kinds: ['wrongRecord'], damage: ({ h }, tx) => change(tx, h, { cookie: 8 }) },
  {
    fact: 'content that the record does not tell of',
    kinds: ['wrongRecord'],
    damage: ({ h }, tx) => tx.put(key.content(h), new Uint8Array(600)),
  },
  {
    fact: 'an unreadable session',
    kinds: ['unreadable'],
    damage: (_tree, tx) => tx.put(key.session(7), noValue),
  },
  { fact: 'untrue traits', kinds: ['wrongRecord'], damage: ({ h }, tx) => change(tx, h, { traits: trait.xattrs }) },
  {
    fact: 'a name without inode',
    kinds: ['falseName', 'wrongRecord'],
    damage: ({ h }, tx) => tx.delete(key.inode(h)),
  },
  {
    fact: 'a file without name',
    kinds: ['nameless', 'wrongRecord'],
    damage: (all, tx) => dropName(all, tx, all.d, 'h'),
  },
  {
    fact: 'a directory without name',
    kinds: ['nameless', 'wrongRecord'],
    damage: (all, tx) => dropName(all, tx, rootIno, 'd'),
  },
  {
    fact: 'a second name of a directory',
    kinds: ['falseName'],
    damage: ({ fixture, sub }, tx) => {
      const slot = dentrySlot(tx, fixture.volume, rootIno, 'again');
      addDentry(tx, slot, sub, S_IFDIR);
    },
  },
  {
    fact: 'directories in a circle',
    kinds: ['falseName', 'wrongRecord'],
    damage: (all, tx) => {
      dropName(all, tx, rootIno, 'd');
      addDentry(tx, dentrySlot(tx, all.fixture.volume, all.sub, 'loop'), all.d, S_IFDIR);
    },
  },
  {
    fact: 'a name with another type',
    kinds: ['wrongType'],
    damage: ({ fixture, d, h }, tx) => {
      const slot = dentrySlot(tx, fixture.volume, d, 'h');
      removeDentry(tx, slot);
      addDentry(tx, slot, h, S_IFDIR);
    },
  },
  { fact: 'a lost note of a name', kinds: ['missingMark'], damage: forgetLinks },
  { fact: 'an orphan mark of a named file', kinds: ['stray'], damage: ({ h }, tx) => tx.put(key.orphan(h), noValue) },
  {
    fact: 'an inode without names and mark',
    kinds: ['missingMark', 'wrongRecord'],
    damage: (all, tx) => {
      dropName(all, tx, all.d, 'h');
      change(tx, all.h, { nlink: 0 });
    },
  },
  {
    fact: 'an attribute of nobody',
    kinds: ['stray'],
    damage: (_, tx) => tx.put(key.xattr(99 as Ino, 'user.a'), noValue),
  },
  { fact: 'content of a directory', kinds: ['stray'], damage: ({ d }, tx) => tx.put(key.content(d), noValue) },
  { fact: 'names in a file', kinds: ['stray'], damage: ({ f }, tx) => tx.put(key.dentry(f, 5), noValue) },
  {
    fact: 'names that are unreadable',
    kinds: ['unreadable'],
    damage: ({ d }, tx) => tx.put(key.dentry(d, 5), noValue),
  },
  {
    fact: 'a blob of a living file that is to be removed',
    kinds: ['stray'],
    damage: ({ h }, tx) => {
      change(tx, h, { traits: trait.blob });
      tx.put(key.freed(h), noValue);
    },
  },
  {
    fact: 'a limit below numbers in use',
    kinds: ['wrongInoLimit'],
    damage: (_, tx) => tx.put(key.volume('inoLimit'), new Uint8Array([0, 0, 0, 0, 0, 0, 0, 3])),
  },
  {
    fact: 'a lost root',
    kinds: ['lostRoot', 'wrongRecord'],
    damage: (_, tx) => tx.delete(key.inode(rootIno)),
  },
];

function forgetLinks({ f }: Tree, tx: Transaction): void {
  for (const pair of tx.list(key.links(f), key.links(f), 1)) tx.delete(pair.key);
}

for (const { fact, kinds, damage } of damages) {
  test(`${fact} is found and mended`, async () => {
    const all = await tree();
    const { store, hashSeed } = all.fixture.volume;
    await store.transact((tx) => damage(all, tx));
    const { found } = await check(store, hashSeed);
    assert.deepEqual(
      [...new Set(found.map(({ kind }) => kind))].filter((kind) => !kinds.includes(kind)),
      [],
      JSON.stringify(found),
    );
    assert.ok(found.length > 0);
    const { mended, left } = await repair(store, { hashSeed, clock: new TickingClock() });
    assert.deepEqual(left, []);
    assert.ok(mended.length >= found.length);
    assert.deepEqual((await check(store, hashSeed)).found, []);
  });
}

test('what lost its name is found again in /lost+found', async () => {
  const all = await tree();
  const { fixture, d, h } = all;
  const { store, hashSeed } = fixture.volume;
  await store.transact((tx) => dropName(all, tx, rootIno, 'd'));
  await repair(store, { hashSeed, clock: new TickingClock() });
  const lost = fixture.lookup('lost+found')!.ino;
  assert.deepEqual(fixture.names(lost), [`#${d}`]);
  assert.equal(fixture.lookup('h', d)!.ino, h);
  assert.equal(fixture.lookup('..', d)!.ino, lost);
});

test('a record that does not decode is told and left alone', async () => {
  const { fixture, h } = await tree();
  const { store, hashSeed } = fixture.volume;
  await store.transact((tx) => tx.put(key.inode(h), new Uint8Array(5)));
  const { left } = await repair(store, { hashSeed, clock: new TickingClock() });
  assert.deepEqual(
    left.map(({ kind, ino }) => [kind, ino]),
    [['unreadable', h]],
  );
});
