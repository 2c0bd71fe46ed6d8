import { O_ACCMODE, O_APPEND, O_RDONLY, O_TRUNC, O_WRONLY, S_IFMT, S_IFREG, S_ISGID, S_ISUID } from '#protocol';

/**
 * How the kernel treats an open file:
 *
 * - `passthrough`: reads, writes and mappings go to the backing file; the daemon hears nothing of them.
 * - `passthroughDirect`: mappings go to the backing file, reads and writes come to the daemon.
 * - `cached`: through the kernel's page cache; what it lacks, and every write, comes to the daemon.
 * - `direct`: every read and write comes to the daemon; binds the inode to no mode.
 */
export type OpenMode = 'passthrough' | 'passthroughDirect' | 'cached' | 'direct';

/** What decides how a file opens. */
export interface OpenFacts {
  /** The daemon may register backing files, and the store lends them. */
  readonly canPassThrough: boolean;
  /** The open flags (O_*). */
  readonly flags: number;
  readonly created: boolean;
  readonly mode: number;
  readonly hasFileCapabilities: boolean;
  readonly storage: 'inline' | 'blob';
  /** The kernel may keep pages: always where this mount is the only one, else under a lease. */
  readonly mayCache: boolean;
  /** The mode of the handles that are open already. */
  readonly joined: OpenMode | undefined;
}

/**
 * One inode has one kernel mode while it is open; a wrong mix gives applications EIO. This function alone decides:
 *
 * | the inode | mode |
 * |---|---|
 * | open already as `passthrough` or `passthroughDirect` | a passthrough one, with the same backing file |
 * | open already as `cached` | `cached` |
 * | write-only and new, truncated or inline | `direct`: a small file never becomes a file of the store, and a write-only handle cannot be mapped |
 * | inline, opened for reading only | `cached`: one READ, then the page cache |
 * | else, where backing files can be registered | `passthrough`; opened for writing with setuid, setgid or file capabilities, which a write must clear, or for appending: `passthroughDirect` |
 * | else, where the kernel may keep pages | `cached` |
 * | else | `direct` |
 */
export function chooseOpenMode(facts: OpenFacts): OpenMode {
  const access = facts.flags & O_ACCMODE;
  const { joined } = facts;
  if (joined === 'passthrough' || joined === 'passthroughDirect') return passthroughMode(facts, access);
  if (joined === 'cached') return 'cached';
  const fresh = facts.created || (facts.flags & O_TRUNC) !== 0 || facts.storage === 'inline';
  if (access === O_WRONLY && fresh) return 'direct';
  if (!facts.canPassThrough) return facts.mayCache ? 'cached' : 'direct';
  if (facts.storage === 'inline' && access === O_RDONLY) return 'cached';
  return passthroughMode(facts, access);
}

function passthroughMode(facts: OpenFacts, access: number): OpenMode {
  if (access === O_RDONLY || (facts.mode & S_IFMT) !== S_IFREG) return 'passthrough';
  const privileged = facts.hasFileCapabilities || (facts.mode & (S_ISUID | S_ISGID)) !== 0;
  // The kernel opens the backing file for appending too, and does not hear of F_SETFL taking O_APPEND away.
  const appending = (facts.flags & O_APPEND) !== 0;
  return privileged || appending ? 'passthroughDirect' : 'passthrough';
}
