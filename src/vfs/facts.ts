import type { ByteString, Handle, Ino } from '#base';
import type { Caller } from '#protocol';
import type { Entry } from './entry.ts';
import type { OpenedFile } from './open-files.ts';

/**
 * What a write takes away: file capabilities, and setuid and setgid too where the caller given may not keep them;
 * or nothing, since a store to a mapping made the pages dirty.
 */
export type WriteKills = Caller | false | 'nothing';

/** Where an entry is found. */
export interface Place {
  readonly parent: Ino;
  readonly name: ByteString;
}

/** A new inode: see mknod(2). */
export interface NodeFacts {
  readonly mode: number;
  readonly umask: number;
  readonly rdev: number;
}
/** A file made and opened in one step. */
export interface CreateFacts {
  readonly flags: number;
  readonly mode: number;
  readonly umask: number;
  /** O_EXCL: a file that is there is a failure. Default: true. */
  readonly exclusive?: boolean;
}
/** What was made, and its handle. */
export interface CreatedFile {
  readonly entry: Entry;
  readonly file: OpenedFile;
}
/** A place in an open file. */
export interface Position {
  readonly handle: Handle;
  readonly offset: number;
}
