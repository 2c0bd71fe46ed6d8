import { FsError } from '#base';
import type { CacheMode } from '#protocol';

/** A session as the store keeps it, from its creation until it is over. */
export interface SessionRecord {
  readonly session: number;
  /** Hexadecimal, of 16 random bytes. */
  readonly secret: string;
  readonly name: string;
  readonly volume: string;
  readonly cacheMode: CacheMode;
  readonly readOnly: boolean;
  /** The name in the client's certificate; null without one. */
  readonly identity: string | null;
  /** Seconds since the epoch. */
  readonly createdSec: number;
}

const version = 1;

export function encodeSession(record: SessionRecord): Uint8Array {
  return Buffer.from(JSON.stringify({ version, ...record }));
}

/** Fails with `corrupted` when the bytes are no record of a version that this program knows. */
export function decodeSession(session: number, bytes: Uint8Array): SessionRecord {
  let decoded: Partial<SessionRecord> & { version?: number };
  try {
    decoded = JSON.parse(Buffer.from(bytes).toString());
  } catch (cause) {
    throw new FsError('corrupted', `session ${session}: its record does not decode; run cfs fsck`, { cause });
  }
  if (decoded?.version !== version || decoded.session !== session || typeof decoded.secret !== 'string') {
    throw new FsError('corrupted', `session ${session}: its record is of no known version; run cfs fsck`);
  }
  return decoded as SessionRecord;
}
