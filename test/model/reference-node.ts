/** The numbers that Linux gives to what a file system says; this model shares nothing with the code it judges. */
export const fileType = {
  file: 0o100000,
  directory: 0o040000,
  symlink: 0o120000,
  fifo: 0o010000,
  character: 0o020000,
} as const;
export const typeMask = 0o170000;

/** A failure that the system call must give, by its name. */
export class ModelError extends Error {
  readonly errno: string;
  constructor(errno: string, message: string) {
    super(`${errno}: ${message}`);
    this.errno = errno;
  }
}

export function refuse(errno: string, message: string): never {
  throw new ModelError(errno, message);
}

/** An inode of the model. */
export interface Node {
  readonly id: number;
  /** Type and permission bits. */
  mode: number;
  uid: number;
  gid: number;
  rdev: number;
  nlink: number;
  /** Of a directory. */
  readonly entries: Map<string, Node>;
  /** Of a directory: where `..` leads. */
  parent: Node | undefined;
  content: Uint8Array;
  readonly target: string;
  readonly xattrs: Map<string, Uint8Array>;
  opens: number;
  /** Made by O_TMPFILE and not yet linked: the only inode without names that may get one. */
  unnamed: boolean;
  /** The last open ended after the last name had gone: nobody can ask for it any more. */
  forgotten: boolean;
}

export function isDirectory(node: Node): boolean {
  return (node.mode & typeMask) === fileType.directory;
}

/** Content after `data` was written at `offset`; what lies between is zeros. */
export function written(content: Uint8Array, offset: number, data: Uint8Array): Uint8Array {
  if (data.length === 0) return content;
  const result = resized(content, Math.max(content.length, offset + data.length));
  result.set(data, offset);
  return result;
}

/** A copy with `size` bytes: cut off, or filled up with zeros. */
export function resized(content: Uint8Array, size: number): Uint8Array {
  const result = new Uint8Array(size);
  result.set(content.subarray(0, size));
  return result;
}

/** What a write or truncation by someone without CAP_FSETID leaves of the mode. */
export function withoutPrivileges(mode: number): number {
  return withoutGroupPrivilege(mode & ~0o4000);
}

/** Setgid goes, where it means a group to run as. */
export function withoutGroupPrivilege(mode: number): number {
  return (mode & 0o010) === 0 ? mode : mode & ~0o2000;
}
