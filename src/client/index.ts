/** Typed calls to servers. */
export type { CacheMode } from '#protocol';
export { type Client, EmbeddedClient, type LocalFiles } from './client.ts';
export { SessionClient, type SessionClientOptions } from './session-client.ts';
