import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { FsError } from '#base';
import { InProcessConnection } from './in-process.ts';
import { transportContract } from './transport.contract.ts';

const header = { code: 7, session: 0, slot: 0, sequence: 0 };

transportContract('in-process', () => ({
  connect: (handler) => new InProcessConnection(handler),
  wait: async (result) => result,
}));

test('a reply that is there is returned at once, by reference', () => {
  const request = { ino: 1 };
  const connection = new InProcessConnection((_header, received) => received);
  assert.equal(connection.call(header, request), request);
});

test('a failure of the server reaches the caller, at once or later', async () => {
  const failure = new FsError('notFound', 'no such thing');
  const now = new InProcessConnection(() => {
    throw failure;
  });
  assert.throws(() => now.call(header, {}), failure);
  const later = new InProcessConnection(async () => {
    throw failure;
  });
  await assert.rejects(async () => later.call(header, {}), failure);
});

test('closing fails what is under way and what comes later', async () => {
  const connection = new InProcessConnection(() => new Promise(() => undefined));
  const waiting = connection.call(header, {}) as Promise<unknown>;
  connection.close();
  connection.close();
  await assert.rejects(waiting, { status: 'disconnected' });
  assert.throws(() => connection.call(header, {}), { status: 'disconnected' });
});
