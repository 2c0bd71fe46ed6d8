import { type ByteString, type Ino, rootIno } from '#base';
import {
  type Attributes,
  type Caller,
  type CallName,
  calls,
  fromPlainCaller,
  type ReplyOf,
  type RequestOf,
  S_IFDIR,
  S_IFREG,
} from '#protocol';
import { type Export, wholeVolume } from '#security';
import { ContentFixture } from '../data/fixture.contract.ts';
import { createHandler } from '../server.ts';
import { accessOfOpen, opened, SessionOpens } from '../session/session-opens.ts';
import { ExportView, findExportRoot } from './export-view.ts';

/** A user as it arrives from a client: whatever its kernel decided does not count. */
export function user(uid: number, options: { gid?: number; groups?: number[]; capabilities?: number[] } = {}): Caller {
  const { gid = uid, groups = [], capabilities = [] } = options;
  const bits = capabilities.reduce((sum, capability) => sum + 2 ** capability, 0);
  return fromPlainCaller({ uid, gid, checked: false, identity: 'known', groups, capabilities: bits });
}

/** Root of a client, with all capabilities. */
export const clientRoot: Caller = user(0, { capabilities: Array.from({ length: 41 }, (_, number) => number) });

/** A session over an export, as the server carries its calls out. */
export class ExportedClient {
  readonly view: ExportView;
  readonly opens = new SessionOpens();
  readonly #fixture: ContentFixture;

  private constructor(fixture: ContentFixture, granted: Export, root: Ino) {
    this.#fixture = fixture;
    this.view = new ExportView(fixture.volume, { granted, root });
  }

  static async of(fixture: ContentFixture, granted: Partial<Export> = {}): Promise<ExportedClient> {
    const whole = { ...wholeVolume, ...granted };
    return new ExportedClient(fixture, whole, await findExportRoot(fixture.volume, whole));
  }

  async call<N extends CallName>(name: N, request: RequestOf<N>): Promise<ReplyOf<N>> {
    const admitted = await this.view.permit(name, this.view.translate(name, request), this.opens);
    const header = { code: calls[name].code, session: 0, slot: 0, sequence: 0 };
    const reply = (await createHandler(this.#fixture.volume)(header, admitted)) as ReplyOf<N>;
    this.#note(name, admitted, reply);
    return this.view.show(name, request, { reply, serial: 0, grants: [], also: [] }).reply as ReplyOf<N>;
  }

  make(name: ByteString, options: Partial<RequestOf<'make'>> = {}): Promise<Attributes> {
    const defaults = { parent: rootIno, mode: S_IFREG | 0o644, umask: 0, rdev: 0, target: '', open: false };
    return this.call('make', { caller: clientRoot, name, ...defaults, ...options });
  }

  mkdir(name: ByteString, options: Partial<RequestOf<'make'>> = {}): Promise<Attributes> {
    return this.make(name, { mode: S_IFDIR | 0o755, ...options });
  }

  lookup(name: ByteString, parent: Ino = rootIno, caller: Caller = clientRoot): Promise<Attributes | undefined> {
    return this.call('lookup', { caller, parent, name });
  }

  async names(ino: Ino = rootIno, caller: Caller = clientRoot): Promise<ByteString[]> {
    const entries = await this.call('readdir', { caller, ino, cookie: 0, limit: 1000, withAttributes: false });
    return entries.map((entry) => entry.name).sort();
  }

  write(ino: Ino, text: string): Promise<unknown> {
    const data = Buffer.from(text);
    return this.call('write', { ino, offset: 0, data, append: false, killPrivileges: false, sync: false });
  }

  async read(ino: Ino): Promise<string> {
    return Buffer.from(await this.call('read', { ino, offset: 0, length: 1000, noAtime: false })).toString();
  }

  open(ino: Ino, flags: number, caller: Caller = clientRoot): Promise<unknown> {
    return this.call('open', { caller, ino, flags, killPrivileges: false });
  }

  #note<N extends CallName>(name: N, request: RequestOf<N>, reply: unknown): void {
    if (name === 'open') {
      const asked = request as RequestOf<'open'>;
      this.opens.add(asked.ino, accessOfOpen(asked));
    } else if (name === 'makeUnnamed' || (name === 'make' && (request as RequestOf<'make'>).open)) {
      this.opens.add((reply as Attributes).ino, opened.read | opened.write);
    } else if (name === 'release') {
      const { ino, count } = request as RequestOf<'release'>;
      this.opens.remove(ino, count);
    }
  }
}

export { ContentFixture };
