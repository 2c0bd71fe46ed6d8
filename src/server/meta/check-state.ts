import type { Ino } from '#base';
import type { KvStore } from '../kv/store.ts';
import type { CheckedInode, Fault } from './contradiction.ts';

/** What a check collects: the inodes by number, and what is wrong. */
export interface CheckState {
  readonly store: KvStore;
  readonly hashSeed: number;
  readonly inodes: Map<Ino, CheckedInode>;
  /** Numbers whose record does not decode: nothing more is concluded about them. */
  readonly unreadable: Set<Ino>;
  readonly report: (ino: Ino, message: string, fault: Fault) => void;
}
