import type { Ino } from '#base';
import type { Attributes } from './attributes.ts';

/** What a call of a volume is answered with in a session: its reply, and what the client may believe from now on. */
export interface Answer<Reply> {
  readonly reply: Reply;
  /**
   * The number of transactions of the volume when all of this was true. Of two values for one inode the one with the
   * higher serial is the later, in whatever order they arrive; with equal serials they are equal.
   */
  readonly serial: number;
  readonly grants: readonly LeaseGrant[];
  /** Other inodes that the call showed or changed, as they are at `serial`. */
  readonly also: readonly Attributes[];
}

/** Taken only if no recall of `ino` has arrived since the call was sent. */
export interface LeaseGrant {
  readonly ino: Ino;
  /** Bits of `leases.table.ts`. */
  readonly kinds: number;
  /** Grants of a volume are numbered, upwards for ever. */
  readonly number: number;
}
