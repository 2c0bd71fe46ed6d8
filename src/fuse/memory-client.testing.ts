import { FsError, type Ino, rootIno } from '#base';
import type { AttributeChanges, Attributes, CallName, MakeRequest, ReplyOf, RequestOf } from '#protocol';
import { S_IFDIR, S_IFMT } from '#protocol';
import type { Vfs } from '#vfs';

/** What a vfs calls. */
type Client = ConstructorParameters<typeof Vfs>[0];

interface Node {
  readonly attributes: Attributes;
  readonly names: Map<string, Ino>;
  parent: Ino;
  target: string;
  data: Uint8Array;
  readonly xattrs: Map<string, Uint8Array>;
  opens: number;
}

/**
 * A small file system in memory, for the tests and measurements of this room alone: every call is answered at once
 * and little is checked. `lateCalls` are answered by a promise, to exercise the other way.
 */
export class MemoryClient implements Client {
  readonly files = undefined;
  readonly lateCalls = new Set<CallName>();
  /** How late they are: until no other came for so long, or `together` wait. */
  lateMs = 0;
  together = Number.POSITIVE_INFINITY;
  #waiting: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;
  readonly #nodes = new Map<Ino, Node>();
  #nextIno = 2;

  readonly #sizeMaxBytes: number;

  constructor(options: { sizeMaxBytes?: number } = {}) {
    this.#sizeMaxBytes = options.sizeMaxBytes ?? 1 << 24;
    this.#add(rootIno, rootIno, S_IFDIR | 0o777, '');
  }

  get size(): number {
    return this.#nodes.size;
  }

  call<N extends CallName>(name: N, request: RequestOf<N>): ReplyOf<N> | Promise<ReplyOf<N>> {
    const run = this.#calls[name] as (request: RequestOf<N>) => ReplyOf<N>;
    if (!this.lateCalls.has(name)) return run(request);
    return new Promise((resolve, reject) => {
      const answer = (): void => {
        try {
          resolve(run(request));
        } catch (error) {
          reject(error);
        }
      };
      if (this.lateMs === 0) setImmediate(answer);
      else this.#wait(answer);
    });
  }

