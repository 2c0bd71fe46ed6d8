import { type ByteString, FsError, type Ino, ManualClock, type Maybe, rootIno } from '#base';
import type { CacheMode, CallOptions } from '#client';
import {
  type Answer,
  type Attributes,
  type CallName,
  type LeaseGrant,
  leases,
  type Pushes,
  type ReplyOf,
  type RequestOf,
  S_IFDIR,
  type SessionCallName,
  type SessionReplyOf,
  type SessionRequestOf,
} from '#protocol';
import type { KernelCaches } from '../kernel-caches.ts';
import { embeddedVfsOptions, type VfsOptions } from '../options.ts';
import { shareVolume } from '../share-volume.ts';
import type { ObjectTableLimits } from './object-table.ts';

interface Node {
  attributes: Attributes;
  readonly names: Map<ByteString, Ino>;
}

const all = leases.attr.bit | leases.entries.bit | leases.read.bit;
const attr = leases.attr.bit;

/**
 * A session with a small shared tree that lends whatever it shows, for the tests of the cache. What others change,
 * tests change here directly; whether and when to recall is up to them.
 */
export class LendingServer {
  readonly clock = new ManualClock();
  readonly ttlMs = 30_000;
  readonly nodes = new Map<Ino, Node>();
  /** Calls that came, session calls too. */
  readonly seen: string[] = [];
  readonly returned: { ino: Ino; kinds: number; number: number }[] = [];
  incarnation = 0;
  serial = 1;
  lends = true;
  deadlineMs = 29_000;
  /** Awaited before a call is carried out, and again before its answer is given. */
  before: Promise<void> | undefined;
  after: Promise<void> | undefined;
  /** What a session call is answered with. */
  sessionReply: (name: string, request: unknown) => Maybe<unknown> = () => undefined;
  #number = 0;
  #nextIno = 2;

  constructor() {
    this.nodes.set(rootIno, { attributes: newAttributes(rootIno, S_IFDIR | 0o755), names: new Map() });
  }

  leaseLeftMs(): number {
    return Math.max(0, this.deadlineMs - this.clock.nowMs());
  }

  async call<N extends CallName>(name: N, request: RequestOf<N>, _options?: CallOptions): Promise<Answer<ReplyOf<N>>> {
    this.seen.push(name);
    const { before, after } = this;
    await before;
    const answer = this.#carryOut(name, request as never);
    await after;
    return structuredClone(answer) as Answer<ReplyOf<N>>;
  }

  async sessionCall<N extends SessionCallName>(name: N, request: SessionRequestOf<N>): Promise<SessionReplyOf<N>> {
    this.seen.push(name);
    return (await this.sessionReply(name, request)) as SessionReplyOf<N>;
  }

  async sendOnce(_name: 'returnLeases', request: SessionRequestOf<'returnLeases'>): Promise<void> {
    this.returned.push(...request.leases);
  }

  /** Somebody makes a file or directory. */
  add(parent: Ino, name: ByteString, mode: number): Ino {
    const ino = this.#nextIno++ as Ino;
    this.serial += 1;
    this.nodes.set(ino, { attributes: newAttributes(ino, mode), names: new Map() });
    this.node(parent).names.set(name, ino);
    this.change(parent, {});
    return ino;
  }

  /** Somebody changes attributes. */
  change(ino: Ino, changes: Partial<Attributes>): void {
    this.serial += 1;
    const { attributes } = this.node(ino);
    this.node(ino).attributes = { ...attributes, ...changes, ctimeNsec: this.serial };
  }

