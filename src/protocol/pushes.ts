import type { ByteString, Ino } from '#base';

/** What a server tells a client unasked, on any connection that is attached to the session. */
export interface Pushes {
  /**
   * These leases end. With `awaited` the client drops what they covered and answers with `returnLeases`; without, it
   * drops them and says nothing.
   */
  recall: { leases: RecalledLease[]; awaited: boolean };
  /** A queued lock request has its lock. */
  lockGranted: { request: number };
  /** The session is over: an administrator or its TTL ended it. */
  sessionEnded: { reason: string };
  /** The server is about to stop: calls under way are answered, new ones belong elsewhere. */
  draining: Record<never, never>;
}

export type PushName = keyof Pushes;

export interface RecalledLease {
  readonly ino: Ino;
  /** Bits of `leases.table.ts`. */
  readonly kinds: number;
  /** Of `entries`: the only name whose meaning changes, where it is one; undefined: any. */
  readonly name: ByteString | undefined;
  /** What was granted up to this number ends. */
  readonly number: number;
}
