import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { Actor, MAP, MS, O, PROT } from '../actor/index.ts';
import type { DiskEvent } from '../recorder/disk-event.ts';
import { loadRecording } from '../recorder/recording.ts';
import { mounting } from './mounted.ts';
import { RecordedSite } from './recorded-site.ts';

/** What the recorder's kernel lets it see of what `work` does to an empty disk, in short. */
async function recorded(work: (actor: Actor, site: RecordedSite) => Promise<void>): Promise<string[]> {
  await using site = new RecordedSite();
  await site.startRecording({ syncMs: 0 });
  {
    await using actor = await Actor.start({ cwd: site.disk });
    await work(actor, site);
  }
  await site.endRecording();
  return loadRecording(site.recording).map(short);
}

function short(event: DiskEvent): string {
  switch (event.kind) {
    case 'make':
    case 'link':
      return `${event.kind} ${event.name} ${event.ino}`;
    case 'unlink':
      return `unlink ${event.name}`;
    case 'rename':
      return `rename ${event.name} ${event.newName}`;
    case 'write':
      return `write ${event.ino} ${event.offset}+${event.bytes.length}`;
    case 'truncate':
      return `truncate ${event.ino} ${event.size}`;
    case 'clear':
      return `clear ${event.ino} ${event.offset}+${event.length}`;
    case 'touch':
      return `touch ${event.ino}`;
    case 'mark':
      return event.text;
    case 'syncEnd':
      return `synced ${event.sync}`;
    case 'syncBegin': {
      const { sync, ino, dataOnly, range } = event;
      const what = [ino ?? 'everything', dataOnly && 'data', range && `${range.offset}+${range.length}`];
      return ['sync', sync, ...what.filter((word) => word !== undefined)].join(' ');
    }
  }
}

test('the recorder sees writes, changes of names and syncs in their order', mounting, async () => {
  const seen = await recorded(async (actor) => {
    const fd = await actor.open('a', O.CREAT | O.RDWR);
    await actor.pwrite(fd, 'hello', 0);
    await actor.fsync(fd);
    await actor.pwrite(fd, 'world', 4096);
    await actor.fdatasync(fd);
    await actor.ftruncate(fd, 3);
    await actor.mkdir('d');
    await actor.rename('a', 'd/b');
    await actor.link('d/b', 'c');
    await actor.fsync(await actor.open('d', O.DIRECTORY));
    await actor.unlink('c');
  });
  assert.deepEqual(seen, [
    ...['make a 3', 'write 3 0+5', 'sync 1 3', 'synced 1'],
    ...['write 3 4096+5', 'sync 2 3 data', 'synced 2', 'truncate 3 3'],
    ...['make d 4', 'rename a b', 'link c 3', 'sync 3 4', 'synced 3', 'unlink c'],
  ]);
});

test('the recorder takes a synchronous write for the sync of itself alone', mounting, async () => {
  const seen = await recorded(async (actor) => {
    await actor.pwrite(await actor.open('a', O.CREAT | O.RDWR | O.DSYNC), 'x'.repeat(5000), 100);
    await actor.pwrite(await actor.open('a', O.RDWR | O.SYNC), 'y', 0);
  });
  assert.deepEqual(seen, [
    ...['make a 3', 'write 3 100+3996', 'write 3 4096+1004', 'sync 1 3 data 100+5000', 'synced 1'],
    ...['write 3 0+1', 'sync 2 3 0+1', 'synced 2'],
  ]);
});

test('the recorder sees what is written through a mapping when it is synced', mounting, async () => {
  const seen = await recorded(async (actor) => {
    const fd = await actor.open('a', O.CREAT | O.RDWR);
    await actor.ftruncate(fd, 8192);
    const mapping = await actor.mmap(fd, 8192, PROT.READ | PROT.WRITE, MAP.SHARED);
    await actor.store(mapping, 5000, 'text');
    await actor.msync(mapping, MS.SYNC);
  });
  assert.deepEqual(seen, ['make a 3', 'truncate 3 8192', 'write 3 4096+4096', 'sync 1 3 data', 'synced 1']);
});

test('marks stand in the recording where they were made, and in no directory', mounting, async () => {
  const names: string[] = [];
  const seen = await recorded(async (actor, site) => {
    const marks = await actor.open(site.marks, O.WRONLY);
    await actor.pwrite(marks, 'before', 0);
    await actor.create('a');
    await actor.pwrite(marks, 'after', 0);
    names.push(...(await actor.names()));
  });
  assert.deepEqual([seen, names], [['before', 'make a 3', 'after'], ['a']]);
});
