import type { ByteString, Ino } from '#base';
import { type CallName, O_TRUNC, type RequestOf } from '#protocol';

/** What a call changes, as far as its request tells. */
export interface OwnChange {
  /** Inodes whose attributes will be others. */
  readonly inos: readonly Ino[];
  /** Names that will mean something else. */
  readonly names: readonly { readonly parent: Ino; readonly name: ByteString }[];
}

const nothing: readonly never[] = [];
const ofIno = ({ ino }: { ino: Ino }): OwnChange => ({ inos: [ino], names: nothing });
const ofName = ({ parent, name }: { parent: Ino; name: ByteString }): OwnChange => ({
  inos: [parent],
  names: [{ parent, name }],
});

const changes: { [N in CallName]?: (request: RequestOf<N>) => OwnChange | undefined } = {
  make: ofName,
  makeUnnamed: ({ parent }) => ({ inos: [parent], names: nothing }),
  link: (request) => ({ inos: [request.ino, request.parent], names: [request] }),
  unlink: ofName,
  rmdir: ofName,
  rename: ({ parent, name, newParent, newName }) => ({
    inos: parent === newParent ? [parent] : [parent, newParent],
    names: [
      { parent, name },
      { parent: newParent, name: newName },
    ],
  }),
  setattr: ofIno,
  setxattr: ofIno,
  removexattr: ofIno,
  setflags: ofIno,
  open: (request) => ((request.flags & O_TRUNC) === 0 ? undefined : ofIno(request)),
  write: ofIno,
  fallocate: ofIno,
  copyRange: ({ to }) => ({ inos: [to], names: nothing }),
};

/** Undefined where the call changes nothing that is cached. */
export function changeOf<N extends CallName>(name: N, request: RequestOf<N>): OwnChange | undefined {
  return changes[name]?.(request);
}
