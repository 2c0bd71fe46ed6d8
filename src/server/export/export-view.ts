import { chain, FsError, fail, type Ino, type Maybe, rootIno } from '#base';
import {
  type Answer,
  type Attributes,
  type Caller,
  type CallName,
  type DirectoryEntry,
  MAY_WRITE,
  O_ACCMODE,
  O_RDONLY,
  O_TRUNC,
  type OpenReply,
  type Pushes,
  type PushName,
  type RequestOf,
  type SessionCallName,
  superuser,
} from '#protocol';
import type { Export } from '#security';
import { lookup } from '../meta/lookup.ts';
import type { Volume } from '../volume.ts';
import { type Role, requireBelow } from './confine.ts';
import { exportedCaller } from './exported-caller.ts';
import { isAclName, isIdMapped, meantAcl, meantOwners, showAcl, showOwners } from './exported-ids.ts';
import { opened, type SessionOpens } from './session-opens.ts';

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
 * A volume as one session sees it: everything that it sends goes through `inward` and `admit`, and everything that it
 * is sent through `show`. Behind it are the volume's own inode numbers and ids; before it the export's root is inode 1, users
 * and groups are the client's, and what lies outside does not exist.
 */
export class ExportView {
  readonly granted: Export;
  readonly readOnly: boolean;
  /** The volume's number of what the client calls inode 1. */
  readonly root: Ino;
  readonly #volume: Volume;
  readonly #opens: SessionOpens;
  readonly #mapsIds: boolean;
  /**
   * Whether the client's word counts that a writer may keep setuid and setgid (CAP_FSETID). Where its root is
   * squashed nobody may, and every write takes them away.
   */
  readonly #trusts: boolean;
  /** Whether client and volume have the same numbers and ids. */
  readonly #isPlain: boolean;

  constructor(
    volume: Volume,
    { granted, root, readOnly }: { granted: Export; root: Ino; readOnly: boolean },
    opens: SessionOpens,
  ) {
    this.#volume = volume;
    this.#opens = opens;
    this.granted = granted;
    this.root = root;
    this.readOnly = granted.readOnly || readOnly;
    this.#mapsIds = isIdMapped(granted);
    this.#trusts = granted.squash === 'none';
    this.#isPlain = root === rootIno && this.#trusts && !this.#mapsIds;
  }

  /**
   * A call of the volume in the volume's terms: its inode numbers and ids, and as whom it is made. What a repeated call
   * is compared and finished with. Fails with `invalid` for an id without a counterpart.
   */
  inward<N extends CallName>(name: N, request: RequestOf<N>): RequestOf<N> {
    return this.#clamped(name, this.#isPlain ? request : (this.#translated(request as Fields) as RequestOf<N>));
  }

  /**
   * Such a call as it is to be carried out; asked once per call that is carried out, so not for a repetition, whose
   * objects may be gone. Fails as the operation would for what is not there, with `readOnly`, and with `badHandle` for
   * the content of a file that the session has not open so.
   */
  admit<N extends CallName>(name: N, inward: RequestOf<N>): Maybe<RequestOf<N>> {
    if (this.readOnly && changes(name, inward)) fail('readOnly', 'this client may only read');
    const admitted = this.#authorized(name, inward);
    return chain(this.#confine(admitted as Fields), () => admitted);
  }

  /**
   * Checks once more that what a call names is below the root: after its objects were locked, since a rename may have
   * come between.
   */
  confirm<N extends CallName>(_name: N, admitted: RequestOf<N>): Maybe<void> {
    return this.#confine(admitted as Fields);
  }

  /** A session call about inodes: numbers as the volume has them. It shows nothing, so that nothing is confined. */
  admitSessionCall(_name: SessionCallName, request: unknown): unknown {
    return this.#swapAll(request, (ino) => this.#toLocal(ino));
  }

  /** Whether a session may hold something of the inode: a lock, or an open that it reclaims. */
  requireVisible(ino: Ino): Maybe<void> {
    return this.#confine({ ino });
  }

  /** What a call is answered with, to the client. */
  show<N extends CallName>(name: N, request: RequestOf<N>, reply: unknown): unknown {
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

  showAnswer<N extends CallName>(name: N, request: RequestOf<N>, answer: Answer<unknown>): Answer<unknown> {
    return {
      ...answer,
      reply: this.show(name, request, answer.reply),
      grants: answer.grants.map((grant) => ({ ...grant, ino: this.toRemote(grant.ino) })),
      also: answer.also.map((attributes) => this.showAttributes(attributes)),
    };
  }

  /** What a session call is answered with. */
  showSessionReply(_name: SessionCallName, reply: unknown): unknown {
    return this.#swapAll(reply, (ino) => this.toRemote(ino));
  }

  showPush<N extends PushName>(_name: N, message: Pushes[N]): Pushes[N] {
    return this.#swapAll(message, (ino) => this.toRemote(ino)) as Pushes[N];
  }

  showAttributes(attributes: Attributes): Attributes {
    const ino = this.toRemote(attributes.ino);
    const shown = this.#mapsIds ? showOwners(attributes, this.granted) : attributes;
    return ino === shown.ino ? shown : { ...shown, ino };
  }

  /** The client's number for one of the volume. */
  toRemote(ino: Ino): Ino {
    if (ino === this.root) return rootIno;
    return ino === rootIno ? this.root : ino;
  }

  #toLocal(ino: Ino): Ino {
    return this.toRemote(ino);
  }

  #showEntry(entry: DirectoryEntry): DirectoryEntry {
    const attributes = entry.attributes && this.showAttributes(entry.attributes);
    return { ...entry, ino: this.toRemote(entry.ino), attributes };
  }

