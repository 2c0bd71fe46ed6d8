import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FsError, type Maybe } from '#base';
import type { CallContext, CallHeader, Connection, ConnectionEvents, Handler } from './transport.ts';

/** What the suites need of a transport under test. */
export interface TransportUnderTest {
  /** A new connection to a server that does `handler`. */
  connect(handler: Handler, events?: ConnectionEvents): Maybe<Connection>;
  /** Lets time pass until the result is there. */
  wait<T>(result: Maybe<T>): Promise<T>;
  /** Ends what was made for the test. */
  close?(): Maybe<void>;
}

type Make = () => Maybe<TransportUnderTest>;

const header: CallHeader = { code: 10, session: 3, slot: 2, sequence: 9 };
const never = (): Promise<never> => new Promise(() => undefined);

function makeCheck(name: string, make: Make) {
  return (fact: string, body: (transport: TransportUnderTest) => Promise<void>): void => {
    void test(`${name}: ${fact}`, { timeout: 60_000 }, async () => {
      const transport = await make();
      try {
        await body(transport);
      } finally {
        await transport.close?.();
      }
    });
  };
}

/** What every transport promises. */
export function transportContract(name: string, make: Make): void {
  const check = makeCheck(name, make);

  check('a call reaches the server whole, and its reply comes back', async ({ connect, wait }) => {
    const seen: unknown[] = [];
    const connection = await connect((...call) => {
      seen.push(call.slice(0, 2));
      return { ino: 5, name: 'a' };
    });
    assert.deepEqual(await wait(connection.call(header, { ino: 5 })), { ino: 5, name: 'a' });
    assert.deepEqual(seen, [[header, { ino: 5 }]]);
  });

  check('a reply may be nothing, or come later', async ({ connect, wait }) => {
    assert.equal(await wait((await connect(() => undefined)).call(header, {})), undefined);
    assert.equal(await wait((await connect(async () => 7)).call(header, {})), 7);
  });

  check('bytes arrive as they were sent', async ({ connect, wait }) => {
    const connection = await connect((_header, request) => (request as { data: Uint8Array }).data);
    const data = Uint8Array.from({ length: 300 }, (_, index) => index);
    const reply = await wait(connection.call(header, { data: data.subarray(7, 290) }));
    assert.deepEqual(Buffer.from(reply as Uint8Array), Buffer.from(data.subarray(7, 290)));
  });

  check('4 MiB arrive as they were sent, both ways, many at a time', async ({ connect, wait }) => {
    const connection = await connect((_header, request) => request);
    const contents = [0, 1, 2, 3, 4].map((n) => Buffer.alloc(4 * 1024 * 1024 - n, `content ${n}`));
    const replies = await wait(Promise.all(contents.map((data) => connection.call(header, data))));
    for (const [index, reply] of replies.entries()) {
      assert(Buffer.from(reply as Uint8Array).equals(contents[index]!), `content ${index}`);
    }
  });

  check('a failure keeps its status, thrown or later', async ({ connect, wait }) => {
    const fail = (): never => {
      throw new FsError('notEmpty', 'directory 9');
    };
    const failure = { name: 'FsError', status: 'notEmpty', message: 'directory 9' };
    for (const handler of [fail, async () => fail()]) {
      const connection = await connect(handler);
      await assert.rejects(async () => wait(connection.call(header, {})), failure);
    }
  });

  check('calls under way together each get their own reply', async ({ connect, wait }) => {
    const later: (() => void)[] = [];
    const connection = await connect((_header, request) => {
      return new Promise((resolve) => later.push(() => resolve(request)));
    });
    const replies = Promise.all([1, 2, 3].map((n) => connection.call(header, { n })));
    const other = await connect(async () => undefined);
    while (later.length < 3) await wait(other.call(header, {}));
    for (const answer of later.reverse()) answer();
    assert.deepEqual(await wait(replies), [{ n: 1 }, { n: 2 }, { n: 3 }]);
  });

  check('many calls at once are all answered', async ({ connect, wait }) => {
    const connection = await connect((_header, request) => {
      return (request as number) % 3 === 0 ? request : Promise.resolve(request);
    });
    const numbers = Array.from({ length: 4000 }, (_, n) => n);
    assert.deepEqual(await wait(Promise.all(numbers.map((n) => connection.call(header, n)))), numbers);
  });

  check('closing fails what is under way and what comes after', async ({ connect, wait }) => {
    const connection = await connect(never);
    const underWay = connection.call(header, {});
    connection.close();
    connection.close();
    await assert.rejects(async () => wait(underWay), { status: 'disconnected' });
    await assert.rejects(async () => wait(connection.call(header, {})), { status: 'disconnected' });
  });
}

