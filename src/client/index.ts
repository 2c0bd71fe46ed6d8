/** Typed calls to servers. */
export { type CacheMode, createCodec } from '#protocol';
export { type Client, EmbeddedClient, type LocalFiles } from './client.ts';
export { type CallOptions, type LateOutcome, MountSession, type MountSessionOptions } from './mount-session.ts';
export { SessionClient, type SessionClientOptions } from './session-client.ts';
export type { SessionListener } from './session-keeper.ts';
export { isUrgentCall } from './urgent.ts';
