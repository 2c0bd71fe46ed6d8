import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FsError, type Maybe } from '#base';
import type { CallHeader, Connection, ConnectionEvents, Handler } from './transport.ts';

/** What the suite needs of a transport under test. */
export interface TransportUnderTest {
  /** A new connection to a server that does `handler`. */
  connect(handler: Handler, events?: ConnectionEvents): Connection;
  /** Lets time pass until the result is there. */
  wait<T>(result: Maybe<T>): Promise<T>;
}

const header: CallHeader = { code: 10, session: 3, slot: 2, sequence: 9 };

/** What every transport promises. */
export function transportContract(name: string, make: () => TransportUnderTest): void {
  test(`${name}: a call reaches the server whole, and its reply comes back`, async () => {
    const { connect, wait } = make();
    const seen: unknown[] = [];
    const connection = connect((...call) => {
      seen.push(call.slice(0, 2));
      return { ino: 5, name: 'a' };
    });
    assert.deepEqual(await wait(connection.call(header, { ino: 5 })), { ino: 5, name: 'a' });
    assert.deepEqual(seen, [[header, { ino: 5 }]]);
  });

  test(`${name}: a reply may be nothing, or come later`, async () => {
    const { connect, wait } = make();
    assert.equal(await wait(connect(() => undefined).call(header, {})), undefined);
    assert.equal(await wait(connect(async () => 7).call(header, {})), 7);
  });

  test(`${name}: bytes arrive as they were sent`, async () => {
    const { connect, wait } = make();
    const connection = connect((_header, request) => (request as { data: Uint8Array }).data);
    const data = Uint8Array.from({ length: 300 }, (_, index) => index);
    const reply = await wait(connection.call(header, { data: data.subarray(7, 290) }));
    assert.deepEqual(Buffer.from(reply as Uint8Array), Buffer.from(data.subarray(7, 290)));
  });

  test(`${name}: a failure keeps its status, thrown or later`, async () => {
    const { connect, wait } = make();
    const fail = (): never => {
      throw new FsError('notEmpty', 'directory 9');
    };
    const failure = { name: 'FsError', status: 'notEmpty', message: 'directory 9' };
    await assert.rejects(async () => wait(connect(fail).call(header, {})), failure);
    await assert.rejects(async () => wait(connect(async () => fail()).call(header, {})), failure);
  });

  test(`${name}: calls under way together each get their own reply`, async () => {
    const { connect, wait } = make();
    const later: (() => void)[] = [];
    const connection = connect((_header, request) => new Promise((resolve) => later.push(() => resolve(request))));
    const replies = [1, 2, 3].map((n) => connection.call(header, { n }));
    const whenAllAreThere = connect(async () => undefined).call(header, {});
    await wait(whenAllAreThere);
    while (later.length < 3) await wait(connect(async () => undefined).call(header, {}));
    for (const answer of later.reverse()) answer();
    assert.deepEqual(await wait(Promise.all(replies)), [{ n: 1 }, { n: 2 }, { n: 3 }]);
  });

  test(`${name}: closing fails what is under way and what comes after`, async () => {
    const { connect, wait } = make();
    const connection = connect(() => new Promise(() => undefined));
    const underWay = connection.call(header, {});
    connection.close();
    connection.close();
    await assert.rejects(async () => wait(underWay), { status: 'disconnected' });
    await assert.rejects(async () => wait(connection.call(header, {})), { status: 'disconnected' });
  });
}
