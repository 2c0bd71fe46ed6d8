/** How messages travel between client and server. */
export type { CallHeader, Connection, Handler } from './transport.ts';