  #wait(answer: () => void): void {
    this.#waiting.push(answer);
    clearTimeout(this.#timer);
    const answerAll = () => {
      for (const each of this.#waiting.splice(0)) each();
    };
    if (this.#waiting.length >= this.together) setImmediate(answerAll);
    else this.#timer = setTimeout(answerAll, this.lateMs);
  }

  readonly #calls: { [N in CallName]: (request: RequestOf<N>) => ReplyOf<N> } = {
    lookup: ({ parent, name }) => {
      const directory = this.#require(parent);
      if (name === '.') return directory.attributes;
      if (name === '..') return this.#require(directory.parent).attributes;
      const ino = directory.names.get(name);
      return ino === undefined ? undefined : this.#require(ino).attributes;
    },
    make: (request) => this.#make(request),
    makeUnnamed: ({ caller, parent, mode, umask }) => {
      const node = this.#add(this.#nextIno++ as Ino, parent, mode & ~umask, '');
      this.#change(node, { uid: caller.uid, gid: caller.gid });
      node.attributes.nlink = 0;
      node.opens = 1;
      return node.attributes;
    },
    link: ({ ino, parent, name }) => {
      const node = this.#require(ino);
      this.#enter(parent, name, ino);
      node.attributes.nlink += 1;
      return node.attributes;
    },
    unlink: ({ parent, name }) => this.#remove(parent, name),
    rmdir: ({ parent, name }) => {
      const ino = this.#find(parent, name);
      if (this.#require(ino).names.size > 0) throw new FsError('notEmpty', name);
      this.#require(parent).names.delete(name);
      this.#nodes.delete(ino);
      return undefined;
    },
    rename: ({ parent, name, newParent, newName, flags }) => {
      const ino = this.#find(parent, name);
      const target = this.#require(newParent).names.get(newName);
      if ((flags & ~1) !== 0) throw new FsError('invalid', 'rename flags');
      if ((flags & 1) !== 0 && target !== undefined) throw new FsError('exists', newName);
      if (target === ino) return undefined;
      if (target !== undefined) this.#remove(newParent, newName);
      this.#require(parent).names.delete(name);
      this.#require(newParent).names.set(newName, ino);
      this.#require(ino).parent = newParent;
    },
    readdir: ({ ino, cookie, limit, withAttributes }) =>
      // Cookies are inode numbers above those of '.' and '..': good enough while nothing is hard linked.
      [...this.#require(ino).names]
        .map(([name, child]) => ({ name, ino: child, cookie: child + 2 }))
        .filter((entry) => entry.cookie > cookie)
        .sort((left, right) => left.cookie - right.cookie)
        .slice(0, limit)
        .map((entry) => {
          const { attributes } = this.#require(entry.ino);
          const type = attributes.mode & S_IFMT;
          return { ...entry, type, attributes: withAttributes ? attributes : undefined };
        }),
    readlink: ({ ino }) => this.#require(ino).target,
    getattr: ({ ino }) => this.#require(ino).attributes,
    setattr: ({ ino, changes }) => this.#change(this.#require(ino), changes),
    access: () => undefined,
    getxattr: ({ ino, name }) => {
      const value = this.#require(ino).xattrs.get(name);
      if (value === undefined) throw new FsError('noData', name);
      return value;
    },
    listxattr: ({ ino }) => [...this.#require(ino).xattrs.keys()],
    setxattr: ({ ino, name, value }) => void this.#require(ino).xattrs.set(name, value.slice()),
    removexattr: ({ ino, name }) => {
      if (!this.#require(ino).xattrs.delete(name)) throw new FsError('noData', name);
    },
    setflags: ({ ino, flags }) => {
      this.#require(ino).attributes.flags = flags;
    },
    open: ({ ino, flags }) => {
      const node = this.#require(ino);
      if ((flags & 0o1000) !== 0) this.#change(node, { size: 0 });
      node.opens += 1;
      return { attributes: node.attributes, storage: 'inline' };
    },
    opendir: ({ ino }) => void this.#require(ino),
    release: ({ ino, count }) => {
      const node = this.#require(ino);
      node.opens -= count;
      if (node.opens === 0 && node.attributes.nlink === 0) this.#nodes.delete(ino);
    },
    read: ({ ino, offset, length }) => {
      const { data, attributes } = this.#require(ino);
      return data.subarray(Math.min(offset, attributes.size), Math.min(offset + length, attributes.size));
    },
    write: ({ ino, offset, data, append }) => {
      const node = this.#require(ino);
      const start = append ? node.attributes.size : offset;
      const end = start + data.length;
      if (end > node.attributes.size) this.#change(node, { size: end });
      node.data.set(data, start);
      node.attributes.dataVersion += 1;
      return { written: data.length, end };
    },
    fallocate: ({ ino, offset, length, mode }) => {
      const node = this.#require(ino);
      if (mode === 0) this.#change(node, { size: Math.max(node.attributes.size, offset + length) });
    },
    seek: ({ ino, offset, whence }) => {
      const { size } = this.#require(ino).attributes;
      if (offset >= size) throw new FsError('noSuchAddress', 'past the end');
      return whence === 3 ? offset : size;
    },
    copyRange: ({ from, fromOffset, to, toOffset, length }) => {
      const source = this.#require(from);
      const data = source.data.slice(fromOffset, Math.min(fromOffset + length, source.attributes.size));
      this.#calls.write({ ino: to, offset: toOffset, data, append: false, killPrivileges: false, sync: false });
      return data.length;
    },
    fsync: () => undefined,
    statfs: () => ({
      blockSize: 4096,
      blocks: 1000,
      blocksFree: 900,
      blocksAvailable: 900,
      files: 1000,
      filesFree: 900,
      nameMax: 255,
    }),
  };

  #require(ino: Ino): Node {
    const node = this.#nodes.get(ino);
    if (node === undefined) throw new FsError('stale', `inode ${ino} is gone`);
    return node;
  }

  #find(parent: Ino, name: string): Ino {
    const ino = this.#require(parent).names.get(name);
    if (ino === undefined) throw new FsError('notFound', name);
    return ino;
  }

  #enter(parent: Ino, name: string, ino: Ino): void {
    const { names } = this.#require(parent);
    if (names.has(name)) throw new FsError('exists', name);
    names.set(name, ino);
  }

  #make({ caller, parent, name, mode, umask, target, open }: MakeRequest): Attributes {
    const ino = this.#nextIno++ as Ino;
    this.#enter(parent, name, ino);
    const node = this.#add(ino, parent, mode & ~umask, target);
    this.#change(node, { uid: caller.uid, gid: caller.gid });
    if (open) node.opens = 1;
    return node.attributes;
  }

  #remove(parent: Ino, name: string): undefined {
    const ino = this.#find(parent, name);
    this.#require(parent).names.delete(name);
    const node = this.#require(ino);
    node.attributes.nlink -= 1;
    if (node.attributes.nlink === 0 && node.opens === 0) this.#nodes.delete(ino);
  }

  #change(node: Node, changes: AttributeChanges): Attributes {
    const { attributes } = node;
    const { mode, uid, gid, size, mtime } = changes;
    if (mode !== undefined) attributes.mode = (attributes.mode & S_IFMT) | mode;
    if (uid !== undefined) attributes.uid = uid;
    if (gid !== undefined) attributes.gid = gid;
    if (size !== undefined) {
      if (size > this.#sizeMaxBytes) throw new FsError('fileTooLarge', `${size} bytes`);
      const data = new Uint8Array(Math.max(size, size > node.data.length ? 2 * node.data.length : node.data.length));
      data.set(node.data.subarray(0, Math.min(size, attributes.size)));
      node.data = data;
      attributes.size = size;
    }
    if (mtime !== undefined && mtime !== 'now') {
      attributes.mtimeSec = mtime.sec;
      attributes.mtimeNsec = mtime.nsec;
    }
    return attributes;
  }

  #add(ino: Ino, parent: Ino, mode: number, target: string): Node {
    const node: Node = {
      attributes: newAttributes(ino, mode, target.length),
      names: new Map(),
      parent,
      target,
      data: new Uint8Array(0),
      xattrs: new Map(),
      opens: 0,
    };
    this.#nodes.set(ino, node);
    return node;
  }
}

function newAttributes(ino: Ino, mode: number, size: number): Attributes {
  return {
    ino,
    mode,
    nlink: 1,
    uid: 0,
    gid: 0,
    rdev: 0,
    size,
    blocks: 0,
    atimeSec: 0,
    atimeNsec: 0,
    mtimeSec: 0,
    mtimeNsec: 0,
    ctimeSec: 0,
    ctimeNsec: 0,
    btimeSec: 1,
    btimeNsec: 2,
    flags: 0,
    dataVersion: 1,
    hasAcl: false,
    hasFileCapabilities: false,
  };
}
