import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import type { DiskEvent } from './disk-event.ts';
import { type DiskImage, RecordedDisk } from './recorded-disk.ts';
import { type DiskModel, diskModels } from './survival.ts';

const seedCount = 200;
const file = (ino: number, name: string, parent = 1): DiskEvent => ({
  kind: 'make',
  parent,
  name,
  ino,
  isDirectory: false,
});
const directory = (ino: number, name: string): DiskEvent => ({ kind: 'make', parent: 1, name, ino, isDirectory: true });
const write = (ino: number, offset: number, text: string): DiskEvent => ({
  kind: 'write',
  ino,
  mtime: [offset, 1],
  offset,
  bytes: Buffer.from(text),
});
const truncate = (ino: number, size: number): DiskEvent => ({
  kind: 'truncate',
  ino,
  mtime: [size, 2],
  size,
});
let syncs = 0;
function synced(ino?: number, range?: { offset: number; length: number }): DiskEvent[] {
  syncs += 1;
  return [
    {
      kind: 'syncBegin',
      sync: syncs,
      ...(ino === undefined ? {} : { ino }),
      ...(range === undefined ? {} : { range }),
    },
    { kind: 'syncEnd', sync: syncs },
  ];
}

/** What `look` sees of the disks that many power cuts after `events` leave, each outcome once, sorted. */
function outcomes(model: DiskModel, events: DiskEvent[], look: (image: DiskImage) => string): string[] {
  const disk = new RecordedDisk(model);
  disk.playUntil(events, events.length);
  const seeds = Array.from({ length: seedCount }, (_, seed) => seed);
  return [...new Set(seeds.map((seed) => look(disk.afterCut(seed))))].sort();
}

/** Content of files by name; a run of one byte is told by its length. */
function show(...names: string[]): (image: DiskImage) => string {
  return (image) =>
    names
      .map((name) => {
        const entry = image.get(name);
        if (entry === undefined || entry === 'directory') return '-';
        return shortened(entry.content.toString('latin1'));
      })
      .join(' ');
}

function shortened(text: string): string {
  return text.replace(/(.)\1{3,}/gs, (run, char: string) => `${char === '\0' ? '0' : char}*${run.length}`);
}

const kb = 1024;

for (const model of diskModels) {
  test(`what was synced is there (${model})`, () => {
    const events = [file(3, 'a'), write(3, 0, 'kept'), ...synced(3), ...synced(1)];
    assert.deepEqual(outcomes(model, events, show('a')), ['kept']);
  });

  test(`a sync does not cover what came after it began (${model})`, () => {
    const [begin, end] = synced(3) as [DiskEvent, DiskEvent];
    const events = [file(3, 'a'), ...synced(1), write(3, 0, 'old!'), begin, write(3, 0, 'new!'), end];
    assert.deepEqual(outcomes(model, events, show('a')), ['new!', 'old!']);
  });

  test(`a sync that has not ended promises nothing (${model})`, () => {
    const events = [file(3, 'a'), ...synced(1), write(3, 0, 'text'), synced(3)[0]!];
    assert(outcomes(model, events, show('a')).includes(''));
  });

  test(`a write is torn between sectors, never within (${model})`, () => {
    const events = [file(3, 'a'), write(3, 0, 'o'.repeat(kb)), ...synced(3), ...synced(1), write(3, 0, 'n'.repeat(kb))];
    const torn = ['n*1024', 'n*512o*512', 'o*1024', 'o*512n*512'];
    assert.deepEqual(outcomes(model, events, show('a')), torn);
  });

  test(`a sector with the second change has the first (${model})`, () => {
    const base = [file(3, 'a'), write(3, 0, '....'), ...synced(3), ...synced(1)];
    const events = [...base, write(3, 0, '1'), write(3, 2, '2')];
    assert.deepEqual(outcomes(model, events, show('a')), ['.*4', '1...', '1.2.']);
  });

  test(`bytes written after a lost truncation do not appear in the old content (${model})`, () => {
    const base = [file(3, 'a'), write(3, 0, 'o'.repeat(kb)), ...synced(3), ...synced(1)];
    const seen = outcomes(model, [...base, truncate(3, 0), write(3, 0, 'n'.repeat(kb))], show('a'));
    assert(seen.includes('o*1024') && seen.includes('') && seen.includes('n*1024'));
    assert(seen.every((text) => !(text.includes('o') && text.includes('n'))));
  });

  test(`rename is one change (${model})`, () => {
    const base = [directory(5, 'd'), file(3, 'a'), write(3, 0, 'text'), ...synced(3), ...synced(1)];
    const rename: DiskEvent = { kind: 'rename', parent: 1, name: 'a', newParent: 5, newName: 'b', ino: 3 };
    assert.deepEqual(outcomes(model, [...base, rename], show('a', 'd/b')), ['- text', 'text -']);
  });

  test(`a range sync covers the range (${model})`, () => {
    const base = [file(3, 'a'), write(3, 0, 'o'.repeat(3 * 512)), ...synced(3), ...synced(1)];
    const events = [...base, write(3, 0, 'n'.repeat(3 * 512)), ...synced(3, { offset: 512, length: 512 })];
    const seen = outcomes(model, events, show('a'));
    assert(seen.includes('o*512n*512o*512') && seen.includes('n*1536'));
    assert(!seen.includes('o*1536'));
  });

  test(`syncfs covers everything (${model})`, () => {
    const events = [directory(5, 'd'), file(3, 'a', 5), write(3, 0, 'text'), ...synced()];
    assert.deepEqual(outcomes(model, events, show('d/a')), ['text']);
  });
}

