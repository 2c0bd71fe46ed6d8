import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drive, type Ino, ManualClock } from '#base';
import { FuseKernelCaches } from './kernel-caches.ts';

const file = 7 as Ino;
const directory = 8 as Ino;

/** Notifications that return when they are let, and are written down. */
function begin({ known = true }: { known?: boolean } = {}) {
  const clock = new ManualClock();
  const sent: string[] = [];
  const answers = new Map<string, Promise<boolean> | boolean>();
  const send = (what: string) => async (): Promise<boolean> => {
    sent.push(what);
    return answers.get(what) ?? true;
  };
  const caches = new FuseKernelCaches({
    clock,
    incrementEpoch: true,
    isKnown: () => known,
    notices: {
      invalidateInode: (ino, offset) => send(`inode ${ino} ${offset}`)(),
      invalidateDirectory: (ino) => send(`directory ${ino}`)(),
      invalidateEntry: (parent, name) => send(`entry ${parent} ${name}`)(),
      incrementEpoch: send('epoch'),
    },
  });
  return { clock, sent, answers, caches };
}

test('one name goes by its entry; where that waits for its directory, by the epoch', async () => {
  const { clock, sent, answers, caches } = begin();
  await caches.dropNames(directory, { only: 'a' });
  assert.deepEqual(sent.splice(0), [`directory ${directory}`, `entry ${directory} a`]);
  answers.set(`entry ${directory} a`, new Promise(() => undefined));
  await drive(clock, caches.dropNames(directory, { only: 'a' }));
  assert.deepEqual(sent, [`directory ${directory}`, `entry ${directory} a`, 'epoch']);
  assert.equal(clock.nowMs(), 1);
});

test('all names go by the epoch, once listings under way have ended, and again when they end later', async () => {
  const { clock, sent, answers, caches } = begin();
  await caches.dropNames(directory, 'all');
  assert.deepEqual(sent.splice(0), [`directory ${directory}`, `entry ${directory} .`, 'epoch']);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  answers.set(`entry ${directory} .`, promise);
  await drive(clock, caches.dropNames(directory, 'all'));
  assert.deepEqual(sent.splice(0), [`directory ${directory}`, `entry ${directory} .`, 'epoch']);
  resolve(true);
  await new Promise(setImmediate);
  assert.deepEqual(sent, ['epoch']);
});

test('pages that a call under way holds are not waited for, their attributes go at once', async () => {
  const { clock, sent, answers, caches } = begin();
  answers.set(`inode ${file} 0`, new Promise(() => undefined));
  await drive(clock, caches.dropContent(file));
  assert.deepEqual(sent, [`inode ${file} 0`, `inode ${file} -1`]);
  assert.equal(clock.nowMs(), 2);
});

test('an inode whose first reply is on its way is tried again, one that was given back is not', async () => {
  const { clock, sent, answers, caches } = begin();
  answers.set(`inode ${file} -1`, false);
  clock.after(2, () => answers.delete(`inode ${file} -1`));
  await drive(clock, caches.dropAttributes(file));
  assert.equal(sent.length, 3);
  const unknown = begin({ known: false });
  await unknown.caches.dropAttributes(file);
  await unknown.caches.dropNames(directory, 'all');
  assert.deepEqual(unknown.sent, []);
});

test('where all is dropped, names and attributes are gone when it returns', async () => {
  const { sent, answers, caches } = begin();
  answers.set(`inode ${file} 0`, new Promise(() => undefined));
  await caches.dropAll([file, directory]);
  assert.deepEqual(sent, ['epoch', ...[file, directory].flatMap((ino) => [`inode ${ino} -1`, `inode ${ino} 0`])]);
});