  /** With the volume's numbers and the caller as whom it is made. */
  #translated(request: Fields): Fields {
    const inward: Fields = { ...request };
    for (const field of Object.keys(inoFields)) {
      if (typeof inward[field] === 'number') inward[field] = this.#toLocal(inward[field] as Ino);
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

  /** What must have been proven by an open. */
  #authorized<N extends CallName>(name: N, request: RequestOf<N>): RequestOf<N> {
    switch (name) {
      case 'read':
        this.#requireOpen((request as RequestOf<'read'>).ino, opened.read);
        return request;
      case 'seek':
        this.#requireOpen((request as RequestOf<'seek'>).ino, 0);
        return request;
      case 'write':
      case 'fallocate':
        this.#requireOpen((request as RequestOf<'write'>).ino, opened.write);
        return request;
      case 'copyRange':
        this.#requireOpen((request as RequestOf<'copyRange'>).from, opened.read);
        this.#requireOpen((request as RequestOf<'copyRange'>).to, opened.write);
        return request;
      case 'setattr': {
        const { ino, changes } = request as RequestOf<'setattr'>;
        if (changes.hasHandle !== true || this.#opens.permits(ino, opened.write)) return request;
        return { ...request, changes: { ...changes, hasHandle: false } };
      }
      case 'release': {
        // More than its own would end the opens of other clients.
        const { ino, count } = request as RequestOf<'release'>;
        return { ino, count: Math.max(0, Math.min(count, this.#opens.countOf(ino))) } as RequestOf<N>;
      }
      default:
        return request;
    }
  }

  #requireOpen(ino: Ino, access: number): void {
    if (!this.#opens.has(ino)) fail('badHandle', `inode ${ino} is not open in this session`);
    if (!this.#opens.permits(ino, access)) {
      fail('badHandle', `inode ${ino} is open, but not for ${access === opened.read ? 'reading' : 'writing'}`);
    }
  }

  #confine(request: Fields): Maybe<void> {
    if (this.root === rootIno) return;
    const scope = { root: this.root, isOpen: (ino: Ino) => this.#opens.has(ino) };
    return this.#volume.store.read((snapshot) => {
      for (const [field, role] of Object.entries(inoFields)) {
        const ino = request[field];
        if (typeof ino === 'number') requireBelow(snapshot, { ino: ino as Ino, role }, scope);
      }
    });
  }

  /** Every field named `ino`, and every number in a list named `inos`, `lostOpens`, at any depth. */
  #swapAll(value: unknown, swap: (ino: Ino) => Ino): unknown {
    if (this.root === rootIno || typeof value !== 'object' || value === null || value instanceof Uint8Array)
      return value;
    if (Array.isArray(value)) return value.map((item) => this.#swapAll(item, swap));
    const swapped: Fields = {};
    for (const [field, inner] of Object.entries(value)) {
      if (field === 'ino') swapped[field] = swap(inner as Ino);
      else if (field === 'inos' || field === 'lostOpens') swapped[field] = (inner as Ino[]).map(swap);
      else swapped[field] = this.#swapAll(inner, swap);
    }
    return swapped;
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