test('in a journal, a directory changes in order', () => {
  const events = [file(3, 'a'), file(4, 'b')];
  assert.deepEqual(outcomes('journal', events, show('a', 'b')), [' ', ' -', '- -']);
  assert.deepEqual(outcomes('independent', events, show('a', 'b')), [' ', ' -', '- ', '- -']);
});

test('the sync of a file makes its name durable in a journal only', () => {
  const events = [file(3, 'a'), write(3, 0, 'text'), ...synced(3)];
  assert.deepEqual(outcomes('journal', events, show('a')), ['text']);
  assert.deepEqual(outcomes('independent', events, show('a')), ['-', 'text']);
});

test('in a journal, a sync makes names durable when it has to write there', () => {
  const base = [file(3, 'a'), write(3, 0, 'text'), ...synced(3), file(4, 'b')];
  const dataSync = (): DiskEvent[] => {
    const [begin, end] = synced(3) as [DiskEvent & { kind: 'syncBegin' }, DiskEvent];
    return [{ ...begin, dataOnly: true }, end];
  };
  assert.deepEqual(outcomes('journal', [...base, write(3, 0, 'more'), ...dataSync()], show('b')), ['', '-']);
  assert.deepEqual(outcomes('journal', [...base, write(3, 0, 'longer'), ...dataSync()], show('b')), ['']);
  assert.deepEqual(outcomes('journal', [...base, write(3, 0, 'more'), ...synced(3)], show('b')), ['']);
});

test('in a journal, a file has not grown before its bytes are there', () => {
  const events = [file(3, 'a'), ...synced(1), write(3, 0, 'n'.repeat(kb))];
  assert.deepEqual(outcomes('journal', events, show('a')), ['', 'n*1024', 'n*512']);
  assert.deepEqual(outcomes('independent', events, show('a')), ['', '0*1024', '0*512n*512', 'n*1024', 'n*5120*512']);
});

test('a sync of the data alone says nothing about the time', () => {
  const mtimeOf = (image: DiskImage): string => {
    const entry = image.get('a');
    return entry === undefined || entry === 'directory' ? '-' : entry.mtime.join('.');
  };
  const touch: DiskEvent = { kind: 'touch', ino: 3, mtime: [7, 8] };
  const base = [file(3, 'a'), write(3, 0, 'text'), ...synced(3), ...synced(1), touch];
  const [begin, end] = synced(3) as [DiskEvent & { kind: 'syncBegin' }, DiskEvent];
  assert.deepEqual(outcomes('journal', [...base, begin, end], mtimeOf), ['7.8']);
  assert.deepEqual(outcomes('journal', [...base, { ...begin, dataOnly: true }, end], mtimeOf), ['0.1', '7.8']);
});
