import type { ByteString, Ino } from '#base';
import type { Place } from './links.ts';
import type { Inode } from './records.ts';

/** Where what is stored contradicts itself: what `check` finds and `repair` mends. */
export type Contradiction = {
  /** The inode that it is about. */
  readonly ino: Ino;
  /** One sentence for the reader of fsck's output. */
  readonly message: string;
} & Fault;

/** A fault and what its repair needs to know. */
export type Fault =
  /** A record, or a bucket of names, that does not decode. */
  | { readonly kind: 'unreadable'; readonly key: ByteString }
  /** A key whose inode is gone or is of another kind, or a mark that is not true. */
  | { readonly kind: 'stray'; readonly key: ByteString }
  /** A key that should be there, with an empty value. */
  | { readonly kind: 'missingMark'; readonly key: ByteString }
  /** A name of an inode that is gone, a second name of a directory, a name under the wrong hash, a loop. */
  | { readonly kind: 'falseName'; readonly key: ByteString; readonly name: ByteString }
  /** A name with another file type than its inode. */
  | { readonly kind: 'wrongType'; readonly key: ByteString; readonly name: ByteString; readonly mode: number }
  /** Fields of a record that disagree with what they count or point at. */
  | { readonly kind: 'wrongRecord'; readonly right: Partial<Inode> }
  /** An inode that counts names and has none. */
  | { readonly kind: 'nameless'; readonly directory: boolean }
  /** A symlink without its target. */
  | { readonly kind: 'lostTarget' }
  /** There is no root directory. */
  | { readonly kind: 'lostRoot' }
  /** Numbers above the limit were given out. */
  | { readonly kind: 'wrongInoLimit'; readonly limit: number };

export type FaultKind = Fault['kind'];

/** What the walk over the names and records remembers of each inode. */
export interface CheckedInode {
  readonly inode: Inode;
  readonly names: Place[];
  /** Of a directory: what it holds. */
  entries: number;
  subdirectories: number;
}
