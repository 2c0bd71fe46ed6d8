import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { type Ino, rootIno } from '#base';
import { RENAME_EXCHANGE, RENAME_NOREPLACE, RENAME_WHITEOUT, S_IFCHR, S_IFMT } from '#protocol';
import { check } from './check.ts';
import { root, user, VolumeFixture } from './fixture.contract.ts';

/** /a, /b directories, /a/f, /b/g files, /a/d and /b/e directories, /a/d/inner a file. */
async function tree() {
  const fixture = await VolumeFixture.make();
  const a = fixture.mkdir('a').ino;
  const b = fixture.mkdir('b').ino;
  const f = fixture.make('f', { parent: a }).ino;
  const g = fixture.make('g', { parent: b }).ino;
  const d = fixture.mkdir('d', { parent: a }).ino;
  const e = fixture.mkdir('e', { parent: b }).ino;
  const inner = fixture.make('inner', { parent: d }).ino;
  return { fixture, a, b, f, g, d, e, inner };
}

async function assertSound({ volume }: VolumeFixture): Promise<void> {
  assert.deepEqual((await check(volume.store, volume.hashSeed)).found, []);
}

test('a file moves to another directory and takes the place of another', async () => {
  const { fixture, a, b, f, g } = await tree();
  fixture.rename([a, 'f'], [b, 'g']);
  assert.equal(fixture.lookup('f', a), undefined);
  assert.equal(fixture.lookup('g', b)!.ino, f);
  assert.throws(() => fixture.stat(g), { status: 'stale' });
  await assertSound(fixture);
});

test('a directory that moves takes its .. along', async () => {
  const { fixture, a, b, d } = await tree();
  fixture.rename([a, 'd'], [b, 'moved']);
  assert.equal(fixture.lookup('..', d)!.ino, b);
  assert.deepEqual([fixture.stat(a).nlink, fixture.stat(b).nlink], [2, 4]);
  await assertSound(fixture);
});

test('a directory takes the place of an empty one only', async () => {
  const { fixture, a, b, d } = await tree();
  assert.throws(() => fixture.rename([b, 'e'], [a, 'd']), { status: 'notEmpty' });
  fixture.rename([a, 'd'], [b, 'e']);
  assert.equal(fixture.lookup('e', b)!.ino, d);
  await assertSound(fixture);
});

test('renaming onto another name of the same file changes nothing', async () => {
  const { fixture, a, b, f } = await tree();
  fixture.call('link', { caller: root, ino: f, parent: b, name: 'second' });
  const before = fixture.stat(f);
  fixture.rename([a, 'f'], [b, 'second']);
  assert.deepEqual(fixture.stat(f), before);
  assert.equal(fixture.lookup('f', a)!.ino, f);
});

test('a file with several names is found under each after a rename', async () => {
  const { fixture, a, b, f } = await tree();
  fixture.call('link', { caller: root, ino: f, parent: b, name: 'second' });
  fixture.rename([a, 'f'], [a, 'third']);
  fixture.rename([b, 'second'], [a, 'fourth']);
  await assertSound(fixture);
  fixture.call('unlink', { caller: root, parent: a, name: 'third' });
  await assertSound(fixture);
  fixture.rename([b, 'g'], [a, 'fourth']);
  assert.throws(() => fixture.stat(f), { status: 'stale' });
  await assertSound(fixture);
});

for (const { fact, from, to } of [
  { fact: 'two files', from: 'f', to: 'g' },
  { fact: 'two directories', from: 'd', to: 'e' },
  { fact: 'a file and a directory', from: 'f', to: 'e' },
  { fact: 'a directory that is not empty and a file', from: 'd', to: 'g' },
]) {
  test(`RENAME_EXCHANGE swaps ${fact}`, async () => {
    const { fixture, a, b } = await tree();
    const first = fixture.lookup(from, a)!.ino;
    const second = fixture.lookup(to, b)!.ino;
    fixture.rename([a, from], [b, to], { flags: RENAME_EXCHANGE });
    assert.equal(fixture.lookup(from, a)!.ino, second);
    assert.equal(fixture.lookup(to, b)!.ino, first);
    await assertSound(fixture);
  });
}

