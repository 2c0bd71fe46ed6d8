import type { ByteString, Ino } from '#base';
import {
  type Attributes,
  type CallName,
  type DirectoryEntry,
  leases,
  O_TRUNC,
  type OpenReply,
  type ReplyOf,
  type RequestOf,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
} from '#protocol';

const attr = leases.attr.bit;
const entries = leases.entries.bit;
const read = leases.read.bit;
const write = leases.write.bit;
/** What a change of attributes, and of content, ends. Unflushed content of others is part of what they show. */
const attributesEnd = attr | write;
const contentEnds = attr | read | write;
/** What looking at attributes or content ends. */
export const lookEnds = write | leases.subtree.bit;

/** An object that a call looks at or changes. */
export interface Touch {
  readonly ino: Ino;
  /** The kinds of others' leases that the change ends; 0: it is only looked at, which ends `lookEnds`. */
  readonly ends: number;
  /** Of `entries`: the only name that changes. */
  readonly name?: ByteString;
}

/** A name whose present inode the call changes too. */
export interface Named {
  readonly parent: Ino;
  readonly name: ByteString;
  readonly ends: number;
}

/** What the server does around one call so that nobody caches what it makes untrue. */
export interface Cover<N extends CallName> {
  touches(request: RequestOf<N>): readonly Touch[];
  names?(request: RequestOf<N>): readonly Named[];
  /** What the caller may cache afterwards. */
  grants?(request: RequestOf<N>, reply: ReplyOf<N>, grant: (ino: Ino, kinds: number) => void): void;
  /**
   * Inodes whose attributes the answer brings beside the reply, with leases on them. What a name meant whose inode was
   * changed is brought too, while it is there.
   */
  also?(request: RequestOf<N>, reply: ReplyOf<N>): readonly Ino[];
}

const nothing = { touches: () => [] };
const looks = { touches: ({ ino }: { ino: Ino }) => [{ ino, ends: 0 }] };

/** What is granted on an inode whose attributes are shown. */
export function kindsOf({ mode }: Pick<Attributes, 'mode'>): number {
  return (mode & S_IFMT) === S_IFREG ? attr | read : attr;
}

/** A directory that a name is put into or taken out of. */
function namesOf(parent: Ino, name: ByteString): Touch {
  return { ino: parent, ends: entries | attr, name };
}

/**
 * One row per call. `read` moves access times, for which nothing is recalled; so it only looks.
 */
export const covers: { readonly [N in CallName]: Cover<N> } = {
  lookup: {
    touches: ({ parent }) => [{ ino: parent, ends: 0 }],
    names: ({ parent, name }) => [{ parent, name, ends: 0 }],
    grants({ parent, name }, found, grant) {
      if (name !== '.' && name !== '..') grant(parent, entries);
      if (found !== undefined) grant(found.ino, kindsOf(found));
    },
  },
  make: {
    touches: ({ parent, name }) => [namesOf(parent, name)],
    grants({ parent }, made, grant) {
      grant(parent, entries | attr);
      grant(made.ino, (made.mode & S_IFMT) === S_IFDIR ? attr | entries : kindsOf(made));
    },
    also: ({ parent }) => [parent],
  },
  makeUnnamed: {
    touches: ({ parent }) => [{ ino: parent, ends: 0 }],
    grants: (_request, made, grant) => grant(made.ino, kindsOf(made)),
  },
  link: {
    touches: ({ ino, parent, name }) => [namesOf(parent, name), { ino, ends: attributesEnd }],
    grants({ parent }, linked, grant) {
      grant(parent, entries | attr);
      grant(linked.ino, kindsOf(linked));
    },
    also: ({ parent }) => [parent],
  },
  unlink: {
    touches: ({ parent, name }) => [namesOf(parent, name)],
    names: ({ parent, name }) => [{ parent, name, ends: attributesEnd }],
    grants: ({ parent }, _removed, grant) => grant(parent, entries | attr),
    also: ({ parent }) => [parent],
  },
  rmdir: {
    touches: ({ parent, name }) => [namesOf(parent, name)],
    names: ({ parent, name }) => [{ parent, name, ends: attributesEnd | entries }],
    grants: ({ parent }, _removed, grant) => grant(parent, entries | attr),
    also: ({ parent }) => [parent],
  },
  rename: {
    touches: ({ parent, name, newParent, newName }) =>
      parent === newParent
        ? [{ ino: parent, ends: entries | attr }]
        : [namesOf(parent, name), namesOf(newParent, newName)],
    names: ({ parent, name, newParent, newName }) => [
      // Of a directory that moves, '..' changes.
      { parent, name, ends: attributesEnd | entries },
      { parent: newParent, name: newName, ends: attributesEnd | entries },
    ],
    grants({ parent, newParent }, _removed, grant) {
      grant(parent, entries | attr);
      grant(newParent, entries | attr);
    },
    also: ({ parent, newParent }) => (parent === newParent ? [parent] : [parent, newParent]),
  },
  readdir: {
    touches: looks.touches,
    grants({ ino }, listed, grant) {
      grant(ino, entries);
      for (const { attributes } of listed as DirectoryEntry[]) {
        if (attributes !== undefined) grant(attributes.ino, kindsOf(attributes));
      }
    },
  },
  readlink: looks,
  getattr: { touches: looks.touches, grants: ({ ino }, shown, grant) => grant(ino, kindsOf(shown)) },
  setattr: {
    touches: ({ ino, changes }) => [{ ino, ends: changes.size === undefined ? attributesEnd : contentEnds }],
    grants: ({ ino }, shown, grant) => grant(ino, kindsOf(shown)),
  },
  access: looks,
  getxattr: { touches: looks.touches, grants: ({ ino }, _value, grant) => grant(ino, attr) },
  listxattr: { touches: looks.touches, grants: ({ ino }, _names, grant) => grant(ino, attr) },
  setxattr: { touches: ({ ino }) => [{ ino, ends: attributesEnd }], also: ({ ino }) => [ino] },
  removexattr: { touches: ({ ino }) => [{ ino, ends: attributesEnd }], also: ({ ino }) => [ino] },
  setflags: { touches: ({ ino }) => [{ ino, ends: attributesEnd }], also: ({ ino }) => [ino] },
  open: {
    touches: ({ ino, flags, killPrivileges }) => [{ ino, ends: endsOfOpen(flags, killPrivileges) }],
    grants: (_request, { attributes }: OpenReply, grant) => grant(attributes.ino, kindsOf(attributes)),
  },
  opendir: looks,
  release: nothing,
  read: { touches: looks.touches, grants: ({ ino }, _bytes, grant) => grant(ino, read) },
  write: { touches: ({ ino }) => [{ ino, ends: contentEnds }], also: ({ ino }) => [ino] },
  fallocate: { touches: ({ ino }) => [{ ino, ends: contentEnds }], also: ({ ino }) => [ino] },
  seek: looks,
  copyRange: {
    touches: ({ from, to }) => [
      { ino: from, ends: 0 },
      { ino: to, ends: contentEnds },
    ],
    also: ({ to }) => [to],
  },
  fsync: nothing,
  statfs: nothing,
};

function endsOfOpen(flags: number, killPrivileges: boolean): number {
  return (flags & O_TRUNC) !== 0 || killPrivileges ? contentEnds : 0;
}
