import { FsError, type Maybe } from '#base';
import type { CallContext, CallHeader, Connection, Handler, Peer } from './transport.ts';

/**
 * A server in the same process: requests and replies are handed over by reference, and a reply that is there at
 * once is returned at once.
 */
export class InProcessConnection implements Connection {
  readonly #handler: Handler;
  /** What fails the calls under way. */
  readonly #underWay = new Set<(reason: FsError) => void>();
  #isClosed = false;

  constructor(handler: Handler) {
    this.#handler = handler;
  }

  call(header: CallHeader, request: unknown): Maybe<unknown> {
    if (this.#isClosed) throw disconnected();
    const reply = this.#handler(header, request, inProcess);
    return reply instanceof Promise ? this.#await(reply) : reply;
  }

  close(): void {
    this.#isClosed = true;
    for (const fail of this.#underWay) fail(disconnected());
    this.#underWay.clear();
  }

  #await(reply: Promise<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#underWay.add(reject);
      reply.then(
        (value) => {
          this.#underWay.delete(reject);
          resolve(value);
        },
        (reason: unknown) => {
          this.#underWay.delete(reject);
          reject(reason);
        },
      );
    });
  }
}

/** The one peer of an embedded server lives and dies with it, and has nothing that could be recalled. */
const never = new AbortController().signal;
const self: Peer = {
  identity: undefined,
  address: 'this process',
  push: () => undefined,
  close: () => undefined,
  closed: never,
};
const inProcess: CallContext = { peer: self, signal: never };

function disconnected(): FsError {
  return new FsError('disconnected', 'the connection to the server in this process is closed');
}
