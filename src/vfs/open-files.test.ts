import assert from 'node:assert/strict';
import { test } from 'node:test';
import { below, FsError, type Ino, type Maybe, SeededRandom } from '#base';
import type { Client } from '#client';
import { type Attributes, O_DSYNC, O_RDONLY, O_RDWR, O_SYNC, O_TRUNC, O_WRONLY, S_IFREG } from '#protocol';
import { InodeTable } from './inode-table.ts';
import { KernelModes } from './kernel-modes.testing.ts';
import { type OpenedFile, OpenFiles } from './open-files.ts';

const ino = 7 as Ino;

/** A server's side of open files: counts what is open and lent, and lends when and as the test says. */
class Lender {
  opens = 0;
  lent = 0;
  lentForWriting = 0;
  /** How many of the next lends fail. */
  failures = 0;
  syncs = 0;
  /** What the next sync fails with. */
  syncFailure: FsError | undefined;
  /** While set, lends wait until `lendAll`. */
  waits = false;
  readonly #waiting: (() => void)[] = [];

  readonly client: Client = {
    call: ((name: string, request: { count: number }) => {
      if (name === 'fsync') return this.#sync();
      assert.equal(name, 'release');
      this.opens -= request.count;
    }) as Client['call'],
    files: {
      lend: (_ino, writing) => this.#answer(() => this.#lend(writing)),
      giveBack: (_ino, writing) => {
        this.lent -= 1;
        if (writing) this.lentForWriting -= 1;
      },
      reuse: () => undefined,
    },
  };

  lendAll(): void {
    for (const answer of this.#waiting.splice(0)) answer();
  }

  async #sync(): Promise<void> {
    if (this.syncFailure !== undefined) throw this.syncFailure;
    assert(this.lentForWriting > 0, 'the mark of the lent file is made durable too');
    this.syncs += 1;
  }

  #lend(writing: boolean): number {
    if (this.failures > 0) {
      this.failures -= 1;
      throw new FsError('tooManyOpen', 'no file left to lend');
    }
    this.lent += 1;
    if (writing) this.lentForWriting += 1;
    return 100;
  }

  #answer<T>(compute: () => T): Maybe<T> {
    if (!this.waits) return compute();
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => {
        try {
          resolve(compute());
        } catch (error) {
          reject(error);
        }
      });
    });
  }
}

function makeMount() {
  const lender = new Lender();
  const kernel = new KernelModes();
  const inodes = new InodeTable();
  const files = new OpenFiles(lender.client, inodes, { backing: kernel, shared: undefined });
  const open = (flags: number, facts: { storage?: 'inline' | 'blob'; created?: boolean; mode?: number } = {}) => {
    const { storage = 'blob', created = false, mode = 0o644 } = facts;
    const attributes = {
      ino,
      mode: S_IFREG | mode,
      flags: 0,
      dataVersion: 1,
      hasFileCapabilities: false,
    } as Attributes;
    lender.opens += 1;
    return files.open({ attributes, storage, created }, flags);
  };
  /** The kernel gets the reply when it is there. */
  const openNow = async (...args: Parameters<typeof open>): Promise<OpenedFile> => {
    const file = await open(...args);
    kernel.opened(ino, file);
    return file;
  };
  const close = (file: OpenedFile): Maybe<void> => {
    kernel.closed(ino, file);
    return files.release(file.handle);
  };
  const assertNothingLeft = (): void => {
    assert.deepEqual(
      {
        handles: files.size,
        opens: lender.opens,
        lent: [lender.lent, lender.lentForWriting],
        registered: kernel.registered,
      },
      { handles: 0, opens: 0, lent: [0, 0], registered: 0 },
    );
    assert.equal(inodes.openInode(ino), undefined);
  };
  return { lender, kernel, inodes, files, open, openNow, close, assertNothingLeft };
}

test('all passthrough handles of an inode share one backing file until the last is released', async () => {
  const { openNow, close, kernel, assertNothingLeft } = makeMount();
  const first = await openNow(O_RDWR);
  const second = await openNow(O_RDONLY);
  assert.deepEqual([second.mode, second.backingId, kernel.registered], ['passthrough', first.backingId, 1]);
  await close(first);
  const third = await openNow(O_WRONLY | O_TRUNC);
  assert.equal(third.backingId, second.backingId);
  await close(second);
  await close(third);
  assertNothingLeft();
});

test('opens that overlap while files are being lent agree on one backing file', async () => {
  const { lender, open, kernel, close, assertNothingLeft } = makeMount();
  lender.waits = true;
  const opening = [O_RDONLY, O_RDWR, O_WRONLY].map((flags) => open(flags));
  lender.lendAll();
  const opened = await Promise.all(opening);
  assert.equal(kernel.registered, 1);
  for (const file of opened) kernel.opened(ino, file);
  for (const file of opened) await close(file);
  assertNothingLeft();
});

