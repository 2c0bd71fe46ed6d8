import { chain, FsError, fail, type Ino, type Maybe, rootIno } from '#base';
import {
  type Answer,
  type Attributes,
  type Caller,
  type CallName,
  type DirectoryEntry,
  MAY_READ,
  MAY_WRITE,
  O_ACCMODE,
  O_RDONLY,
  O_TRUNC,
  type OpenReply,
  type RequestOf,
  superuser,
} from '#protocol';
import type { Export } from '#security';
import { requireAccess } from '../meta/guard.ts';
import { requireDirectory } from '../meta/inode.ts';
import { lookup } from '../meta/lookup.ts';
import type { SessionOpens } from '../session/session-opens.ts';
import type { SessionView } from '../session/session-view.ts';
import type { Volume } from '../volume.ts';
import { authorized, requireOpen } from './authorized.ts';
import { mayReclaim, type Role, requireBelow } from './confine.ts';
import { exportedCaller } from './exported-caller.ts';
import { isAclName, isIdMapped, meantAcl, meantOwners, showAcl, showOwners } from './exported-ids.ts';

/** Fields that hold an inode number, and as what. */
const inoFields: Record<string, Role> = {
  ino: 'inode',
  parent: 'parent',
  newParent: 'parent',
  from: 'inode',
  to: 'inode',
};

/** Calls that change something, whatever is in them. */
const changing = new Set<CallName>([
  'make',
  'makeUnnamed',
  'link',
  'unlink',
  'rmdir',
  'rename',
  'setattr',
  'setxattr',
  'removexattr',
  'setflags',
  'write',
  'fallocate',
  'copyRange',
]);

/**
 * Finds the directory that an export names. Fails with `notFound` when it is not there.
 */
export async function findExportRoot(volume: Volume, { path }: Export): Promise<Ino> {
  let ino = rootIno;
  for (const name of path) {
    const found = await lookup(volume, { caller: superuser, parent: ino, name });
    if (found === undefined) {
      throw new FsError('notFound', `the exported directory /${path.join('/')} does not exist on the server`);
    }
    ino = found.ino;
  }
  return ino;
}

/**
 * A volume as one session sees it: everything that it sends goes through `translate` and `permit`, and everything that
 * it is sent through `show`. Behind it are the volume's own inode numbers and ids; before it the export's root is inode 1, users
 * and groups are the client's, and what lies outside does not exist.
 */
export class ExportView implements SessionView {
  readonly granted: Export;
  readonly readOnly: boolean;
  readonly sameness: string;
  readonly confirm?: (permitted: unknown, opens: SessionOpens) => Maybe<void>;
  /** The volume's number of what the client calls inode 1. */
  readonly root: Ino;
  readonly #volume: Volume;
  readonly #mapsIds: boolean;
  /**
   * Whether the client's word counts that a writer may keep setuid and setgid (CAP_FSETID). Where its root is
   * squashed nobody may, and every write takes them away.
   */
  readonly #trusts: boolean;
  /** Whether client and volume have the same numbers and ids. */
  readonly #isPlain: boolean;

  constructor(volume: Volume, { granted, root }: { granted: Export; root: Ino }) {
    this.#volume = volume;
    this.granted = granted;
    this.root = root;
    this.readOnly = granted.readOnly;
    this.sameness = JSON.stringify([root, granted]);
    if (root !== rootIno) this.confirm = (permitted, opens) => this.#confine(permitted as Fields, opens);
    this.#mapsIds = isIdMapped(granted);
    this.#trusts = granted.squash === 'none';
    this.#isPlain = root === rootIno && this.#trusts && !this.#mapsIds;
  }

  translate<N extends CallName>(name: N, request: RequestOf<N>): RequestOf<N> {
    return this.#clamped(name, this.#isPlain ? request : (this.#translated(request as Fields) as RequestOf<N>));
  }

