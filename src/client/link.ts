import { FsError } from '#base';
import type { CallHeader, Connection, ConnectionEvents } from '#transport';

/** One connection from its beginning to its end; the session makes another after it. */
export class Link {
  /** Settles when no call will be answered on it any more. */
  readonly broken: Promise<void>;
  readonly #connection: Connection;
  #isBroken = false;
  #break!: () => void;

  constructor(
    connect: (events: ConnectionEvents) => Connection,
    pushed: (link: Link, code: number, message: unknown) => void,
  ) {
    this.broken = new Promise((resolve) => {
      this.#break = resolve;
    });
    this.#connection = connect({
      pushed: (code, message) => {
        if (!this.#isBroken) pushed(this, code, message);
      },
      closed: () => this.close(),
    });
  }

  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Fails with `disconnected` when the link broke before the reply came. */
  async call(header: CallHeader, request: unknown, signal?: AbortSignal): Promise<unknown> {
    try {
      return await this.#connection.call(header, request, signal);
    } catch (error) {
      if (error instanceof FsError && error.status === 'disconnected') this.close();
      throw error;
    }
  }

  close(): void {
    if (this.#isBroken) return;
    this.#isBroken = true;
    this.#connection.close();
    this.#break();
  }
}
