import type { ByteString, Ino } from '#base';
import type { Attributes } from './attributes.ts';

/**
 * Calls about a session itself, its leases and its locks; a volume's operations never see them. None takes a slot:
 * each does no harm when it is repeated. None waits for a recall.
 *
 * All but the first two belong to the session that their connection was attached to.
 */
export interface SessionCalls {
  /** A new session, and attaches the connection to it. Fails with `notFound` (no such volume), `accessDenied` (export). */
  createSession: SessionCall<CreateSessionRequest, SessionFacts>;
  /** Lets this connection speak for a session. Fails with `stale` when it is over or the secret is another. */
  attachSession: SessionCall<{ session: number; secret: ByteString }, SessionFacts>;
  /** A sign of life, when there is nothing else to say. */
  renewSession: SessionCall<Record<never, never>, void>;
  /** Ends the session: its leases, locks and opens are gone. */
  endSession: SessionCall<Record<never, never>, void>;
  /** The answer to a recall, or leases given up unasked. */
  returnLeases: SessionCall<{ leases: LeaseReturn[] }, void>;
  /** The holder is still flushing: the recall of these waits longer, up to the bound that the server sets. */
  extendRecall: SessionCall<{ inos: Ino[] }, void>;
  /** In grace: what this session had open and locked before the server started anew. `done` ends its part. */
  reclaim: SessionCall<{ opens: HeldOpen[]; locks: HeldLock[]; done: boolean }, ReclaimReply>;
  /**
   * Sets or changes a lock. With `wait`, one that conflicts answers `queued`, and a push tells when it is granted;
   * else fails with `wouldBlock`, with `deadlock` where waiting would never end.
   */
  lock: SessionCall<LockRequest, 'granted' | 'queued'>;
  /** Leaves the queue. Whether the lock was granted meanwhile: then it is held. */
  cancelLock: SessionCall<{ request: number }, { granted: boolean }>;
  /** Gives up a range, or all that an owner has on the inode. */
  unlock: SessionCall<{ ino: Ino; lock: LockRange }, void>;
  /** The lock that conflicts (F_GETLK); undefined when it could be set. */
  testLock: SessionCall<{ ino: Ino; lock: LockRange }, LockRange | undefined>;
}

interface SessionCall<Request, Reply> {
  request: Request;
  reply: Reply;
}
export type SessionCallName = keyof SessionCalls;
export type SessionRequestOf<N extends SessionCallName> = SessionCalls[N]['request'];
export type SessionReplyOf<N extends SessionCallName> = SessionCalls[N]['reply'];

/** How a session's leases end: see docs/design/0005-cluster.md. */
export type CacheMode = 'strict' | 'session' | 'closeToOpen';

export interface CreateSessionRequest {
  /** For people: the host and where it mounts. */
  readonly name: string;
  readonly volume: string;
  readonly cacheMode: CacheMode;
  readonly readOnly: boolean;
}

export interface SessionFacts {
  readonly session: number;
  /** 16 random bytes; whoever knows them may attach. */
  readonly secret: ByteString;
  /** Grows with each start of a server on the volume: leases of another epoch are gone. */
  readonly epoch: number;
  readonly ttlMs: number;
  /** Of the root of what this client sees, which is always inode 1 to it. */
  readonly root: Attributes;
  readonly volumeUuid: string;
  readonly readOnly: boolean;
  /** The server waits for what this session reclaims. */
  readonly mustReclaim: boolean;
}

export interface LeaseReturn {
  readonly ino: Ino;
  /** Bits of `leases.table.ts`. */
  readonly kinds: number;
  /**
   * Of the recall that is answered, or of the latest grant that is given up: a return that was delayed or repeated
   * takes nothing away that was granted after it.
   */
  readonly number: number;
}

export interface HeldOpen {
  readonly ino: Ino;
  readonly count: number;
}

/** Who holds a lock within a session: the kernel's lock owner, of one of two kinds that do not conflict. */
export interface LockRange {
  /** `flock`: whole files, by open file description; `range`: fcntl and OFD locks. */
  readonly type: 'flock' | 'range';
  /** 16 hexadecimal digits. */
  readonly owner: string;
  readonly exclusive: boolean;
  /** Bytes, both included; the last may be 2^63 - 1, which travels as `Number.MAX_SAFE_INTEGER`: to the end. */
  readonly start: number;
  readonly end: number;
  /** For F_GETLK; 0 when it is a process of another client. */
  readonly pid: number;
}

export interface HeldLock {
  readonly ino: Ino;
  readonly lock: LockRange;
}

export interface LockRequest {
  readonly ino: Ino;
  readonly lock: LockRange;
  readonly wait: boolean;
  /** Names the request among those of this session; the push and `cancelLock` name it so. */
  readonly request: number;
}

export interface ReclaimReply {
  /** Inodes that are gone: what is open of them is stale. */
  readonly lostOpens: Ino[];
  /** Locks that somebody else has now. */
  readonly lostLocks: HeldLock[];
}
