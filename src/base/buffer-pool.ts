/** Buffers are kept by their size in these steps. */
const stepBytes = 64 * 1024;

/**
 * Large buffers for content that passes through, to be used again: new memory costs more than what is done with it,
 * since the kernel gives it page by page (0.1 to 3 ms per MiB; a copy takes 0.03) and the collector looks for it often.
 * A buffer that is never given back is collected like any other.
 */
export class BufferPool {
  readonly #limitBytes: number;
  /** By size, in steps. */
  readonly #free = new Map<number, ArrayBuffer[]>();
  #freeBytes = 0;
  /** Those that were taken and not given back. */
  readonly #lent = new WeakSet<ArrayBufferLike>();

  /** Keeps at most `limitBytes` for later. */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** `length` bytes of whatever content. */
  take(length: number): Uint8Array {
    const steps = Math.ceil(length / stepBytes);
    let memory = this.#free.get(steps)?.pop();
    if (memory === undefined) memory = Buffer.allocUnsafeSlow(steps * stepBytes).buffer as ArrayBuffer;
    else this.#freeBytes -= memory.byteLength;
    this.#lent.add(memory);
    return new Uint8Array(memory, 0, length);
  }

  /**
   * Whoever holds `bytes`, or any part of the same buffer, will not look at it again. Does nothing for bytes that are
   * not the pool's, or were given back.
   */
  giveBack(bytes: Uint8Array): void {
    const { buffer } = bytes;
    if (!this.#lent.delete(buffer)) return;
    if (this.#freeBytes + buffer.byteLength > this.#limitBytes) return;
    const steps = buffer.byteLength / stepBytes;
    const free = this.#free.get(steps);
    if (free === undefined) this.#free.set(steps, [buffer as ArrayBuffer]);
    else free.push(buffer as ArrayBuffer);
    this.#freeBytes += buffer.byteLength;
  }
}
