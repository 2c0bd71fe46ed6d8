import type { CallContext, Peer } from './transport.ts';

/** A call that a server works on; its signal is made when somebody asks for it. */
export class ServedCall implements CallContext {
  readonly peer: Peer;
  #controller: AbortController | undefined;
  #isAborted = false;

  constructor(peer: Peer) {
    this.peer = peer;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#isAborted) this.#controller.abort();
    return this.#controller.signal;
  }

  abort(): void {
    this.#isAborted = true;
    this.#controller?.abort();
  }
}