  recallOf(ino: Ino, kinds = all, name?: ByteString): Pushes['recall'] {
    return { leases: [{ ino, kinds, name, number: this.#number }], awaited: true };
  }

  node(ino: Ino): Node {
    const node = this.nodes.get(ino);
    if (node === undefined) throw new FsError('stale', `inode ${ino}`);
    return node;
  }

  #carryOut(name: CallName, request: never): Answer<unknown> {
    switch (name) {
      case 'lookup': {
        const { parent, name: child } = request as RequestOf<'lookup'>;
        const ino = child === '..' ? rootIno : this.node(parent).names.get(child);
        if (ino === undefined) return this.#answer(undefined, [parent, leases.entries.bit]);
        return this.#answer(this.node(ino).attributes, [parent, leases.entries.bit], [ino, attr]);
      }
      case 'getattr': {
        const { ino } = request as RequestOf<'getattr'>;
        return this.#answer(this.node(ino).attributes, [ino, attr]);
      }
      case 'opendir': {
        const { ino } = request as RequestOf<'opendir'>;
        return this.#answer(undefined, [ino, all]);
      }
      case 'readdir': {
        const { ino, cookie, limit } = request as RequestOf<'readdir'>;
        // As relatime does.
        this.node(ino).attributes.atimeSec = 2_000_000_000;
        const entries = [...this.node(ino).names]
          .map(([child, childIno]) => ({ name: child, ino: childIno, type: 0, cookie: childIno + 10 }))
          .filter((entry) => entry.cookie > cookie)
          .slice(0, limit)
          .map((entry) => ({ ...entry, attributes: this.node(entry.ino).attributes }));
        const ofEntries = entries.map((entry): [Ino, number] => [entry.ino, attr]);
        return this.#answer(entries, [ino, all], ...ofEntries);
      }
      case 'make': {
        const { parent, name: child, mode } = request as RequestOf<'make'>;
        const ino = this.add(parent, child, mode);
        return this.#answer(this.node(ino).attributes, [ino, attr | leases.read.bit], [parent, all]);
      }
      case 'unlink': {
        const { parent, name: child } = request as RequestOf<'unlink'>;
        this.node(parent).names.delete(child);
        this.change(parent, {});
        return this.#answer(undefined, [parent, all]);
      }
      case 'rename': {
        const { parent, name: child, newParent, newName } = request as RequestOf<'rename'>;
        const ino = this.node(parent).names.get(child)!;
        this.node(parent).names.delete(child);
        this.node(newParent).names.set(newName, ino);
        this.change(parent, {});
        return this.#answer(undefined, [parent, all]);
      }
      case 'write': {
        const { ino, data } = request as RequestOf<'write'>;
        const { size, dataVersion } = this.node(ino).attributes;
        this.change(ino, { size: size + data.length, dataVersion: dataVersion + 1 });
        return this.#answer({ written: data.length, end: size + data.length }, [ino, attr | leases.read.bit]);
      }
      case 'open': {
        const { ino } = request as RequestOf<'open'>;
        const { attributes } = this.node(ino);
        return this.#answer({ attributes, storage: 'blob' }, [ino, attr | leases.read.bit]);
      }
      case 'read':
        return this.#answer(new Uint8Array(1), [(request as RequestOf<'read'>).ino, leases.read.bit]);
      case 'getxattr':
        throw new FsError('noData', 'no xattr');
      case 'release':
        return this.#answer(undefined);
      default:
        throw new FsError('notSupported', name);
    }
  }

  #answer(reply: unknown, ...shown: [Ino, number][]): Answer<unknown> {
    const grants: LeaseGrant[] = [];
    if (this.lends) {
      for (const [ino, kinds] of shown) {
        this.#number += 1;
        grants.push({ ino, kinds, number: this.#number });
      }
    }
    return { reply, serial: this.serial, grants, also: shown.map(([ino]) => this.node(ino).attributes) };
  }
}

/** A mount over a lending server, with a kernel that only writes down what it is told to drop. */
export function shareLent(
  options: { mode?: CacheMode; validity?: Partial<VfsOptions>; limits?: ObjectTableLimits } = {},
) {
  const server = new LendingServer();
  const { mode = 'strict', validity, limits } = options;
  const share = shareVolume({
    clock: server.clock,
    session: server,
    mode,
    vfs: { ...embeddedVfsOptions, ...validity },
    ...(limits === undefined ? {} : { limits }),
  });
  const dropped: string[] = [];
  /** Held back until tests let go. */
  const gate = { closed: undefined as Promise<void> | undefined };
  const drop = async (what: string): Promise<void> => {
    dropped.push(what);
    await gate.closed;
  };
  const kernel: KernelCaches = {
    namesCanBeLent: true,
    dropAttributes: (ino) => drop(`attributes ${ino}`),
    dropContent: (ino) => drop(`content ${ino}`),
    dropNames: (ino, names) => drop(`names ${ino} ${typeof names === 'string' ? names : `only ${names.only}`}`),
    dropAll: (inos) => drop(`all ${[...inos].join(' ')}`),
  };
  const vfs = share.makeVfs(() => kernel);
  const calls = (): string[] => server.seen.splice(0);
  return { ...share, server, vfs, dropped, gate, calls };
}

function newAttributes(ino: Ino, mode: number): Attributes {
  const times = { atimeSec: 0, atimeNsec: 0, mtimeSec: 0, mtimeNsec: 0, ctimeSec: 0, ctimeNsec: 0 };
  const rest = { nlink: 1, uid: 0, gid: 0, rdev: 0, size: 0, blocks: 0, btimeSec: 0, btimeNsec: 0, flags: 0 };
  return { ino, mode, ...times, ...rest, dataVersion: 1, hasAcl: false, hasFileCapabilities: false };
}
