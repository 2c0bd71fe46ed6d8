import { FsError, type Ino, rootIno } from '#base';
import type { Client } from '#client';
import {
  type AttributeChanges,
  type Attributes,
  type CallName,
  type CopyRangeRequest,
  type DirectoryEntry,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FALLOC_FL_ZERO_RANGE,
  O_TRUNC,
  RENAME_NOREPLACE,
  type RenameRequest,
  type ReplyOf,
  type RequestOf,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  SEEK_DATA,
  type WriteReply,
  type WriteRequest,
} from '#protocol';
import { type DiskEvent, marksName } from './disk-event.ts';
import { RecordedNode } from './recorded-node.ts';
import { type Lies, SyncLog } from './sync-log.ts';

/** The file that marks are written to. */
const marksIno = 2 as Ino;

/**
 * A file system in memory that remembers in order what was done to it. It offers what a store needs: files,
 * directories, links, syncs; locks and mappings are the kernel's. No symlinks, devices or extended attributes.
 */
export class RecordedClient implements Client {
  readonly files = undefined;
  readonly events: DiskEvent[] = [];
  readonly #nodes = new Map<Ino, RecordedNode>();
  readonly #syncs: SyncLog;
  #nextIno = 3;

  constructor(options: { syncMs: number; seed: number; lies: Lies }) {
    this.#syncs = new SyncLog(this.events, options);
    const root = this.#add(rootIno, S_IFDIR | 0o755);
    root.parent = root;
    const marks = this.#add(marksIno, S_IFREG | 0o666);
    marks.attributes.nlink = 1;
  }

  call<N extends CallName>(name: N, request: RequestOf<N>): ReplyOf<N> | Promise<ReplyOf<N>> {
    return (this.#calls[name] as (request: RequestOf<N>) => ReplyOf<N> | Promise<ReplyOf<N>>)(request);
  }

  mark(text: string): void {
    if (!this.#syncs.takeMark(text)) this.events.push({ kind: 'mark', text });
  }

  readonly #calls: { [N in CallName]: (request: RequestOf<N>) => ReplyOf<N> | Promise<ReplyOf<N>> } = {
    lookup: ({ parent, name }) => this.#lookup(this.#require(parent), name)?.attributes,
    make: ({ parent, name, mode, umask, open }) => {
      const directory = this.#require(parent);
      if (directory.names.has(name)) throw new FsError('exists', name);
      const type = mode & S_IFMT;
      if (type !== S_IFREG && type !== S_IFDIR) throw new FsError('notSupported', `a file of type ${type}`);
      const node = this.#add(this.#takeIno(), mode & ~umask);
      if (open) node.opens = 1;
      this.events.push({ kind: 'make', parent, name, ino: node.ino, isDirectory: node.isDirectory });
      this.#enter(directory, name, node);
      return node.attributes;
    },
    makeUnnamed: ({ mode, umask }) => {
      const node = this.#add(this.#takeIno(), mode & ~umask);
      node.opens = 1;
      return node.attributes;
    },
    link: ({ ino, parent, name }) => {
      const directory = this.#require(parent);
      if (directory.names.has(name)) throw new FsError('exists', name);
      this.events.push({ kind: 'link', parent, name, ino });
      this.#enter(directory, name, this.#require(ino));
      return this.#require(ino).attributes;
    },
    unlink: ({ parent, name }) => this.#unlink(this.#require(parent), name),
    rmdir: ({ parent, name }) => {
      if (this.#require(parent).require(name).names.size > 0) throw new FsError('notEmpty', name);
      return this.#unlink(this.#require(parent), name);
    },
    rename: (request) => this.#rename(request),
    readdir: ({ ino, cookie, limit, withAttributes }) => {
      const entries: DirectoryEntry[] = [];
      for (const [name, entry] of this.#require(ino).names) {
        if (entry.cookie <= cookie) continue;
        const { attributes } = entry.node;
        const type = attributes.mode & S_IFMT;
        entries.push({
          name,
          ino: entry.node.ino,
          cookie: entry.cookie,
          type,
          attributes: withAttributes ? attributes : undefined,
        });
        if (entries.length === limit) break;
      }
      return entries;
    },
    readlink: ({ ino }) => {
      throw new FsError('invalid', `inode ${ino} is no symlink: ${S_IFLNK}`);
    },
    getattr: ({ ino }) => this.#require(ino).attributes,
    setattr: ({ ino, changes }) => this.#setattr(this.#require(ino), changes),
    access: () => undefined,
    getxattr: ({ name }) => {
      throw new FsError('noData', name);
    },
    listxattr: () => [],
    setxattr: ({ name }) => {
      throw new FsError('notSupported', name);
    },
    removexattr: ({ name }) => {
      throw new FsError('noData', name);
    },
    setflags: ({ ino }) => {
      throw new FsError('notSupported', `flags of inode ${ino}`);
    },
    open: ({ ino, flags }) => {
      const node = this.#require(ino);
      if ((flags & O_TRUNC) !== 0 && ino !== marksIno) this.#setattr(node, { size: 0 });
      node.opens += 1;
      // As a blob it opens through the page cache, which its mappings share. Marks come straight here.
      return { attributes: node.attributes, storage: ino === marksIno ? 'inline' : 'blob' };
    },
    opendir: ({ ino }) => void this.#require(ino),
    release: ({ ino, count }) => {
      const node = this.#require(ino);
      node.opens -= count;
      this.#removeIfUnused(node);
    },
    read: ({ ino, offset, length }) => this.#require(ino).content.read(offset, length),
    write: (request) => this.#write(request),
    fallocate: ({ ino, mode, offset, length }) => {
      const node = this.#require(ino);
      const { size } = node.content;
      if ((mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) !== 0) {
        node.content.clear(offset, length);
        node.contentChanged();
        this.events.push({ kind: 'clear', ino, mtime: node.mtime, offset, length });
      }
      if ((mode & FALLOC_FL_KEEP_SIZE) === 0 && offset + length > size) this.#resize(node, offset + length);
    },
    seek: ({ ino, offset, whence }) => {
      const { size } = this.#require(ino).content;
      if (offset >= size) throw new FsError('noSuchAddress', `${offset} of ${size}`);
      return whence === SEEK_DATA ? offset : size;
    },
    copyRange: (request) => this.#copyRange(request),
    fsync: ({ ino, dataOnly }) => this.#syncs.sync(this.#require(ino), { dataOnly }),
    statfs: () => ({
      blockSize: 4096,
      blocks: 4_194_304,
      blocksFree: 4_000_000,
      blocksAvailable: 4_000_000,
      files: 1_000_000,
      filesFree: 900_000,
      nameMax: 255,
    }),
  };

  #lookup(directory: RecordedNode, name: string): RecordedNode | undefined {
    if (name === '.') return directory;
    if (name === '..') return directory.parent;
    if (directory.ino === rootIno && name === marksName) return this.#require(marksIno);
    return directory.names.get(name)?.node;
  }

  #write({ ino, offset, data, append, sync }: WriteRequest): WriteReply {
    const node = this.#require(ino);
    if (ino === marksIno) {
      this.mark(Buffer.from(data).toString());
      return { written: data.length, end: data.length };
    }
    const start = append ? node.content.size : offset;
    const bytes = new Uint8Array(data);
    node.content.write(start, bytes);
    node.contentChanged();
    this.events.push({ kind: 'write', ino, mtime: node.mtime, offset: start, bytes });
    if (sync) this.#syncs.expectSyncOf(node, { offset: start, length: bytes.length });
    return { written: bytes.length, end: start + bytes.length };
  }

