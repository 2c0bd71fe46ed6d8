/** How messages travel between client and server. */
export { InProcessConnection } from './in-process.ts';
export type { NetworkWeather } from './memory-connection.ts';
export { type MemoryListener, MemoryNetwork, type MemoryNetworkOptions } from './memory-network.ts';
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
