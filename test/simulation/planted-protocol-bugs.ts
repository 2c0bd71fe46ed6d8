import type { FsError, ManualClock } from '#base';
import {
  type Answer,
  calls,
  type LeaseReturn,
  leases,
  type Pushes,
  pushes,
  type SessionFacts,
  type SessionRequestOf,
  sessionCalls,
} from '#protocol';
import type { ServedVolume } from '#server';
import type { CallContext, CallHeader, Connection, ConnectionEvents, Handler, Peer } from '#transport';
import type { KernelCaches } from '#vfs';

/**
 * A mistake in how a cluster keeps its promises, put into shipped code from outside, to see that the simulation finds
 * it. Each is one of those that a change of the protocol could bring.
 */
export interface PlantedProtocolBug {
  /** Where a search that need not take long begins: a little before the first seed that found it. Default 1. */
  readonly from?: number;
  /** Of a server that has just started. */
  readonly handler?: (handler: Handler) => Handler;
  /** Of a client's connection. */
  readonly connect?: (connect: Connect, clock: ManualClock) => Connect;
  readonly kernel?: (caches: KernelCaches) => KernelCaches;
  /** The server has recovered and does not serve yet. */
  readonly started?: (volume: ServedVolume) => Promise<void>;
}

type Connect = (events: ConnectionEvents) => Connection;

const soon = (): Promise<void> => Promise.resolve();

export const plantedProtocolBugs: Readonly<Record<string, PlantedProtocolBug>> = {
  'a recall is not sent': {
    handler: pushing((push, answer) => (code, message) => {
      if (isAwaitedRecall(code, message)) answer(message.leases);
      else push(code, message);
    }),
  },
  'a recall is not awaited': {
    from: 28,
    handler: pushing((push, answer) => (code, message) => {
      push(code, message);
      if (isAwaitedRecall(code, message)) answer(message.leases);
    }),
  },
  'a recall is obeyed after it was answered': {
    from: 25,
    connect: (connect, clock) => (events) => {
      const connection = connect({
        ...events,
        pushed: (code, message) => {
          if (!isAwaitedRecall(code, message)) return events.pushed(code, message);
          const { code: returns } = sessionCalls.returnLeases;
          const session = sessionOf.get(connection) ?? 0;
          const given = message.leases.map(({ ino, kinds, number }) => ({ ino, kinds, number }));
          ignore(connection.call({ code: returns, session, slot: 0, sequence: 0 }, { leases: given }));
          clock.after(20, () => events.pushed(code, message));
        },
      });
      return rememberSession(connection);
    },
  },
  'a client believes its leases for longer than the session lives': {
    connect: replies((code, reply) =>
      introduces(code) ? { ...(reply as SessionFacts), ttlMs: 4 * (reply as SessionFacts).ttlMs } : reply,
    ),
  },
  'the epoch is not compared': {
    from: 545,
    connect: (connect) => {
      let epoch: number | undefined;
      return replies((code, reply) => {
        if (!introduces(code)) return reply;
        epoch ??= (reply as SessionFacts).epoch;
        return { ...(reply as SessionFacts), epoch, mustReclaim: false };
      })(connect);
    },
  },
  'what arrives later counts as later': {
    connect: (connect) => {
      let serial = 2 ** 40;
      return replies((code, reply) =>
        code < sessionCalls.createSession.code ? { ...(reply as Answer<unknown>), serial: serial++ } : reply,
      )(connect);
    },
  },
  'the kernel keeps names': {
    kernel: (caches) => ({ ...bound(caches), dropNames: soon }),
  },
  'the kernel keeps a name that was absent': {
    from: 20,
    kernel: (caches) => ({
      ...bound(caches),
      dropNames: (directory, names) =>
        typeof names === 'object' ? caches.dropNames(directory, 'none') : caches.dropNames(directory, names),
    }),
  },
  'the kernel keeps attributes': {
    kernel: (caches) => ({ ...bound(caches), dropAttributes: soon }),
  },
  'the kernel keeps pages': {
    kernel: (caches) => ({ ...bound(caches), dropContent: soon }),
  },
  'after a stop the kernel goes on believing': {
    from: 310,
    kernel: (caches) => ({ ...bound(caches), dropAll: soon }),
  },
  'open files are not reclaimed': {
    connect: requests((code, request) =>
      code === sessionCalls.reclaim.code ? { ...(request as SessionRequestOf<'reclaim'>), opens: [] } : request,
    ),
  },
  'locks are not reclaimed': {
    from: 215,
    connect: requests((code, request) =>
      code === sessionCalls.reclaim.code ? { ...(request as SessionRequestOf<'reclaim'>), locks: [] } : request,
    ),
  },
  'a lock is granted to two': {
    handler: (handler) => async (header, request, context) => {
      try {
        const reply = await handler(header, request, context);
        return reply === 'queued' ? 'granted' : reply;
      } catch (error) {
        const isRefusal = header.code === sessionCalls.lock.code && (error as FsError).status === 'wouldBlock';
        if (isRefusal) return 'granted';
        throw error;
      }
    },
  },
  'repeated calls are carried out again': {
    handler: (handler) => (header, request, context) => {
      const isCall = header.code < sessionCalls.createSession.code && header.sequence > 0;
      return handler(isCall ? { ...header, sequence: nextSequence++ } : header, request, context);
    },
  },
  'a call is answered before it is durable': {
    from: 40,
    started: async ({ store }) => {
      store.flush = soon;
    },
  },
  'names are believed under a lease of the attributes alone': {
    connect: replies((code, reply) => {
      if (code !== calls.getattr.code) return reply;
      const { grants, ...answer } = reply as Answer<unknown>;
      return { ...answer, grants: grants.map((grant) => ({ ...grant, kinds: grant.kinds | leases.entries.bit })) };
    }),
  },
};