test('RENAME_WHITEOUT leaves the character device 0:0', async () => {
  const { fixture, a, b } = await tree();
  fixture.rename([a, 'f'], [b, 'g'], { flags: RENAME_WHITEOUT });
  const whiteout = fixture.lookup('f', a)!;
  assert.deepEqual([whiteout.mode & S_IFMT, whiteout.rdev, whiteout.nlink], [S_IFCHR, 0, 1]);
  await assertSound(fixture);
});

type Names = { fixture: VolumeFixture; a: Ino; b: Ino; d: Ino };
const refusals: { fact: string; run: (names: Names) => void; status: string }[] = [
  { fact: 'a missing name', run: ({ fixture, a, b }) => fixture.rename([a, 'x'], [b, 'y']), status: 'notFound' },
  {
    fact: 'an existing name with RENAME_NOREPLACE',
    run: ({ fixture, a, b }) => fixture.rename([a, 'f'], [b, 'g'], { flags: RENAME_NOREPLACE }),
    status: 'exists',
  },
  {
    fact: 'a missing name with RENAME_EXCHANGE',
    run: ({ fixture, a, b }) => fixture.rename([a, 'f'], [b, 'y'], { flags: RENAME_EXCHANGE }),
    status: 'notFound',
  },
  {
    fact: 'RENAME_EXCHANGE with RENAME_WHITEOUT',
    run: ({ fixture, a, b }) => fixture.rename([a, 'f'], [b, 'g'], { flags: RENAME_EXCHANGE | RENAME_WHITEOUT }),
    status: 'invalid',
  },
  {
    fact: 'unknown flags',
    run: ({ fixture, a, b }) => fixture.rename([a, 'f'], [b, 'g'], { flags: 8 }),
    status: 'invalid',
  },
  {
    fact: 'a directory into itself',
    run: ({ fixture, a }) => fixture.rename([rootIno, 'a'], [a, 'x']),
    status: 'invalid',
  },
  {
    fact: 'a directory below itself',
    run: ({ fixture, d }) => fixture.rename([rootIno, 'a'], [d, 'x']),
    status: 'invalid',
  },
  {
    fact: 'a file onto a directory above',
    run: ({ fixture, a }) => fixture.rename([a, 'f'], [rootIno, 'a']),
    status: 'notEmpty',
  },
  {
    fact: 'an exchange with a directory above',
    run: ({ fixture, a }) => fixture.rename([a, 'f'], [rootIno, 'a'], { flags: RENAME_EXCHANGE }),
    status: 'invalid',
  },
  {
    fact: 'a file onto a directory',
    run: ({ fixture, a, b }) => fixture.rename([a, 'f'], [b, 'e']),
    status: 'isDirectory',
  },
  {
    fact: 'a directory onto a file',
    run: ({ fixture, a, b }) => fixture.rename([a, 'd'], [b, 'g']),
    status: 'notDirectory',
  },
  {
    fact: 'what the directory does not allow',
    run: ({ fixture, a }) => fixture.rename([a, 'f'], [a, 'x'], { caller: user(5) }),
    status: 'accessDenied',
  },
  {
    fact: "another user's file in a sticky directory",
    run: ({ fixture, a }) => {
      fixture.set(a, { mode: 0o1777 });
      fixture.rename([a, 'f'], [a, 'x'], { caller: user(5) });
    },
    status: 'notPermitted',
  },
  {
    fact: 'moving a directory whose .. may not be written',
    run: ({ fixture, a, b }) => {
      for (const ino of [a, b]) fixture.set(ino, { mode: 0o777 });
      fixture.rename([a, 'd'], [b, 'x'], { caller: user(5) });
    },
    status: 'accessDenied',
  },
];
for (const { fact, run, status } of refusals) {
  test(`rename refuses ${fact}`, async () => {
    const names = await tree();
    assert.throws(() => run(names), { status });
    await assertSound(names.fixture);
  });
}

test('a directory whose .. may not be written can change its name', async () => {
  const { fixture, a } = await tree();
  fixture.set(a, { mode: 0o777 });
  fixture.rename([a, 'd'], [a, 'x'], { caller: user(5) });
  assert.ok(fixture.lookup('x', a));
});