test('a file that cannot be registered opens through the page cache', async () => {
  const { kernel, lender, openNow, close, assertNothingLeft } = makeMount();
  kernel.refusals = 1;
  const file = await openNow(O_RDWR);
  assert.deepEqual([file.mode, file.backingId, lender.lent], ['cached', 0, 0]);
  const second = await openNow(O_RDWR);
  assert.equal(second.mode, 'cached');
  await close(file);
  await close(second);
  assertNothingLeft();
  const later = await openNow(O_RDWR);
  assert.equal(later.mode, 'passthrough');
});

test('opens that overlap all go to the page cache when the first cannot have its file', async () => {
  const { lender, open, kernel, close, assertNothingLeft } = makeMount();
  lender.waits = true;
  kernel.refusals = 1;
  const opening = [O_RDONLY, O_RDWR].map((flags) => open(flags));
  lender.lendAll();
  const opened = await Promise.all(opening);
  assert.deepEqual(
    opened.map(({ mode }) => mode),
    ['cached', 'cached'],
  );
  for (const file of opened) kernel.opened(ino, file);
  for (const file of opened) await close(file);
  assertNothingLeft();
});

test('an open that cannot have its file beside passthrough handles fails and leaves nothing open', async () => {
  const { lender, open, openNow, close, assertNothingLeft } = makeMount();
  const first = await openNow(O_RDONLY);
  lender.failures = 1;
  await assert.rejects(async () => open(O_RDWR), { status: 'tooManyOpen' });
  assert.equal(lender.opens, 1);
  await close(first);
  assertNothingLeft();
});

test('before synchronous writes go past the daemon, what they need to be found is durable', async () => {
  const { lender, open } = makeMount();
  await open(O_RDWR);
  await open(O_RDONLY | O_DSYNC);
  assert.equal(lender.syncs, 0);
  await open(O_RDWR | O_DSYNC);
  await open(O_RDWR | O_SYNC, { created: true });
  assert.equal(lender.syncs, 2);
});

test('an open for synchronous writes that cannot be made durable fails and leaves nothing open', async () => {
  const { lender, files, open } = makeMount();
  lender.syncFailure = new FsError('noSpace', 'the disk is full');
  await assert.rejects(async () => open(O_RDWR | O_DSYNC), { status: 'noSpace' });
  assert.deepEqual([lender.opens, lender.lent, lender.lentForWriting, files.size], [0, 0, 0, 0]);
});

test('an inode is written past the daemon as long as a passthrough handle writes', async () => {
  const { files, openNow, close } = makeMount();
  const reader = await openNow(O_RDONLY);
  assert.equal(files.isWrittenPast(ino), false);
  const writer = await openNow(O_WRONLY);
  assert.equal(files.isWrittenPast(ino), true);
  await close(writer);
  assert.equal(files.isWrittenPast(ino), false);
  await close(reader);
});

test('the kernel keeps its pages as long as the content is the same', async () => {
  const { openNow, close } = makeMount();
  const small = { storage: 'inline' } as const;
  const first = await openNow(O_RDONLY, small);
  const second = await openNow(O_RDONLY, small);
  assert.deepEqual([first.keepCache, second.keepCache], [false, true]);
  await close(first);
  await close(second);
  const writer = await openNow(O_RDWR);
  await close(writer);
  const third = await openNow(O_RDONLY, small);
  assert.equal(third.keepCache, false);
});

test('an unknown handle is refused, and its release ignored', () => {
  const { files } = makeMount();
  assert.throws(() => files.require(5 as never), { status: 'badHandle' });
  assert.equal(files.release(5 as never), undefined);
});

/** Any interleaving of opens, replies and closes, with failures between. */
test('no order of opens and closes mixes modes or loses a count', async () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = new SeededRandom(seed);
    const mount = makeMount();
    const { lender, kernel, open, close, assertNothingLeft } = mount;
    const opened: OpenedFile[] = [];
    const opening: Promise<unknown>[] = [];
    const closing: Maybe<void>[] = [];
    for (let step = 0; step < 30; step++) {
      lender.waits = below(random, 2) === 0;
      if (below(random, 8) === 0) lender.failures = 1;
      if (below(random, 8) === 0) kernel.refusals = 1;
      const what = below(random, 4);
      if (what === 0) lender.lendAll();
      else if (what === 1 && opened.length > 0) {
        closing.push(close(opened.splice(below(random, opened.length), 1)[0]!));
      } else {
        const storage = below(random, 3) === 0 ? 'inline' : 'blob';
        const flags = [O_RDONLY, O_RDWR, O_WRONLY, O_WRONLY | O_TRUNC][below(random, 4)]!;
        const mode = below(random, 4) === 0 ? 0o4755 : 0o644;
        const arrived = (file: OpenedFile): void => {
          kernel.opened(ino, file);
          opened.push(file);
        };
        try {
          const file = open(flags, { storage, mode, created: storage === 'inline' && below(random, 2) === 0 });
          if (file instanceof Promise) opening.push(file.then(arrived, ignoreFailure));
          else arrived(file);
        } catch (error) {
          ignoreFailure(error);
        }
      }
      if (below(random, 2) === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    lender.lendAll();
    await Promise.all(opening);
    for (const file of opened) closing.push(close(file));
    await Promise.all(closing);
    assertNothingLeft();
  }
});

function ignoreFailure(error: unknown): void {
  if (!(error instanceof FsError)) throw error;
}
