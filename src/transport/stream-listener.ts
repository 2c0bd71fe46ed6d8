import type { AddressInfo, Server, Socket } from 'node:net';
import { BufferPool, type Clock, FsError, sleep } from '#base';
import { farewells } from './frame.ts';
import { FrameStream } from './frame-stream.ts';
import { type StreamLimits, streamLimits } from './limits.ts';
import { ServedConnection } from './served-connection.ts';
import type { Codec, Handler, Peer } from './transport.ts';

export interface ListenOptions {
  /** Default: all addresses of the machine. */
  readonly host?: string;
  /** 0: one that is free. */
  readonly port: number;
  readonly codec: Codec;
  readonly handler: Handler;
  readonly clock: Clock;
  readonly limits?: Partial<StreamLimits>;
  /** The long content of a reply has been sent: its memory may serve another. */
  readonly reuse?: ((bytes: Uint8Array) => void) | undefined;
  /** Connections at a time; one more is refused. */
  readonly connectionsMax?: number;
  /** Somebody was refused, before or because of what was received: for the log. */
  readonly onRefused?: (reason: string, address: string) => void;
  readonly onConnected?: (peer: Peer) => void;
  readonly onDisconnected?: (peer: Peer, reason: FsError) => void;
}

/** A server's ear on a network. */
export interface StreamListener {
  readonly host: string;
  readonly port: number;
  /** Those whose transport is there; sessions are another thing. */
  readonly connections: ReadonlySet<Peer>;
  /** Takes no new connections and calls, and resolves when those under way are answered, at most after `withinMs`. */
  drain(withinMs: number): Promise<void>;
  /** Ends all connections. Idempotent. */
  close(): Promise<void>;
}

const connectionsMaxDefault = 4096;
/** Memory that is kept for the content of calls to come. */
const keptBufferBytes = 32 * 1024 * 1024;

/** What listening over TCP and over TLS have in common. */
export class SocketListener implements StreamListener {
  readonly #server: Server;
  readonly #options: ListenOptions;
  readonly #checksums: boolean;
  readonly #limits: StreamLimits;
  /** For the content of calls, which nobody keeps beyond the answer. */
  readonly #buffers = new BufferPool(keptBufferBytes);
  readonly #connections = new Set<ServedConnection>();
  #closed: Promise<void> | undefined;

  constructor(server: Server, options: ListenOptions, checksums: boolean) {
    this.#server = server;
    this.#options = options;
    this.#checksums = checksums;
    this.#limits = { ...streamLimits, ...options.limits };
    server.maxConnections = options.connectionsMax ?? connectionsMaxDefault;
    server.on('drop', (dropped) => {
      this.refused('too many connections', `${dropped?.remoteAddress}:${dropped?.remotePort}`);
    });
  }

  /** Resolves when the server listens; fails with what hinders it. */
  listen(): Promise<this> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.on('error', (cause: NodeJS.ErrnoException) => {
        if (this.#server.listening) {
          this.refused(`a connection could not be accepted: ${cause.code}`, 'an unknown address');
          return;
        }
        const status = cause.code === 'EADDRINUSE' ? 'busy' : cause.code === 'EACCES' ? 'accessDenied' : 'io';
        reject(new FsError(status, `cannot listen at ${host ?? '*'}:${port}: ${cause.code}`, { cause }));
      });
      this.#server.listen({ port, ...(host === undefined ? {} : { host }) }, () => resolve(this));
    });
  }

  get host(): string {
    return this.#address.address;
  }

  get port(): number {
    return this.#address.port;
  }

  get connections(): ReadonlySet<Peer> {
    return this.#connections;
  }

  async drain(withinMs: number): Promise<void> {
    this.#server.close();
    const drained = Promise.all([...this.#connections].map((connection) => connection.drain()));
    await Promise.race([drained, sleep(this.#options.clock, withinMs)]);
  }

  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      this.#server.close(() => resolve());
      for (const connection of this.#connections) connection.close('the server stops');
    });
    return this.#closed;
  }

  refused(reason: string, address: string): void {
    this.#options.onRefused?.(reason, address);
  }

  /** Tells whoever is at the other end why it is not served. */
  refuse(socket: Socket, reason: string): void {
    const where = addressOf(socket);
    const nothing = (): void => undefined;
    const inert = { hello: nothing, frame: nothing, drained: nothing, ended: nothing };
    const stream = new FrameStream({ ...this.#streamOptions, socket, where }, inert);
    stream.start();
    stream.close(reason, farewells.unwelcome);
    this.refused(reason, where);
  }

  /** Serves whoever is at the other end of a socket that is ready. */
  accept(socket: Socket, identity: string | undefined): void {
    const { codec, handler, reuse, onConnected, onDisconnected } = this.#options;
    const connection: ServedConnection = new ServedConnection({
      ...this.#streamOptions,
      socket,
      where: addressOf(socket),
      identity,
      codec,
      handler,
      reuse,
      onEnded: (ended, reason, refused) => {
        this.#connections.delete(ended);
        if (refused) this.refused(reason.message, ended.address);
        onDisconnected?.(ended, reason);
      },
    });
    this.#connections.add(connection);
    onConnected?.(connection);
  }

  get #streamOptions() {
    const { clock } = this.#options;
    return { checksums: this.#checksums, clock, limits: this.#limits, buffers: this.#buffers, pings: false };
  }

  get #address(): AddressInfo {
    return this.#server.address() as AddressInfo;
  }
}

export function addressOf(socket: Socket): string {
  const { remoteAddress = 'an unknown address', remotePort } = socket;
  const host = remoteAddress.replace(/^::ffff:/, '');
  return host.includes(':') ? `[${host}]:${remotePort}` : `${host}:${remotePort}`;
}
