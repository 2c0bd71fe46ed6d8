/** How messages travel between client and server. */
export { ConnectionPool, type ConnectionPoolOptions } from './connection-pool.ts';
export { InProcessConnection } from './in-process.ts';
export { type StreamLimits, streamLimits } from './limits.ts';
export type { NetworkWeather } from './memory-connection.ts';
export { type MemoryListener, MemoryNetwork, type MemoryNetworkOptions } from './memory-network.ts';
export type { ListenOptions, StreamListener } from './stream-listener.ts';
export { type ConnectOptions, connectTcp, listenTcp } from './tcp.ts';
export {
  connectTls,
  listenTls,
  type TlsConnectOptions,
  type TlsIdentity,
  type TlsListener,
  type TlsListenOptions,
} from './tls.ts';
export type {
  CallContext,
  CallHeader,
  Codec,
  Connection,
  ConnectionEvents,
  FailureCodec,
  Handler,
  MessageCodec,
  Peer,
} from './transport.ts';
