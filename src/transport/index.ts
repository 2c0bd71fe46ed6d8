/** How messages travel between client and server. */
export { InProcessConnection } from './in-process.ts';
export type { CallHeader, Connection, Handler } from './transport.ts';
