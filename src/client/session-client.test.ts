import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drive, FsError, ManualClock, type Maybe, rootIno, SeededRandom } from '#base';
import { calls, createCodec, superuser } from '#protocol';
import { type CallHeader, type Handler, MemoryNetwork } from '#transport';
import { SessionClient, type SessionClientOptions } from './session-client.ts';

const unlink = { caller: superuser, parent: rootIno, name: 'a' };

function makeClient(handler: Handler, options: Partial<SessionClientOptions> = {}) {
  const clock = new ManualClock();
  const random = new SeededRandom(7);
  const weather = { minDelayMs: 1, maxDelayMs: 2, lossPerMillion: 0, silenceMs: 500 };
  const network = new MemoryNetwork({ clock, random, weather, codec: createCodec({ replies: 'bare' }) });
  const headers: CallHeader[] = [];
  const listen = () =>
    network.listen('s', (header, request, context) => {
      headers.push(header);
      return handler(header, request, context);
    });
  const listener = listen();
  const connect = () => network.connect('c', 's');
  const client = new SessionClient({ session: 41, connect, clock, random, ...options });
  const wait = <T>(result: Maybe<T>): Promise<T> => drive(clock, result);
  return { clock, network, headers, listener, listen, client, wait };
}

test('a call is repeated with its slot and sequence until the reply arrives', async () => {
  const { client, network, headers, listener, listen, clock, wait } = makeClient(() => undefined);
  listener.close();
  const call = client.call('unlink', unlink);
  clock.after(3000, () => network.partition('c', 's'));
  clock.after(5000, () => network.heal('c', 's'));
  clock.after(6000, listen);
  await wait(call);
  assert.deepEqual(headers, [{ code: calls.unlink.code, session: 41, slot: 0, sequence: 1 }]);

  network.weather.lossPerMillion = 500_000;
  for (let count = 0; count < 20; count++) await wait(client.call('unlink', unlink));
  assert(headers.length > 21, 'some replies were lost');
  assert.deepEqual([...new Set(headers.map(({ slot, sequence }) => `${slot} ${sequence}`))].length, 21);
});

test('an idempotent call takes no slot', async () => {
  const { client, network, headers, wait } = makeClient(() => 'target', { slots: 1 });
  network.weather.lossPerMillion = 100_000;
  await wait(Promise.all(Array.from({ length: 10 }, () => client.call('readlink', { ino: rootIno }))));
  assert(headers.every(({ slot, sequence }) => slot === 0 && sequence === 0));
});

test('what the server fails with is a result, not a reason to repeat', async () => {
  const { client, headers, wait } = makeClient(() => {
    throw new FsError('notFound', 'a');
  });
  await assert.rejects(wait(client.call('unlink', unlink)), { status: 'notFound' });
  assert.equal(headers.length, 1);
});

test('calls wait for a slot in their order', async () => {
  const seen: string[] = [];
  const { client, headers, wait } = makeClient(
    async (_header, request) => void seen.push((request as { name: string }).name),
    { slots: 2 },
  );
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  await wait(Promise.all(names.map((name) => client.call('unlink', { ...unlink, name }))));
  assert.deepEqual(seen, names);
  assert.deepEqual([...headers.map(({ slot, sequence }) => `${slot}.${sequence}`)].sort(), [
    '0.1',
    '0.2',
    '0.3',
    '1.1',
    '1.2',
    '1.3',
  ]);
});

test('the line for a slot has an end', async () => {
  const { client, wait } = makeClient(async () => undefined, { slots: 1, waitingMax: 2 });
  const outcomes = await wait(Promise.allSettled([1, 2, 3, 4].map(() => client.call('unlink', unlink))));
  assert.deepEqual(
    outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason.status : 'done')),
    ['done', 'done', 'done', 'busy'],
  );
});

test('a call without a reply fails at its deadline, and its sequence is not used again', async () => {
  let silent = true;
  const { client, headers, clock, wait } = makeClient(() => (silent ? new Promise(() => undefined) : undefined), {
    slots: 1,
    deadlineMs: 2000,
  });
  const first = client.call('unlink', unlink);
  const inLine = client.call('unlink', unlink);
  const outcomes = await wait(Promise.allSettled([first, inLine]));
  assert.deepEqual(
    outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason.status),
    ['timedOut', 'timedOut'],
  );
  assert.equal(clock.nowMs(), 2000);
  silent = false;
  await wait(client.call('unlink', unlink));
  const sequences = headers.map(({ sequence }) => sequence);
  assert.equal(sequences[0], 1);
  assert(sequences.at(-1)! > 1);
});

test('a closed client fails what is under way', async () => {
  const { client, wait } = makeClient(() => new Promise(() => undefined));
  const call = client.call('unlink', unlink);
  client.close();
  await assert.rejects(wait(call), { status: 'disconnected' });
  await assert.rejects(wait(client.call('unlink', unlink)), { status: 'disconnected' });
});
