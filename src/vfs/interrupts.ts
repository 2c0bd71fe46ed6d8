/**
 * Ties a request of the kernel to the calls made for it, so that a signal to the process can end them. What the vfs
 * begins between `open` and `take` belongs to the request; what follows later runs to its end.
 */
export class Interrupts {
  #isOpen = false;
  #controller: AbortController | undefined;

  /** A request is about to be carried out. */
  open(): void {
    this.#isOpen = true;
    this.#controller = undefined;
  }

  /** For a call that leaves this machine: aborts when the request that it is made for is interrupted. */
  signal(): AbortSignal | undefined {
    if (!this.#isOpen) return;
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }

  /** The request has returned, or pends: what interrupts it, where anything can. */
  take(): AbortController | undefined {
    this.#isOpen = false;
    return this.#controller;
  }
}
