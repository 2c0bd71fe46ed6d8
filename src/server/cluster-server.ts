import { FsError, fail, type Maybe } from '#base';
import {
  type CreateSessionRequest,
  type SessionCallName,
  type SessionFacts,
  type SessionRequestOf,
  sessionCalls,
} from '#protocol';
import type { CallContext, CallHeader, Handler, Peer } from '#transport';
import { ClusterVolume, type ClusterVolumeOptions } from './cluster-volume.ts';
import type { ServedVolume } from './open-volume.ts';
import type { SessionSummary } from './session/session.ts';
import { sessionOperations } from './session/session-operations.ts';
import { type Admit, wholeVolume } from './session/session-view.ts';

export interface ClusterServerOptions {
  /** By name; may change while the server runs. */
  readonly volumes: ReadonlyMap<string, ClusterVolume>;
  /** Default: everybody sees whole volumes. */
  readonly admit?: Admit;
}

/** The first call that is about a session, not about a volume. */
const firstSessionCode = sessionCalls.createSession.code;
const nameByCode: (SessionCallName | undefined)[] = [];
for (const [name, { code }] of Object.entries(sessionCalls)) nameByCode[code] = name as SessionCallName;

/** Volumes that clients share: what a transport's `Handler` does with their calls. */
export class ClusterServer {
  readonly #volumes: ReadonlyMap<string, ClusterVolume>;
  readonly #admit: Admit;
  /** The volume of the session that a connection speaks for. */
  readonly #volumeOf = new WeakMap<Peer, ClusterVolume>();

  constructor(options: ClusterServerOptions) {
    this.#volumes = options.volumes;
    this.#admit = options.admit ?? (() => wholeVolume);
  }

  /** Carries out one call, or fails with an `FsError`. */
  readonly handle: Handler = (header, request, context) => {
    if (header.code < firstSessionCode) return this.#volume(context.peer).answer(header, request, context);
    return this.#sessionCall(header, request, context);
  };

  #sessionCall(header: CallHeader, request: unknown, { peer }: CallContext): Maybe<unknown> {
    const name = nameByCode[header.code];
    switch (name) {
      case undefined:
        return fail('notImplemented', `call ${header.code}`);
      case 'createSession':
        return this.#create(peer, request as CreateSessionRequest);
      case 'attachSession':
        return this.#attach(peer, request as SessionRequestOf<'attachSession'>);
      default: {
        const volume = this.#volume(peer);
        const session = volume.sessions.renewed(peer, header.session);
        session.prefer(peer);
        return sessionOperations[name](volume, session, request as never);
      }
    }
  }

  async #create(peer: Peer, request: CreateSessionRequest): Promise<SessionFacts> {
    const volume = this.#volumes.get(request.volume) ?? fail('notFound', `there is no volume ${request.volume}`);
    const view = await this.#admit(peer, request);
    const session = await volume.sessions.create(peer, request, view);
    this.#volumeOf.set(peer, volume);
    return volume.factsOf(session);
  }

  async #attach(peer: Peer, { session: id, secret }: SessionRequestOf<'attachSession'>): Promise<SessionFacts> {
    for (const volume of this.#volumes.values()) {
      const session = volume.sessions.proven(id, secret);
      if (session === undefined || session.record.identity !== (peer.identity ?? null)) continue;
      const view = await this.#admit(peer, session.record);
      if (session.isOver) continue;
      if (session.view.sameness !== undefined && session.view.sameness !== view.sameness) {
        // What the client has cached and open is of another root, or other users' now.
        await volume.sessions.end(session, 'its export has changed');
        continue;
      }
      volume.sessions.attach(peer, session, view);
      this.#volumeOf.set(peer, volume);
      const facts = await volume.factsOf(session);
      // After the facts: a client listens to recalls when it knows its session.
      volume.recalls.repeat(session.id);
      return facts;
    }
    throw new FsError('stale', `session ${id} is over, or its secret is another`);
  }

  #volume(peer: Peer): ClusterVolume {
    return this.#volumeOf.get(peer) ?? fail('stale', 'the connection speaks for no session');
  }
}

/** One volume that clients share, and what answers their calls. */
export interface ClusterHandler {
  readonly handle: Handler;
  readonly volume: ClusterVolume;
  list(): SessionSummary[];
  evict(session: number): Promise<boolean>;
  /** Looks after sessions no more; the volume is still to be closed. */
  close(): void;
}

/** Serves one volume, opened with `keepOrphans`, under `name`. Fails as the store does. */
export async function createClusterHandler(
  volume: ServedVolume,
  options: ClusterVolumeOptions & { readonly name?: string; readonly admit?: Admit } = {},
): Promise<ClusterHandler> {
  const { name = 'default', admit } = options;
  const served = await ClusterVolume.start(volume, options);
  const server = new ClusterServer({ volumes: new Map([[name, served]]), ...(admit && { admit }) });
  return {
    handle: server.handle,
    volume: served,
    list: () => served.list(),
    evict: (session) => served.evict(session),
    close: () => served.close(),
  };
}
