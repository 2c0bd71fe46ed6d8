import type { Maybe } from '#base';

/**
 * How a client reaches a server: calls go one way, each gets one reply or fails with an `FsError`. The transport
 * knows neither the calls' names nor their content, but their number. In-process, requests and replies are handed
 * over by reference, and a reply that is there at once is returned at once.
 */
export interface Connection {
  /** Fails with `disconnected` when the connection broke: the call may or may not have been carried out. */
  call(header: CallHeader, request: unknown): Maybe<unknown>;
  /** Fails what is under way with `disconnected`. Idempotent. */
  close(): void;
}

/** What a server does with a call. */
export type Handler = (header: CallHeader, request: unknown) => Maybe<unknown>;

export interface CallHeader {
  /** The call's number in `protocol/calls.table.ts`. */
  readonly code: number;
  /** 0: none; the embedded client, whose calls are never repeated. */
  readonly session: number;
  /** Of calls that are not idempotent, in a session: NFSv4.1's slot and sequence (RFC 8881, section 2.10.6). */
  readonly slot: number;
  readonly sequence: number;
}
