/** Typed calls to servers. */
export { type Client, EmbeddedClient, type LocalFiles } from './client.ts';
