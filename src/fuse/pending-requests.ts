/** Requests under way that a signal to their caller may end; the others are not in here. */
export class PendingRequests {
  readonly #controllers = new Map<string, AbortController>();

  add(uniqueLow: number, uniqueHigh: number, controller: AbortController): void {
    this.#controllers.set(keyOf(uniqueLow, uniqueHigh), controller);
  }

  delete(uniqueLow: number, uniqueHigh: number): void {
    if (this.#controllers.size > 0) this.#controllers.delete(keyOf(uniqueLow, uniqueHigh));
  }

  /** INTERRUPT names the request by its unique number. One that has been answered meanwhile is not there any more. */
  interrupt(uniqueLow: number, uniqueHigh: number): void {
    this.#controllers.get(keyOf(uniqueLow, uniqueHigh))?.abort();
  }
}

/** All 64 bits count. */
const keyOf = (low: number, high: number): string => `${high} ${low}`;
