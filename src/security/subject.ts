import type { Caller } from '#protocol';

/** Who asks, as far as access depends on it. Groups and capabilities are dear to look up and asked for last. */
export type Subject = Pick<Caller, 'uid' | 'inGroup' | 'capable'>;

/** What access to an inode depends on, besides its access ACL. */
export interface Guarded {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}
