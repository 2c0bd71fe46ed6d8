import assert from 'node:assert/strict';
import {
  type Caller,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FALLOC_FL_ZERO_RANGE,
  O_APPEND,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  RENAME_WHITEOUT,
  SEEK_DATA,
  superuser,
  XATTR_CREATE,
  XATTR_REPLACE,
} from '#protocol';
import type { OpenedFile } from '#vfs';
import { type Both, checkedCaller, type OpenHandle } from './both.ts';
import { content, type OperationName, type Step } from './plan.ts';
import { fileType, isDirectory, type Node, refuse, typeMask } from './reference-node.ts';

type Perform = (both: Both, step: Step, chosen: Chosen) => Promise<void>;

/** What a step works on. */
interface Chosen {
  readonly directory: Node;
  readonly otherDirectory: Node;
  readonly node: Node;
  readonly owner: { uid: number; gid: number };
  readonly caller: ReturnType<typeof checkedCaller>;
}

/** All groups of these tests; a caller that leaves the process takes its groups along as a list. */
const everyGroup = [0, 1001, 1002, 1003];
/** Someone of every group, but without rights over files. */
const writer: Caller = { ...superuser, groups: () => everyGroup, capable: () => false };

/** Runs one step on both; steps for which there is nothing to work on do nothing. */
export async function perform(both: Both, step: Step): Promise<void> {
  const directories = both.nodes.filter(isDirectory);
  const of = (nodes: Node[], index: number): Node => nodes[index % nodes.length]!;
  const uid = step.user === 0 ? 0 : 1000 + step.user;
  const chosen: Chosen = {
    directory: of(directories, step.directory),
    otherDirectory: of(directories, step.otherDirectory),
    node: of(both.nodes, step.node),
    owner: { uid, gid: uid },
    caller: checkedCaller(uid),
  };
  await operations[step.operation](both, step, chosen);
}

const permissionChoices = [0o644, 0o600, 0o4755, 0o2755, 0o6711, 0o1777, 0o2644, 0] as const;

function permissions({ variant }: Step): number {
  return permissionChoices[variant % permissionChoices.length]!;
}

function openFlags({ variant }: Step): number {
  const access = [O_RDONLY, O_RDWR, O_WRONLY, O_RDWR][variant & 3]!;
  const append = access !== O_RDONLY && (variant & 12) === 4 ? O_APPEND : 0;
  const truncate = access !== O_RDONLY && (variant & 48) === 16 ? O_TRUNC : 0;
  return access | append | truncate;
}

function opened(both: Both, node: Node, file: OpenedFile, flags: number): void {
  const access = flags & 3;
  const open: OpenHandle = {
    handle: file.handle,
    node,
    reads: access !== O_WRONLY,
    writes: access !== O_RDONLY,
    appends: (flags & O_APPEND) !== 0,
  };
  both.handles.push(open);
}

function handleFor(both: Both, index: number, may: 'reads' | 'writes'): OpenHandle | undefined {
  const able = both.handles.filter((open) => open[may]);
  return able[index % able.length];
}

const isRegular = (node: Node): boolean => (node.mode & typeMask) === fileType.file;

async function makeNode(
  both: Both,
  { name, variant }: Step,
  { directory: parent, owner, caller }: Chosen,
  kind: { type: number; permissions: number },
): Promise<void> {
  const umask = variant % 2 === 0 ? 0o022 : 0;
  const { type } = kind;
  const mode = type | (kind.permissions & ~umask);
  const made = await both.run(
    () => both.model.make({ parent, name }, { mode }, owner),
    () => {
      const facts = { mode: type | kind.permissions, umask, rdev: 0 };
      const parentIno = both.ino(parent);
      return type === fileType.directory
        ? both.vfs.mkdir(caller, parentIno, name, facts)
        : both.vfs.mknod(caller, parentIno, name, facts);
    },
  );
  if (made !== undefined) both.pair(made.expected, made.actual.attributes);
}

