import { SystemClock } from '#base';
import { anyMessageCodec as codec } from './any-message.testing.ts';
import { TestAuthority } from './certificates.testing.ts';
import type { StreamListener } from './stream-listener.ts';
import { connectTcp, listenTcp } from './tcp.ts';
import { connectTls, listenTls } from './tls.ts';
import { remoteTransportContract, type TransportUnderTest, transportContract } from './transport.contract.ts';
import type { Connection, ConnectionEvents, Handler } from './transport.ts';

const host = '127.0.0.1';
const clock = new SystemClock();

interface Ways {
  listen(handler: Handler): Promise<StreamListener>;
  connect(port: number, events: ConnectionEvents | undefined): Connection;
}

/** A listener per connection. */
function makeWith(makeWays: () => Promise<Ways>): () => Promise<TransportUnderTest> {
  return async () => {
    const ways = await makeWays();
    const made: { close(): unknown }[] = [];
    return {
      connect: async (handler, events) => {
        const listener = await ways.listen(handler);
        const connection = ways.connect(listener.port, events);
        made.push(connection, listener);
        return connection;
      },
      wait: async (result) => result,
      close: async () => {
        for (const one of made) await one.close();
      },
    };
  };
}

const tcp = makeWith(async () => ({
  listen: (handler) => listenTcp({ host, port: 0, handler, codec, clock }),
  connect: (port, events) => connectTcp({ host, port, codec, clock, ...(events && { events }) }),
}));

const authority = TestAuthority.make('an authority');
const tls = makeWith(async () => {
  const server = await (await authority).issue('server', { hosts: [host] });
  const client = await (await authority).issue('client');
  return {
    listen: (handler) => listenTls({ host, port: 0, handler, codec, clock, tls: server }),
    connect: (port, events) => connectTls({ host, port, codec, clock, tls: client, ...(events && { events }) }),
  };
});

for (const [name, make] of [
  ['TCP', tcp],
  ['TLS', tls],
] as const) {
  transportContract(name, make);
  remoteTransportContract(name, make);
}
