/**
 * The kinds of lease (docs/design/0005-cluster.md): what a session may cache while it holds one. `bit` is how a set of
 * kinds travels; `breaks` are the kinds of other sessions that must end before one of this kind is granted. A change
 * itself breaks what the server's table of covers says.
 */
export const leases = {
  /** Attributes, extended attributes and ACL of an inode. */
  attr: { bit: 1, exclusive: false, breaks: 16 },
  /** Names of a directory, absent ones too, and its listing. */
  entries: { bit: 2, exclusive: false, breaks: 32 },
  /** Content and size of a file. */
  read: { bit: 8, exclusive: false, breaks: 16 },
  /** Content, size and mtime that are not flushed yet. */
  write: { bit: 16, exclusive: true, breaks: 1 + 8 + 16 },
  /** Everything below a directory. Not granted yet. */
  subtree: { bit: 32, exclusive: true, breaks: 1 + 2 + 8 + 16 + 32 },
} as const satisfies Record<string, { bit: number; exclusive: boolean; breaks: number }>;

export type LeaseKind = keyof typeof leases;