let nextSequence = 1;
const sessionOf = new WeakMap<Connection, number>();

function bound(caches: KernelCaches): KernelCaches {
  return {
    namesCanBeLent: caches.namesCanBeLent,
    dropAttributes: (ino) => caches.dropAttributes(ino),
    dropContent: (ino) => caches.dropContent(ino),
    dropNames: (directory, names) => caches.dropNames(directory, names),
    dropAll: (inos) => caches.dropAll(inos),
  };
}

function introduces(code: number): boolean {
  return code === sessionCalls.createSession.code || code === sessionCalls.attachSession.code;
}

function isAwaitedRecall(code: number, message: unknown): message is Pushes['recall'] {
  return code === pushes.recall.code && (message as Pushes['recall']).awaited;
}

function ignore(result: unknown): void {
  if (result instanceof Promise) result.catch(() => undefined);
}

function rememberSession(connection: Connection): Connection {
  return {
    call: (header, request, signal) => {
      if (header.session !== 0) sessionOf.set(connection, header.session);
      return connection.call(header, request, signal);
    },
    close: () => connection.close(),
  };
}

type Rewrite = (code: number, message: unknown) => unknown;

function replies(rewrite: Rewrite): (connect: Connect) => Connect {
  return (connect) => (events) => {
    const connection = connect(events);
    return {
      call: async (header, request, signal) => rewrite(header.code, await connection.call(header, request, signal)),
      close: () => connection.close(),
    };
  };
}

function requests(rewrite: Rewrite): (connect: Connect) => Connect {
  return (connect) => (events) => {
    const connection = connect(events);
    return {
      call: (header, request, signal) => connection.call(header, rewrite(header.code, request), signal),
      close: () => connection.close(),
    };
  };
}

type Push = Peer['push'];

/** What the server pushes to its clients; `answer` returns leases in a client's place. */
function pushing(rewrite: (push: Push, answer: (leases: readonly LeaseReturn[]) => void) => Push) {
  return (handler: Handler): Handler => {
    const peers = new WeakMap<Peer, Peer>();
    const peerOf = (real: Peer, header: CallHeader, context: CallContext): Peer => {
      const known = peers.get(real);
      if (known !== undefined) return known;
      let session = header.session;
      const answer = (given: readonly LeaseReturn[]): void => {
        const { code } = sessionCalls.returnLeases;
        const request = { leases: given.map(({ ino, kinds, number }) => ({ ino, kinds, number })) };
        const call: CallHeader = { code, session, slot: 0, sequence: 0 };
        queueMicrotask(() => ignore(handler(call, request, { peer, signal: context.signal })));
      };
      const push = rewrite((code, message) => real.push(code, message), answer);
      const peer: Peer = {
        identity: real.identity,
        address: real.address,
        closed: real.closed,
        push,
        close: (reason) => real.close(reason),
      };
      peers.set(real, peer);
      sessions.set(peer, (id) => {
        session = id;
      });
      return peer;
    };
    const sessions = new WeakMap<Peer, (session: number) => void>();
    return (header, request, context) => {
      const peer = peerOf(context.peer, header, context);
      if (header.session !== 0) sessions.get(peer)?.(header.session);
      return handler(header, request, {
        peer,
        get signal() {
          return context.signal;
        },
      });
    };
  };
}