const operations: Record<OperationName, Perform> = {
  async create(both, step, { directory: parent, owner, caller }) {
    const { name } = step;
    const mode = permissions(step);
    const flags = openFlags(step) & ~O_TRUNC;
    const made = await both.run(
      () => both.model.make({ parent, name }, { mode: fileType.file | (mode & ~0o022) }, owner),
      () => both.vfs.create(caller, both.ino(parent), name, { flags, mode, umask: 0o022 }),
    );
    if (made === undefined) return;
    both.pair(made.expected, made.actual.entry.attributes);
    made.expected.opens = 1;
    opened(both, made.expected, made.actual.file, flags);
  },

  async tmpfile(both, step, { directory: parent, owner, caller }) {
    const made = await both.run(
      () => both.model.makeUnnamed(parent, { mode: fileType.file | 0o600 }, owner),
      () => both.vfs.tmpfile(caller, both.ino(parent), { flags: O_RDWR, mode: 0o600, umask: step.variant & 0o022 }),
    );
    if (made === undefined) return;
    both.pair(made.expected, made.actual.entry.attributes);
    opened(both, made.expected, made.actual.file, O_RDWR);
  },

  async mkdir(both, step, chosen) {
    await makeNode(both, step, chosen, { type: fileType.directory, permissions: permissions(step) & 0o1777 });
  },

  async mknod(both, step, chosen) {
    const type = step.variant % 2 === 0 ? fileType.fifo : fileType.file;
    await makeNode(both, step, chosen, { type, permissions: permissions(step) & 0o777 });
  },

  async symlink(both, { name, otherName }, { directory: parent, owner, caller }) {
    const target = `../${otherName}`;
    const made = await both.run(
      () => both.model.make({ parent, name }, { mode: fileType.symlink | 0o777, target }, owner),
      () => both.vfs.symlink(caller, both.ino(parent), name, target),
    );
    if (made !== undefined) both.pair(made.expected, made.actual.attributes);
  },

  async link(both, { name }, { directory: parent, node, caller }) {
    const linked = await both.run(
      () => both.model.link(node, { parent, name }),
      () => both.vfs.link(caller, both.ino(node), both.ino(parent), name),
    );
    if (linked !== undefined) both.assertAttributes(node, linked.actual.attributes);
  },

  async unlink(both, { name }, { directory: parent, caller }) {
    await both.run(
      () => both.model.unlink({ parent, name }),
      () => both.vfs.unlink(caller, both.ino(parent), name),
    );
  },

  async rmdir(both, { name }, { directory: parent, caller }) {
    await both.run(
      () => both.model.rmdir({ parent, name }),
      () => both.vfs.rmdir(caller, both.ino(parent), name),
    );
  },

  async rename(both, { name, otherName, variant }, { directory, otherDirectory, caller, owner }) {
    const flags = [0, 0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT][variant % 6]!;
    const parsed = {
      noReplace: (flags & RENAME_NOREPLACE) !== 0,
      exchange: (flags & RENAME_EXCHANGE) !== 0,
      whiteout: (flags & RENAME_WHITEOUT) !== 0,
    };
    const from = { parent: directory, name };
    const to = { parent: otherDirectory, name: otherName };
    const renamed = await both.run(
      () => both.model.rename(from, to, parsed, owner),
      () => {
        const newParent = both.ino(otherDirectory);
        return both.vfs.rename({ caller, parent: both.ino(directory), name, newParent, newName: otherName, flags });
      },
    );
    if (renamed === undefined || flags !== RENAME_WHITEOUT) return;
    const left = directory.entries.get(name);
    if (left === undefined || both.nodes.includes(left)) return;
    const found = await both.vfs.lookup(superuser, both.ino(directory), name);
    both.pair(left, found!.attributes);
  },

  async lookup(both, { name }, { directory: parent, caller }) {
    const found = await both.run(
      () => both.model.lookup(parent, name),
      () => both.vfs.lookup(caller, both.ino(parent), name),
    );
    if (found === undefined) return;
    assert.equal(found.actual?.attributes.ino, found.expected && both.ino(found.expected));
    if (found.expected !== undefined) both.assertAttributes(found.expected, found.actual!.attributes);
  },

  async list(both, { variant }, { directory }) {
    await both.compareListing(directory, 1 + (variant % 7));
  },

  async readlink(both, _step, { node }) {
    if ((node.mode & typeMask) !== fileType.symlink || node.nlink === 0) return;
    assert.equal(await both.vfs.readlink(both.ino(node)), node.target);
  },

  async chmod(both, step, { node }) {
    if ((node.mode & typeMask) === fileType.symlink) return;
    const mode = permissions(step);
    await both.run(
      () => both.model.setAttributes(node, { mode }),
      () => both.vfs.setattr(superuser, both.ino(node), { mode }),
    );
  },

  async chown(both, { variant }, { node, owner }) {
    const changes = variant % 3 === 0 ? { uid: owner.uid } : variant % 3 === 1 ? { gid: owner.gid } : owner;
    await both.run(
      () => both.model.setAttributes(node, changes),
      () => both.vfs.setattr(superuser, both.ino(node), changes),
    );
  },

  async truncate(both, { offset: size, variant }, { node }) {
    const changes = { size, killPrivileges: variant % 2 === 0 };
    const done = await both.run(
      () => both.model.setAttributes(node, changes),
      () => both.vfs.setattr(writer, both.ino(node), changes),
    );
    if (done !== undefined) both.assertAttributes(node, done.actual.attributes);
  },

  async setxattr(both, step, { node }) {
    if (!isRegular(node) && !isDirectory(node)) return;
    const value = content({ ...step, length: step.length % 300 });
    const [when, flags] = (
      [
        ['always', 0],
        ['create', XATTR_CREATE],
        ['replace', XATTR_REPLACE],
      ] as const
    )[step.variant % 3]!;
    await both.run(
      () => both.model.setXattr(node, `user.${step.name}`, value, when),
      () => both.vfs.setxattr(superuser, both.ino(node), `user.${step.name}`, value, flags),
    );
  },

  async getxattr(both, { name }, { node }) {
    if (!isRegular(node) && !isDirectory(node)) return;
    const got = await both.run(
      () => both.model.getXattr(node, `user.${name}`),
      () => both.vfs.getxattr(superuser, both.ino(node), `user.${name}`),
    );
    if (got !== undefined) assert.deepEqual(Buffer.from(got.actual), Buffer.from(got.expected));
  },

  async removexattr(both, { name }, { node }) {
    if (!isRegular(node) && !isDirectory(node)) return;
    await both.run(
      () => both.model.removeXattr(node, `user.${name}`),
      () => both.vfs.removexattr(superuser, both.ino(node), `user.${name}`),
    );
  },

  async open(both, step, { node }) {
    if (!isRegular(node)) return;
    const flags = openFlags(step);
    const options = { truncate: (flags & O_TRUNC) !== 0, killPrivileges: step.variant % 2 === 1 };
    const done = await both.run(
      () => both.model.open(node, options),
      () => both.vfs.open(writer, both.ino(node), flags, options.killPrivileges),
    );
    if (done !== undefined) opened(both, node, done.actual, flags);
  },

  async release(both, { handle: index }) {
    const [open] = both.handles.splice(index % Math.max(both.handles.length, 1), 1);
    if (open === undefined) return;
    both.model.release(open.node);
    await both.vfs.release(open.handle);
  },

  async read(both, { handle: index, offset, length }) {
    const open = handleFor(both, index, 'reads');
    if (open === undefined) return;
    const bytes = await both.vfs.read(open.handle, offset, length);
    assert(Buffer.compare(bytes, both.model.read(open.node, offset, length)) === 0, 'other bytes than were written');
  },

  async write(both, step) {
    const open = handleFor(both, step.handle, 'writes');
    if (open === undefined) return;
    const data = content(step);
    const kill = step.variant % 2 === 0;
    both.model.write(open.node, open.appends ? 'end' : step.offset, data, kill);
    assert.equal(await both.vfs.write(open.handle, step.offset, data, kill && writer), data.length);
  },

  async fallocate(both, step, { caller }) {
    const open = handleFor(both, step.handle, 'writes');
    if (open === undefined) return;
    const { offset, variant } = step;
    const length = step.length % 9000;
    const mode = [
      0,
      FALLOC_FL_KEEP_SIZE,
      FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
      FALLOC_FL_ZERO_RANGE,
      FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
    ][variant % 5]!;
    const zero = (mode & ~FALLOC_FL_KEEP_SIZE) !== 0;
    const options = { zero, keepSize: (mode & FALLOC_FL_KEEP_SIZE) !== 0, killPrivileges: caller.uid !== 0 };
    await both.run(
      () => both.model.allocate(open.node, { offset, length }, options),
      () =>
        both.vfs.fallocate({ ...caller, inGroup: () => true, groups: () => everyGroup }, open.handle, mode, {
          offset,
          length,
        }),
    );
  },

  /** How finely holes are told is the store's affair; what is told must be true. */
  async seek(both, { handle: index, offset, variant }) {
    const open = handleFor(both, index, 'reads');
    if (open === undefined) return;
    const whence = SEEK_DATA + (variant % 2);
    const bytes = open.node.content;
    const tail = bytes.subarray(offset);
    const onlyHoles = whence === SEEK_DATA && tail.every((byte) => byte === 0);
    if (onlyHoles && offset < bytes.length) return;
    const found = await both.run(
      () => (offset >= bytes.length ? refuse('ENXIO', 'past the end') : undefined),
      () => both.vfs.seek(open.handle, offset, whence),
    );
    if (found === undefined) return;
    assert(found.actual >= offset && found.actual <= bytes.length);
    const skipped = bytes.subarray(offset, found.actual);
    if (whence === SEEK_DATA)
      assert(
        skipped.every((byte) => byte === 0),
        'SEEK_DATA went over data',
      );
  },

  async copyRange(both, step) {
    const from = handleFor(both, step.handle, 'reads');
    const to = handleFor(both, step.otherHandle, 'writes');
    if (from === undefined || to === undefined || to.appends) return;
    const { offset: fromOffset, otherOffset: toOffset, length } = step;
    const copied = await both.run(
      () => both.model.copyRange(from.node, fromOffset, to.node, toOffset, length),
      () =>
        both.vfs.copyRange(
          writer,
          { handle: from.handle, offset: fromOffset },
          { handle: to.handle, offset: toOffset },
          length,
        ),
    );
    if (copied !== undefined) assert.equal(copied.actual, copied.expected);
  },

  async fsync(both, { variant }, { node }) {
    if (node.nlink > 0) await both.vfs.fsync(both.ino(node), variant % 2 === 0);
  },
};
