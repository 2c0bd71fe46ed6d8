import { type Ino, type Maybe, rootIno } from '#base';
import type { Answer, CreateSessionRequest } from '#protocol';
import type { Peer } from '#transport';

/**
 * What one client sees of a volume, as its export decides. Calls pass through it on their way to the leases, and
 * answers on their way back; inode numbers outside it are the client's, inside it the volume's.
 */
export interface SessionView {
  readonly readOnly: boolean;
  /** The directory that is inode 1 to the client. */
  readonly root: Ino;
  /**
   * A call of the volume: fails where the client may not, else hands what it becomes to `next`, and gives back what
   * the client is to see of the answer.
   */
  call(code: number, request: unknown, next: (request: unknown) => Maybe<Answer<unknown>>): Maybe<Answer<unknown>>;
  /** The volume's number of what the client names; fails with `stale` for what it may not name. */
  inward(ino: Ino): Ino;
  /** The client's number; undefined for what it does not see. */
  outward(ino: Ino): Ino | undefined;
}

/**
 * Decides what a client sees of the volume that it asks for; called for each of its connections. Fails with
 * `accessDenied` or `notFound`.
 */
export type Admit = (peer: Peer, request: CreateSessionRequest) => SessionView;

/** The whole volume, as it is. */
export const wholeVolume: SessionView = {
  readOnly: false,
  root: rootIno,
  call: (_code, request, next) => next(request),
  inward: (ino) => ino,
  outward: (ino) => ino,
};