  permit<N extends CallName>(name: N, translated: RequestOf<N>, opens: SessionOpens): Maybe<RequestOf<N>> {
    if (this.readOnly && changes(name, translated)) fail('readOnly', 'this client may only read');
    const permitted = authorized(name, translated, opens);
    const confined = this.#confine(permitted as Fields, opens);
    if (name !== 'readdir') return chain(confined, () => permitted);
    return chain(confined, () => chain(this.#requireListable(permitted as RequestOf<'readdir'>), () => permitted));
  }

  show<N extends CallName>(name: N, request: RequestOf<N>, answer: Answer<unknown>): Answer<unknown> {
    if (this.#isPlain) return answer;
    return {
      ...answer,
      reply: this.#showReply(name, request, answer.reply),
      grants: answer.grants.map((grant) => ({ ...grant, ino: this.outward(grant.ino) })),
      also: answer.also.map((attributes) => this.showAttributes(attributes)),
    };
  }

  mayReclaim(ino: Ino): Maybe<boolean> {
    if (this.root === rootIno) return true;
    return this.#volume.store.read((snapshot) => mayReclaim(snapshot, ino, this.root));
  }

  requireLockable(ino: Ino, opens: SessionOpens): void {
    requireOpen(opens, ino, 0);
  }

  /** Likewise of the other side: the two numbers are exchanged. */
  inward(ino: Ino): Ino {
    return this.outward(ino);
  }

  /** The root is inode 1 to the client, and what is inode 1 to the volume lies outside. */
  outward(ino: Ino): Ino {
    if (ino === this.root) return rootIno;
    return ino === rootIno ? this.root : ino;
  }

  #showReply<N extends CallName>(name: N, request: RequestOf<N>, reply: unknown): unknown {
    switch (name) {
      case 'readdir':
        return (reply as DirectoryEntry[]).map((entry) => this.#showEntry(entry));
      case 'open':
        return { ...(reply as OpenReply), attributes: this.showAttributes((reply as OpenReply).attributes) };
      case 'getxattr': {
        const isAcl = this.#mapsIds && isAclName((request as RequestOf<'getxattr'>).name);
        return isAcl ? showAcl(reply as Uint8Array, this.granted) : reply;
      }
      default:
        return isAttributes(reply) ? this.showAttributes(reply) : reply;
    }
  }

  showAttributes(attributes: Attributes): Attributes {
    const ino = this.outward(attributes.ino);
    const shown = this.#mapsIds ? showOwners(attributes, this.granted) : attributes;
    return ino === shown.ino ? shown : { ...shown, ino };
  }

  #showEntry(entry: DirectoryEntry): DirectoryEntry {
    const attributes = entry.attributes && this.showAttributes(entry.attributes);
    return { ...entry, ino: this.outward(entry.ino), attributes };
  }

  /** With the volume's numbers and the caller as whom it is made. */
  #translated(request: Fields): Fields {
    const inward: Fields = { ...request };
    for (const field of Object.keys(inoFields)) {
      if (typeof inward[field] === 'number') inward[field] = this.inward(inward[field] as Ino);
    }
    const { caller } = request as { caller?: Caller };
    if (caller !== undefined) inward['caller'] = exportedCaller(caller, this.granted);
    return inward;
  }

  /** What a client says of itself counts only as far as it is trusted. */
  #clamped<N extends CallName>(name: N, request: RequestOf<N>): RequestOf<N> {
    switch (name) {
      case 'lookup': {
        const { parent, name: sought } = request as RequestOf<'lookup'>;
        return sought === '..' && parent === this.root ? { ...request, name: '.' } : request;
      }
      case 'setattr':
        return this.#clampedSetattr(request as RequestOf<'setattr'>) as RequestOf<N>;
      case 'setxattr': {
        const asked = request as RequestOf<'setxattr'>;
        if (!this.#mapsIds || !isAclName(asked.name)) return request;
        return { ...asked, value: meantAcl(asked.value, this.granted) } as RequestOf<N>;
      }
      case 'open':
        return this.#trusts ? request : ({ ...request, killPrivileges: true } as unknown as RequestOf<N>);
      case 'write':
        if (this.#trusts) return request;
        return { ...request, killPrivileges: true, keepCapabilities: false } as unknown as RequestOf<N>;
      case 'read':
      case 'readdir':
      case 'readlink':
        return this.readOnly ? { ...request, noAtime: true } : request;
      default:
        return request;
    }
  }

  #clampedSetattr(request: RequestOf<'setattr'>): RequestOf<'setattr'> {
    const meant = this.#mapsIds ? meantOwners(request.changes, this.granted) : request.changes;
    const kills = !this.#trusts && meant.size !== undefined;
    return { ...request, changes: kills ? { ...meant, killPrivileges: true } : meant };
  }

  /** Its `opendir` may have been answered by the client itself. */
  #requireListable({ ino, caller }: RequestOf<'readdir'>): Maybe<void> {
    if (caller === undefined) fail('accessDenied', `directory ${ino}: the call does not say who lists it`);
    return this.#volume.store.read((snapshot) => {
      requireAccess(snapshot, requireDirectory(snapshot, ino), caller, MAY_READ);
    });
  }

  #confine(request: Fields, opens: SessionOpens): Maybe<void> {
    if (this.root === rootIno) return;
    const scope = { root: this.root, isOpen: (ino: Ino) => opens.has(ino) };
    return this.#volume.store.read((snapshot) => {
      for (const [field, role] of Object.entries(inoFields)) {
        const ino = request[field];
        if (typeof ino === 'number') requireBelow(snapshot, { ino: ino as Ino, role }, scope);
      }
    });
  }
}

type Fields = Record<string, unknown>;

function changes<N extends CallName>(name: N, request: RequestOf<N>): boolean {
  if (changing.has(name)) return true;
  if (name === 'access') return ((request as RequestOf<'access'>).mask & MAY_WRITE) !== 0;
  if (name !== 'open') return false;
  const { flags } = request as RequestOf<'open'>;
  return (flags & O_ACCMODE) !== O_RDONLY || (flags & O_TRUNC) !== 0;
}

function isAttributes(reply: unknown): reply is Attributes {
  return typeof reply === 'object' && reply !== null && 'ino' in reply && 'mode' in reply;
}
