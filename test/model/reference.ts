import {
  fileType,
  isDirectory,
  ModelError,
  type Node,
  refuse,
  resized,
  typeMask,
  withoutGroupPrivilege,
  withoutPrivileges,
  written,
} from './reference-node.ts';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}
export interface NewNode {
  /** Type and permission bits, with the umask applied. */
  readonly mode: number;
  readonly rdev?: number;
  readonly target?: string;
}
export interface Place {
  readonly parent: Node;
  readonly name: string;
}
export interface Changes {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly size?: number;
  readonly killPrivileges?: boolean;
}
export interface Allocation {
  readonly zero: boolean;
  readonly keepSize: boolean;
  readonly killPrivileges: boolean;
}
export interface RenameFlags {
  readonly noReplace?: boolean;
  readonly exchange?: boolean;
  readonly whiteout?: boolean;
}

/**
 * What a POSIX file system does, in its simplest form: a tree of maps. Every operation returns what Linux would
 * return or fails with a `ModelError`. Callers have every right; permissions are not part of the model.
 */
export class ReferenceFileSystem {
  readonly root: Node;
  #nextId = 1;

  constructor(owner: Owner = { uid: 0, gid: 0 }, mode = 0o755) {
    this.root = this.#node({ mode: fileType.directory | mode }, owner);
    this.root.nlink = 2;
    this.root.parent = this.root;
  }

  // ---- names ----

  lookup(parent: Node, name: string): Node | undefined {
    requireDirectory(parent);
    return parent.entries.get(name);
  }

  /** mknod, mkdir, symlink, open(O_CREAT | O_EXCL). */
  make({ parent, name }: Place, facts: NewNode, owner: Owner): Node {
    requireDirectory(parent);
    if (parent.entries.has(name)) refuse('EEXIST', name);
    const node = this.#inherit(parent, facts, owner);
    parent.entries.set(name, node);
    node.nlink = 1;
    if (isDirectory(node)) {
      node.nlink = 2;
      node.parent = parent;
      parent.nlink += 1;
    }
    return node;
  }

  /** open(O_TMPFILE); the inode is open once. */
  makeUnnamed(parent: Node, facts: NewNode, owner: Owner): Node {
    requireDirectory(parent);
    const node = this.#inherit(parent, facts, owner);
    node.unnamed = true;
    node.opens = 1;
    return node;
  }

  link(node: Node, { parent, name }: Place): void {
    requireDirectory(parent);
    if (parent.entries.has(name)) refuse('EEXIST', name);
    if (isGone(node)) refuse('ESTALE', 'the inode is gone');
    if (isDirectory(node)) refuse('EPERM', 'a directory has one name');
    if (node.nlink === 0 && !node.unnamed) refuse('ENOENT', 'the inode lost its last name');
    node.unnamed = false;
    node.nlink += 1;
    parent.entries.set(name, node);
  }

  unlink({ parent, name }: Place): void {
    const node = requireEntry(parent, name);
    if (isDirectory(node)) refuse('EISDIR', name);
    parent.entries.delete(name);
    node.nlink -= 1;
  }

  rmdir({ parent, name }: Place): void {
    const node = requireEntry(parent, name);
    if (!isDirectory(node)) refuse('ENOTDIR', name);
    if (node.entries.size > 0) refuse('ENOTEMPTY', name);
    this.#removeDirectory(parent, name, node);
  }

  /** `owner`: whose the character device is that `whiteout` leaves. */
  rename(from: Place, to: Place, flags: RenameFlags, owner: Owner): void {
    const { noReplace = false, exchange = false, whiteout = false } = flags;
    if (exchange && (noReplace || whiteout)) refuse('EINVAL', 'flags that exclude each other');
    const source = requireEntry(from.parent, from.name);
    requireDirectory(to.parent);
    const target = to.parent.entries.get(to.name);
    if (noReplace && target !== undefined) refuse('EEXIST', to.name);
    if (exchange && target === undefined) refuse('ENOENT', to.name);
    if (isWithin(to.parent, source)) refuse('EINVAL', 'a directory cannot become its own descendant');
    if (target !== undefined && isWithin(from.parent, target)) refuse(exchange ? 'EINVAL' : 'ENOTEMPTY', to.name);
    if (source === target) return;
    if (exchange) {
      this.#place(from, target!);
      this.#place(to, source);
      return;
    }
    if (target !== undefined) this.#replace(source, target, to);
    from.parent.entries.delete(from.name);
    if (isDirectory(source)) from.parent.nlink -= 1;
    if (isDirectory(source)) to.parent.nlink += 1;
    to.parent.entries.set(to.name, source);
    if (isDirectory(source)) source.parent = to.parent;
    if (whiteout) this.make(from, { mode: fileType.character }, owner);
  }

  /** Names with their inodes, in no order. */
  list(directory: Node): [string, Node][] {
    requireDirectory(directory);
    return [...directory.entries];
  }

  // ---- attributes ----

  requireAlive(node: Node): void {
    if (isGone(node)) refuse('ESTALE', 'the inode is gone');
  }

  setAttributes(node: Node, changes: Changes): void {
    this.requireAlive(node);
    const { mode, uid, gid, size, killPrivileges = false } = changes;
    const type = node.mode & typeMask;
    if (size !== undefined) {
      if (type === fileType.directory) refuse('EISDIR', 'truncate');
      if (type !== fileType.file) refuse('EINVAL', 'truncate');
      node.content = resized(node.content, size);
    }
    // Linux takes setuid and setgid away from whatever changes hands, also when root does it.
    const handedOver = (uid !== undefined || gid !== undefined) && type !== fileType.directory;
    if (killPrivileges || handedOver) node.mode = withoutPrivileges(node.mode);
    if (mode !== undefined) node.mode = type | (mode & 0o7777);
    if (uid !== undefined) node.uid = uid;
    if (gid !== undefined) node.gid = gid;
  }

