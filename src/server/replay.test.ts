import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Ino, ManualClock, rootIno, SeededRandom } from '#base';
import {
  type Attributes,
  type CallName,
  calls,
  O_TRUNC,
  O_WRONLY,
  type RequestOf,
  S_IFREG,
  superuser,
} from '#protocol';
import { MemoryBlobStore } from './blob/memory.ts';
import { MemoryEngine } from './kv/memory.ts';
import { openVolume, type ServedVolume } from './open-volume.ts';
import { ReplayCache } from './replay.ts';
import { createHandler } from './server.ts';

const session = 77;
const file: RequestOf<'make'> = {
  caller: superuser,
  parent: rootIno,
  name: 'a',
  mode: S_IFREG | 0o644,
  umask: 0,
  rdev: 0,
  target: '',
  open: false,
};

/** A server that can crash, and short ways to call it. */
class TestServer {
  volume!: ServedVolume;
  #handler!: ReturnType<typeof createHandler>;
  #engine = new MemoryEngine();
  #blobs = new MemoryBlobStore();
  readonly #clock = new ManualClock();

  static async start(): Promise<TestServer> {
    const server = new TestServer();
    await server.#open();
    return server;
  }

  async #open(): Promise<void> {
    const random = new SeededRandom(5);
    this.volume = await openVolume({ engine: this.#engine, blobs: this.#blobs, clock: this.#clock, random });
    this.#handler = createHandler(this.volume);
  }

  /** The process ends; what was not durable is lost. */
  async crash(): Promise<void> {
    this.#engine = this.#engine.crash();
    this.#blobs = this.#blobs.afterKill();
    await this.#open();
  }

  call<N extends CallName>(name: N, request: RequestOf<N>, sequence = 0, slot = 0): Promise<unknown> {
    const header = { code: calls[name].code, session: sequence === 0 ? 0 : session, slot, sequence };
    return Promise.resolve().then(() => this.#handler(header, request));
  }

  async make(name: string, sequence = 0): Promise<Ino> {
    return ((await this.call('make', { ...file, name }, sequence)) as Attributes).ino;
  }

  write(ino: Ino, text: string, options: { sequence?: number; append?: boolean; offset?: number } = {}) {
    const { sequence = 0, append = false, offset = 0 } = options;
    const data = Buffer.from(text, 'latin1');
    const request = { ino, offset, data, append, killPrivileges: false, sync: false };
    return this.call('write', request, sequence);
  }

  async text(ino: Ino): Promise<string> {
    const request = { ino, offset: 0, length: 1_000_000, noAtime: true };
    return Buffer.from((await this.call('read', request)) as Uint8Array).toString('latin1');
  }
}

for (const crashes of [false, true]) {
  const when = crashes ? 'after a crash' : 'while the server runs';
  const start = async () => {
    const server = await TestServer.start();
    const between = async (): Promise<void> => {
      if (!crashes) return;
      await server.volume.store.flush();
      await server.crash();
    };
    return { server, between };
  };

  test(`${when}, a repeated call gets the reply of the first`, async () => {
    const { server, between } = await start();
    const made = await server.call('make', file, 1);
    await between();
    assert.deepEqual(await server.call('make', file, 1), made);
    await server.call('unlink', { caller: superuser, parent: rootIno, name: 'a' }, 2);
    await server.make('a');
    await between();
    await server.call('unlink', { caller: superuser, parent: rootIno, name: 'a' }, 2);
    assert.notEqual(await server.call('lookup', { caller: superuser, parent: rootIno, name: 'a' }), undefined);
  });

  for (const [size, content] of [
    ['small', 'x'.repeat(10)],
    ['large', 'x'.repeat(50_000)],
  ] as const) {
    test(`${when}, a repeated append to a ${size} file is not appended again`, async () => {
      const { server, between } = await start();
      const ino = await server.make('a');
      await server.write(ino, content);
      const reply = await server.write(ino, 'yz', { append: true, sequence: 1 });
      assert.deepEqual(reply, { written: 2, end: content.length + 2 });
      await between();
      assert.deepEqual(await server.write(ino, 'yz', { append: true, sequence: 1 }), reply);
      assert.equal(await server.text(ino), `${content}yz`);
    });

    test(`${when}, a repeated write, truncation or allocation of a ${size} file undoes nobody's later change`, async () => {
      const { server, between } = await start();
      const ino = await server.make('a');
      await server.write(ino, content);
      const { length } = content;
      const changes = { size: 3 };
      const steps: [CallName, unknown][] = [
        ['write', { ino, offset: 0, data: Buffer.from('1'), append: false, killPrivileges: false, sync: true }],
        ['fallocate', { caller: superuser, ino, mode: 0x10, offset: 0, length }],
        ['setattr', { caller: superuser, ino, changes }],
        ['open', { caller: superuser, ino, flags: O_WRONLY | O_TRUNC, killPrivileges: true }],
      ];
      for (const [index, [name, request]] of steps.entries()) {
        const first = await server.call(name, request as never, index + 1);
        await server.write(ino, 'later');
        await between();
        const again = await server.call(name, request as never, index + 1);
        assert.equal((await server.text(ino)).slice(0, 5), 'later', name);
        if (name !== 'setattr' && name !== 'open') assert.deepEqual(again, first, name);
      }
    });

    test(`${when}, a repeated copy from a ${size} file tells what the first one copied`, async () => {
      const { server, between } = await start();
      const from = await server.make('a');
      const to = await server.make('b');
      await server.write(from, content);
      const request = { caller: superuser, from, fromOffset: 0, to, toOffset: 20_000, length: 100_000 };
      assert.equal(await server.call('copyRange', request, 1), content.length);
      await server.write(to, 'later', { offset: 20_000 });
      await between();
      assert.equal(await server.call('copyRange', request, 1), content.length);
      assert.equal((await server.text(to)).slice(20_000, 20_005), 'later');
    });
  }

  test(`${when}, a call that comes after a later one in its slot is refused`, async () => {
    const { server, between } = await start();
    await server.make('a', 3);
    await between();
    await assert.rejects(server.make('b', 2), { status: 'stale' });
    await server.make('c', 7);
    await assert.rejects(server.make('b', 6), { status: 'stale' });
  });
}

test('a failure is the outcome of a call like any other', async () => {
  const server = await TestServer.start();
  await server.make('a');
  await assert.rejects(server.make('a', 1), { status: 'exists' });
  await server.call('unlink', { caller: superuser, parent: rootIno, name: 'a' });
  await assert.rejects(server.make('a', 1), { status: 'exists' });
});

test('a call that is repeated while it is carried out is carried out once', async () => {
  const server = await TestServer.start();
  const [first, second] = await Promise.all([server.make('a', 1), server.make('a', 1)]);
  assert.equal(first, second);
});

test('slots do not wait for each other', async () => {
  const server = await TestServer.start();
  const inos = await Promise.all([0, 1, 2].map((slot) => server.call('make', { ...file, name: `${slot}` }, 1, slot)));
  assert.equal(new Set(inos.map((made) => (made as Attributes).ino)).size, 3);
});

test('an answered call is durable', async () => {
  const server = await TestServer.start();
  await server.make('unanswered');
  const ino = await server.make('answered', 1);
  await server.crash();
  const found = await server.call('lookup', { caller: superuser, parent: rootIno, name: 'answered' });
  assert.equal((found as Attributes).ino, ino);
});

test('a file that was just made counts as open when its making is repeated after a crash', async () => {
  const server = await TestServer.start();
  const { ino } = (await server.call('make', { ...file, open: true }, 1)) as Attributes;
  await server.call('make', { ...file, open: true }, 1);
  assert.equal(server.volume.opens.get(ino), 1);
  await server.crash();
  await server.call('make', { ...file, open: true }, 1);
  assert.equal(server.volume.opens.get(ino), 1);
});

test('slots that no session has are refused', async () => {
  const server = await TestServer.start();
  await assert.rejects(server.call('make', file, 1, 64), { status: 'invalid' });
  await assert.rejects(server.call('make', file, -1), { status: 'invalid' });
  await server.make('a', 1);
  await server.crash();
  await assert.rejects(server.call('unlink', { caller: superuser, parent: rootIno, name: 'a' }, 1), {
    status: 'invalid',
  });
});

test('nothing is left of a session that ended', async () => {
  const server = await TestServer.start();
  for (const slot of [0, 1]) await server.call('make', { ...file, name: `${slot}` }, 1, slot);
  await new ReplayCache(server.volume).end(session);
  const left: string[] = [];
  for await (const pair of server.volume.store.scan('R')) left.push(pair.key);
  assert.deepEqual(left, []);
});