/** What a transport promises whose ends may be on different machines. */
export function remoteTransportContract(name: string, make: Make): void {
  const check = makeCheck(name, make);
  const noEvents: ConnectionEvents = { pushed: () => undefined, closed: () => undefined };

  check('pushes arrive in their order, and in order with the replies', async ({ connect, wait }) => {
    const seen: unknown[] = [];
    let calls = 0;
    const connection = await connect(
      ({ code }, _request, { peer }) => {
        // Lets time pass.
        if (code === 11) return undefined;
        const call = calls++;
        peer.push(4, { before: call });
        // What is sent after the reply.
        queueMicrotask(() => queueMicrotask(() => peer.push(5, { after: call })));
        return { call };
      },
      { ...noEvents, pushed: (code, message) => seen.push([code, message]) },
    );
    const ask = async () => seen.push(await connection.call(header, {}));
    await wait(Promise.all([ask(), ask(), ask()]));
    while (seen.length < 9) await wait(connection.call({ ...header, code: 11 }, {}));
    for (const call of [0, 1, 2]) {
      const places = [[4, { before: call }], { call }, [5, { after: call }]].map((one) => {
        return seen.findIndex((other) => JSON.stringify(other) === JSON.stringify(one));
      });
      assert(places[0]! >= 0 && places[0]! < places[1]! && places[1]! < places[2]!, JSON.stringify(seen));
    }
  });

  check('a caller that gives up is told at once, and the server hears of it', async ({ connect, wait }) => {
    const contexts: CallContext[] = [];
    const connection = await connect((_header, _request, context) => {
      contexts.push(context);
      return contexts.length === 1 ? never() : undefined;
    });
    const controller = new AbortController();
    const call = connection.call(header, {}, controller.signal) as Promise<unknown>;
    await wait(connection.call(header, {}));
    const { signal } = contexts[0]!;
    assert(!signal.aborted);
    controller.abort();
    await assert.rejects(wait(call), { status: 'cancelled' });
    while (!signal.aborted) await wait(connection.call(header, {}));
    await assert.rejects(wait(connection.call(header, {}, controller.signal)), { status: 'cancelled' });
  });

  check('all calls of a connection come from one peer, which learns of its end', async ({ connect, wait }) => {
    const contexts: CallContext[] = [];
    const connection = await connect((_header, _request, context) => {
      contexts.push(context);
      return contexts.length < 3 ? undefined : never();
    });
    await wait(connection.call(header, {}));
    await wait(connection.call(header, {}));
    const [{ peer }] = contexts as [CallContext];
    assert.equal(contexts[1]!.peer, peer);
    const underWay = connection.call(header, {});
    const other = await connect(() => undefined);
    while (contexts.length < 3) await wait(other.call(header, {}));
    const { signal } = contexts[2]!;
    const gone = new Promise((resolve) => peer.closed.addEventListener('abort', resolve));
    connection.close();
    await assert.rejects(wait(underWay), { status: 'disconnected' });
    await wait(gone);
    assert(signal.aborted, 'the call under way has heard of it');
    peer.push(1, {});
    peer.close('again');
  });

  check('a server that ends a connection fails its calls, and tells once', async ({ connect, wait }) => {
    const reasons: FsError[] = [];
    const connection = await connect(
      (_header, _request, { peer }) => {
        peer.close('enough');
        return never();
      },
      { ...noEvents, closed: (reason) => reasons.push(reason) },
    );
    await assert.rejects(wait(connection.call(header, {})), { status: 'disconnected' });
    await assert.rejects(wait(connection.call(header, {})), { status: 'disconnected' });
    connection.close();
    assert.deepEqual(
      reasons.map(({ status }) => status),
      ['disconnected'],
    );
  });
}