  getXattr(node: Node, name: string): Uint8Array {
    this.requireAlive(node);
    return node.xattrs.get(name) ?? refuse('ENODATA', name);
  }

  setXattr(node: Node, name: string, value: Uint8Array, when: 'always' | 'create' | 'replace'): void {
    this.requireAlive(node);
    if (when === 'create' && node.xattrs.has(name)) refuse('EEXIST', name);
    if (when === 'replace' && !node.xattrs.has(name)) refuse('ENODATA', name);
    node.xattrs.set(name, value.slice());
  }

  removeXattr(node: Node, name: string): void {
    this.requireAlive(node);
    if (!node.xattrs.delete(name)) refuse('ENODATA', name);
  }

  // ---- files ----

  open(node: Node, options: { truncate: boolean; killPrivileges: boolean }): void {
    this.requireAlive(node);
    node.opens += 1;
    if (!options.truncate) return;
    node.content = new Uint8Array(0);
    if (options.killPrivileges) node.mode = withoutPrivileges(node.mode);
  }

  release(node: Node): void {
    node.opens -= 1;
    node.forgotten = isGone(node);
  }

  read(node: Node, offset: number, length: number): Uint8Array {
    return node.content.slice(offset, offset + length);
  }

  /** The offset behind the last byte written. */
  write(node: Node, at: number | 'end', data: Uint8Array, killPrivileges: boolean): number {
    const offset = at === 'end' ? node.content.length : at;
    node.content = written(node.content, offset, data);
    if (killPrivileges) node.mode = withoutPrivileges(node.mode);
    return offset + data.length;
  }

  allocate(node: Node, range: { offset: number; length: number }, options: Allocation): void {
    if (range.length <= 0) refuse('EINVAL', 'an empty range');
    const end = range.offset + range.length;
    if (options.zero) node.content = node.content.slice().fill(0, range.offset, end);
    if (options.killPrivileges) node.mode = withoutPrivileges(node.mode);
    if (!options.keepSize && end > node.content.length) node.content = resized(node.content, end);
  }

  copyRange(from: Node, fromOffset: number, to: Node, toOffset: number, length: number): number {
    const data = from.content.slice(fromOffset, fromOffset + length);
    if (data.length === 0) return 0;
    if (from === to && Math.abs(fromOffset - toOffset) < data.length) refuse('EINVAL', 'overlapping ranges');
    to.content = written(to.content, toOffset, data);
    to.mode = withoutPrivileges(to.mode);
    return data.length;
  }

  #node(facts: NewNode, { uid, gid }: Owner): Node {
    return {
      id: this.#nextId++,
      mode: facts.mode,
      uid,
      gid,
      rdev: facts.rdev ?? 0,
      nlink: 0,
      entries: new Map(),
      parent: undefined,
      content: new Uint8Array(0),
      target: facts.target ?? '',
      xattrs: new Map(),
      opens: 0,
      unnamed: false,
      forgotten: false,
    };
  }

  /** In a setgid directory the group is the directory's, and directories are setgid too. */
  #inherit(parent: Node, facts: NewNode, owner: Owner): Node {
    const node = this.#node(facts, owner);
    if ((parent.mode & 0o2000) === 0) return node;
    node.gid = parent.gid;
    if (isDirectory(node)) node.mode |= 0o2000;
    // A program of that group is not to be had by making one there; user 0 may do all.
    else if (owner.uid !== 0 && owner.gid !== parent.gid) node.mode = withoutGroupPrivilege(node.mode);
    return node;
  }

  #replace(source: Node, target: Node, { parent, name }: Place): void {
    if (isDirectory(source) && !isDirectory(target)) refuse('ENOTDIR', name);
    if (!isDirectory(source) && isDirectory(target)) refuse('EISDIR', name);
    if (!isDirectory(target)) {
      target.nlink -= 1;
      return;
    }
    if (target.entries.size > 0) refuse('ENOTEMPTY', name);
    this.#removeDirectory(parent, name, target);
  }

  #removeDirectory(parent: Node, name: string, node: Node): void {
    parent.entries.delete(name);
    parent.nlink -= 1;
    node.nlink = 0;
  }

  /** Puts `node` in the place of the one that was there; part of an exchange. */
  #place({ parent, name }: Place, node: Node): void {
    const before = parent.entries.get(name)!;
    if (isDirectory(before)) parent.nlink -= 1;
    if (isDirectory(node)) {
      parent.nlink += 1;
      node.parent = parent;
    }
    parent.entries.set(name, node);
  }
}

export { ModelError };

/** No name and no open file leads to it any more. */
export function isGone(node: Node): boolean {
  return node.nlink === 0 && node.opens === 0;
}

function requireDirectory(node: Node): void {
  if (!isDirectory(node)) refuse('ENOTDIR', 'not a directory');
  if (node.nlink === 0) refuse('ENOENT', 'the directory was removed');
}

function requireEntry(parent: Node, name: string): Node {
  requireDirectory(parent);
  return parent.entries.get(name) ?? refuse('ENOENT', name);
}

/** Whether `node` is `ancestor` or lies below it. */
function isWithin(node: Node, ancestor: Node): boolean {
  for (let at: Node | undefined = node; at !== undefined; at = at.parent === at ? undefined : at.parent) {
    if (at === ancestor) return true;
  }
  return false;
}
