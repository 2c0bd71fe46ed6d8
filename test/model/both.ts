import assert from 'node:assert/strict';
import { type Clock, FsError, type Handle, type Ino, type Maybe, rootIno, statuses } from '#base';
import { type Attributes, type Caller, type DirectoryEntry, superuser } from '#protocol';
import type { Vfs } from '#vfs';
import { isGone, ModelError, type Owner, ReferenceFileSystem } from './reference.ts';
import { fileType, isDirectory, type Node, refuse, typeMask } from './reference-node.ts';

export interface OpenHandle {
  readonly handle: Handle;
  readonly node: Node;
  readonly reads: boolean;
  readonly writes: boolean;
  readonly appends: boolean;
}

/** A file system and the model of one, kept in step: what one says the other must say. */
export class Both {
  readonly vfs: Vfs;
  readonly model: ReferenceFileSystem;
  /** Every inode that was ever made, gone ones too. */
  readonly nodes: Node[];
  readonly handles: OpenHandle[] = [];
  readonly #inos = new Map<Node, Ino>();
  readonly #rootParent: Ino;

  /** The model's root is the mount's, or a directory that nobody else works below. */
  constructor(vfs: Vfs, root: { ino: Ino; parent: Ino } = { ino: rootIno, parent: rootIno }, owner?: Owner) {
    this.vfs = vfs;
    this.model = new ReferenceFileSystem(owner);
    this.nodes = [this.model.root];
    this.#inos.set(this.model.root, root.ino);
    this.#rootParent = root.parent;
  }

  ino(node: Node): Ino {
    return this.#inos.get(node)!;
  }

  /** Both made an inode: from now on they mean the same. */
  pair(node: Node, attributes: Attributes): void {
    assert(!this.nodes.some((other) => this.ino(other) === attributes.ino), `inode ${attributes.ino} was used before`);
    this.nodes.push(node);
    this.#inos.set(node, attributes.ino);
    this.assertAttributes(node, attributes);
  }

  /** Runs one operation on both. Undefined when both refuse, for the same reason. */
  async run<M, R>(model: () => M, real: () => Maybe<R>): Promise<{ expected: M; actual: R } | undefined> {
    const expected = outcomeOf(model);
    const actual = await realOutcome(real);
    assert.equal(actual.errno, expected.errno, `expected ${expected.errno ?? 'success'}: ${expected.message}`);
    return expected.errno === undefined ? { expected: expected.value as M, actual: actual.value as R } : undefined;
  }

  assertAttributes(node: Node, attributes: Attributes): void {
    const { mode, nlink, uid, gid, size, rdev } = attributes;
    const regular = (node.mode & typeMask) === fileType.file;
    const sizes = (bytes: number): { size: number } | undefined => (regular ? { size: bytes } : undefined);
    assert.deepEqual(
      { mode: mode.toString(8), nlink, uid, gid, rdev, ...sizes(size) },
      {
        mode: node.mode.toString(8),
        nlink: node.nlink,
        uid: node.uid,
        gid: node.gid,
        rdev: node.rdev,
        ...sizes(node.content.length),
      },
    );
  }

  /** All that can be seen of one inode: attributes, names or content, extended attributes. */
  async compareNode(node: Node): Promise<void> {
    // Whoever has a removed inode as its working directory may still ask what it was.
    const seen = await this.run(
      () => node.forgotten && refuse('ESTALE', 'the inode is gone'),
      () => this.vfs.getattr(this.ino(node)),
    );
    if (seen === undefined) return;
    this.assertAttributes(node, seen.actual.attributes);
    if (isGone(node)) return;
    const names = await this.vfs.listxattr(superuser, this.ino(node));
    assert.deepEqual([...names].sort(), [...node.xattrs.keys()].sort());
    if (isDirectory(node)) await this.compareListing(node, 3);
  }

  async compareListing(directory: Node, limit: number): Promise<void> {
    if (isGone(directory)) {
      assert.deepEqual(await this.vfs.readdir(this.ino(directory), 0, limit, false), []);
      return;
    }
    const listed = await this.run(
      () => this.model.list(directory),
      () => this.#list(directory, limit),
    );
    if (listed === undefined) return;
    const expected = listed.expected.map(([name, node]) => [name, this.ino(node), node.mode & typeMask]);
    const dots = [
      ['.', this.ino(directory), fileType.directory],
      ['..', this.#parentIno(directory), fileType.directory],
    ];
    const found = listed.actual.map(({ name, ino, type }) => [name, ino, type]);
    assert.deepEqual(byName(found), byName([...dots, ...expected]));
    for (const entry of listed.actual) {
      const node = directory.entries.get(entry.name);
      if (entry.attributes !== undefined && node !== undefined) this.assertAttributes(node, entry.attributes);
    }
  }

  async compareContent({ handle, node }: OpenHandle): Promise<void> {
    const bytes = await this.vfs.read(handle, 0, node.content.length + 10);
    if (Buffer.compare(bytes, node.content) !== 0) assert.fail(describeDifference(bytes, node.content));
  }

  /** Everything that exists on either side. */
  async compareAll(clock: Clock): Promise<void> {
    clock.readWall();
    for (const node of this.nodes) {
      await this.compareNode(node);
      if ((node.mode & typeMask) !== fileType.file || node.nlink === 0) continue;
      const { handle } = await this.vfs.open(superuser, this.ino(node), 0, false);
      await this.compareContent({ handle, node, reads: true, writes: false, appends: false });
      await this.vfs.release(handle);
    }
    for (const open of this.handles) if (open.reads) await this.compareContent(open);
  }

  #parentIno(directory: Node): Ino {
    return directory === this.model.root ? this.#rootParent : this.ino(directory.parent!);
  }

  async #list(directory: Node, limit: number): Promise<DirectoryEntry[]> {
    const found: DirectoryEntry[] = [];
    for (let cookie = 0; ; cookie = found.at(-1)!.cookie) {
      const page = await this.vfs.readdir(this.ino(directory), cookie, limit, limit % 2 === 1);
      assert(page.length <= limit);
      if (page.length === 0) return found;
      found.push(...page);
      assert(found.length < 1000, 'the listing has an end');
    }
  }
}

interface Outcome<T> {
  readonly value?: T;
  readonly errno?: string;
  readonly message?: string;
}

function outcomeOf<T>(run: () => T): Outcome<T> {
  try {
    return { value: run() };
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    return { errno: error.errno, message: error.message };
  }
}

async function realOutcome<T>(run: () => Maybe<T>): Promise<Outcome<T>> {
  try {
    return { value: await run() };
  } catch (error) {
    if (!(error instanceof FsError)) throw error;
    return { errno: statuses[error.status].name };
  }
}

function byName(entries: unknown[][]): unknown[][] {
  return entries.sort((a, b) => ((a[0] as string) < (b[0] as string) ? -1 : 1));
}

function describeDifference(actual: Uint8Array, expected: Uint8Array): string {
  const at = expected.findIndex((byte, index) => byte !== actual[index]);
  return `${actual.length} bytes read, ${expected.length} expected; the first that differs is at ${at}: ${actual[at]}, not ${expected[at]}`;
}

/** A caller as the kernel presents one that it has checked. */
export function checkedCaller(uid: number): Caller {
  return { uid, gid: uid, checked: true, identity: 'known', inGroup: (gid) => gid === uid, capable: () => uid === 0 };
}
