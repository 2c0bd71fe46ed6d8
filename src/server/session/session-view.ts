import { type Ino, type Maybe, rootIno } from '#base';
import type { Answer, CallName, CreateSessionRequest, RequestOf } from '#protocol';
import type { Peer } from '#transport';
import type { SessionOpens } from './session-opens.ts';

/**
 * What one client sees of a volume, as its export decides. Calls pass through it on their way to the leases, and
 * answers on their way back; inode numbers and ids before it are the client's, behind it the volume's.
 */
export interface SessionView {
  readonly readOnly: boolean;
  /** The same for views that show the same; undefined where nothing was decided yet. */
  readonly sameness: string | undefined;
  /** The directory that is inode 1 to the client. */
  readonly root: Ino;
  /**
   * A call of the volume in the volume's terms: what a repeated call is compared and finished with. Fails with `invalid`
   * for an id without a counterpart.
   */
  translate<N extends CallName>(name: N, request: RequestOf<N>): RequestOf<N>;
  /**
   * Such a call as it may be carried out. Asked once per call that is carried out, so not for a repetition, whose
   * objects may be gone. Fails as the operation would for what the client may not name, with `readOnly`, and with
   * `badHandle` for the content of a file that the session has not open so.
   */
  permit<N extends CallName>(name: N, translated: RequestOf<N>, opens: SessionOpens): Maybe<RequestOf<N>>;
  /**
   * Once more, when the objects of the call are locked: a rename may have come between. Missing where nothing is
   * outside.
   */
  readonly confirm?: (permitted: unknown, opens: SessionOpens) => Maybe<void>;
  /** What the client is to see of the answer to its `request`. */
  show<N extends CallName>(name: N, request: RequestOf<N>, answer: Answer<unknown>): Answer<unknown>;
  /** Whether the session may take back an open of the inode that it had before the server started anew. */
  mayReclaim(ino: Ino): Maybe<boolean>;
  /** Fails with `badHandle` unless the session may hold a lock on the inode (the volume's number). */
  requireLockable(ino: Ino, opens: SessionOpens): void;
  /** The volume's number of what the client names. */
  inward(ino: Ino): Ino;
  /** The client's number; undefined for what it does not see. */
  outward(ino: Ino): Ino | undefined;
}

/**
 * Decides what a client sees of the volume that it asks for; called for each of its connections. Fails with
 * `accessDenied` or `notFound`.
 */
export type Admit = (peer: Peer, request: CreateSessionRequest) => Maybe<SessionView>;

/** The whole volume, as it is, for clients that are trusted like the server itself. */
export const wholeVolume: SessionView = {
  readOnly: false,
  sameness: undefined,
  root: rootIno,
  translate: (_name, request) => request,
  permit: (_name, request) => request,
  show: (_name, _request, answer) => answer,
  mayReclaim: () => true,
  requireLockable: () => undefined,
  inward: (ino) => ino,
  outward: (ino) => ino,
};
