import { strict as assert } from 'node:assert';
import { chain, type FsError, type Maybe } from '#base';
import type { CallHeader, Connection, ConnectionEvents } from './transport.ts';

export interface ConnectionPoolOptions {
  /** Makes one connection to the server. */
  readonly connect: (events: ConnectionEvents) => Connection;
  /** Whether a call goes on a connection for bulk data. */
  readonly isBulk: (header: CallHeader, request: unknown) => boolean;
  /** Connections for bulk data; each is made when it is first needed. Default: 2. */
  readonly bulkCount?: number;
  /** What must have happened on a connection for bulk data before its first call: it joins the session. */
  readonly prepareBulk?: (connection: Connection) => Maybe<unknown>;
  readonly events?: ConnectionEvents;
}

interface BulkConnection {
  readonly connection: Connection;
  /** Calls wait for it. */
  readonly prepared: Maybe<unknown>;
  underWay: number;
}

/**
 * Several connections to one server that look like one: small calls do not wait behind megabytes. They stand and fall
 * together: when one breaks all are closed, since whoever uses them starts anew in any case. Pushes may come on any.
 */
export class ConnectionPool implements Connection {
  readonly #options: ConnectionPoolOptions;
  readonly #bulkCount: number;
  readonly #first: Connection;
  readonly #bulk: BulkConnection[] = [];
  #isClosed = false;
  readonly #events: ConnectionEvents = {
    pushed: (code, message) => this.#options.events?.pushed(code, message),
    closed: (reason) => this.#fail(reason),
  };

  constructor(options: ConnectionPoolOptions) {
    const { bulkCount = 2 } = options;
    assert(bulkCount > 0, `${bulkCount} connections for bulk data`);
    this.#options = options;
    this.#bulkCount = bulkCount;
    this.#first = options.connect(this.#events);
  }

  call(header: CallHeader, request: unknown, signal?: AbortSignal): Maybe<unknown> {
    if (this.#isClosed || !this.#options.isBulk(header, request)) return this.#first.call(header, request, signal);
    const bulk = this.#leastBusy();
    bulk.underWay += 1;
    const reply = chain(bulk.prepared, () => bulk.connection.call(header, request, signal));
    const end = (): void => {
      bulk.underWay -= 1;
    };
    if (reply instanceof Promise) reply.then(end, end);
    else end();
    return reply;
  }

  close(): void {
    this.#isClosed = true;
    this.#first.close();
    for (const { connection } of this.#bulk) connection.close();
  }

  #leastBusy(): BulkConnection {
    let least: BulkConnection | undefined;
    for (const bulk of this.#bulk) if (least === undefined || bulk.underWay < least.underWay) least = bulk;
    if (least !== undefined && (least.underWay === 0 || this.#bulk.length === this.#bulkCount)) return least;
    const connection = this.#options.connect(this.#events);
    const prepared = this.#options.prepareBulk?.(connection);
    const made = { connection, prepared, underWay: 0 };
    this.#bulk.push(made);
    return made;
  }

  #fail(reason: FsError): void {
    if (this.#isClosed) return;
    this.close();
    this.#options.events?.closed(reason);
  }
}
