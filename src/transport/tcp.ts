import { connect, createServer } from 'node:net';
import type { BufferPool, Clock } from '#base';
import { type StreamLimits, streamLimits } from './limits.ts';
import { StreamConnection } from './stream-connection.ts';
import { type ListenOptions, SocketListener, type StreamListener } from './stream-listener.ts';
import type { Codec, Connection, ConnectionEvents } from './transport.ts';

export interface ConnectOptions {
  readonly host: string;
  readonly port: number;
  readonly codec: Codec;
  readonly clock: Clock;
  readonly events?: ConnectionEvents;
  readonly limits?: Partial<StreamLimits>;
  /**
   * Where long replies are put. Whoever has used the content of one gives it back, or leaves it to the collector, which
   * costs several times what the transport does.
   */
  readonly buffers?: BufferPool;
  /** Calls (by their number) that never wait in line behind others: those that end what others wait for. */
  readonly isUrgent?: (code: number) => boolean;
}

/** Small frames go at once: what belongs together is given to the kernel together. */
const noDelay = true;

/**
 * A connection over TCP, each frame with a checksum. Returns at once: calls wait until the server is there, and fail
 * with `disconnected` and one sentence when it never is.
 */
export function connectTcp(options: ConnectOptions): Connection {
  const { host, port } = options;
  const socket = connect({ host, port, noDelay });
  return new StreamConnection({ ...connectionOptions(options), socket, readyEvent: 'connect', checksums: true });
}

/** Serves over TCP. Fails with `busy` when somebody listens there already. */
export async function listenTcp(options: ListenOptions): Promise<StreamListener> {
  const server = createServer({ noDelay });
  const listener = new SocketListener(server, options, true);
  server.on('connection', (socket) => listener.accept(socket, undefined));
  return await listener.listen();
}

/** What connecting over TCP and over TLS have in common. */
export function connectionOptions(options: ConnectOptions) {
  const { host, port, codec, clock, events, limits, buffers, isUrgent } = options;
  const where = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return { where, codec, clock, limits: { ...streamLimits, ...limits }, events, buffers, isUrgent };
}