  #copyRange({ from, fromOffset, to, toOffset, length }: CopyRangeRequest): number {
    const data = this.#require(from).content.read(fromOffset, length);
    this.#write({ ino: to, offset: toOffset, data, append: false, killPrivileges: false, sync: false });
    return data.length;
  }

  #setattr(node: RecordedNode, changes: AttributeChanges): Attributes {
    const { size, mtime } = changes;
    if (size !== undefined) this.#resize(node, size);
    node.change(changes);
    if (mtime !== undefined) this.events.push({ kind: 'touch', ino: node.ino, mtime: node.mtime });
    return node.attributes;
  }

  #resize(node: RecordedNode, size: number): void {
    if (size === node.content.size) return;
    if (size > sizeMaxBytes) throw new FsError('fileTooLarge', `${size} bytes`);
    node.content.truncate(size);
    node.contentChanged();
    this.events.push({ kind: 'truncate', ino: node.ino, mtime: node.mtime, size });
  }

  #rename({ parent, name, newParent, newName, flags }: RenameRequest): Attributes | undefined {
    if ((flags & ~RENAME_NOREPLACE) !== 0) throw new FsError('invalid', `rename flags ${flags}`);
    const from = this.#require(parent);
    const to = this.#require(newParent);
    const node = from.require(name);
    const replaced = to.names.get(newName)?.node;
    if (replaced === node) return undefined;
    if (replaced !== undefined) {
      if ((flags & RENAME_NOREPLACE) !== 0) throw new FsError('exists', newName);
      if (replaced.names.size > 0) throw new FsError('notEmpty', newName);
    }
    this.events.push({ kind: 'rename', parent, name, newParent, newName, ino: node.ino });
    from.names.delete(name);
    if (!node.isDirectory) node.attributes.nlink -= 1;
    from.touch();
    to.names.delete(newName);
    this.#enter(to, newName, node);
    return replaced && this.#unnamed(replaced);
  }

  #enter(directory: RecordedNode, name: string, node: RecordedNode): void {
    directory.enter(name, node);
    if (node.isDirectory) node.parent = directory;
    else node.attributes.nlink += 1;
  }

  #unlink(directory: RecordedNode, name: string): Attributes | undefined {
    const node = directory.require(name);
    this.events.push({ kind: 'unlink', parent: directory.ino, name });
    directory.names.delete(name);
    directory.touch();
    return this.#unnamed(node);
  }

  #unnamed(node: RecordedNode): Attributes | undefined {
    node.attributes.nlink = node.isDirectory ? 0 : node.attributes.nlink - 1;
    return this.#removeIfUnused(node) ? node.attributes : undefined;
  }

  #removeIfUnused(node: RecordedNode): boolean {
    const isUnused = node.opens === 0 && node.attributes.nlink === 0;
    if (isUnused) this.#nodes.delete(node.ino);
    return isUnused;
  }

  #require(ino: Ino): RecordedNode {
    const node = this.#nodes.get(ino);
    if (node === undefined) throw new FsError('stale', `inode ${ino} is gone`);
    return node;
  }

  #takeIno(): Ino {
    return this.#nextIno++ as Ino;
  }

  #add(ino: Ino, mode: number): RecordedNode {
    const node = new RecordedNode(ino, mode);
    this.#nodes.set(ino, node);
    return node;
  }
}

const sizeMaxBytes = 2 ** 31;
