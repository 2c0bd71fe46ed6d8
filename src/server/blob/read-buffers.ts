/** Reads up to this size get memory of their own: V8 makes it faster than a page of it is touched. */
const ownMemoryMaxBytes = 32_768;
/** The largest read that the kernel asks for by default; a larger one gets memory of its own too. */
const bufferBytes = 1_048_576;
/** Idle buffers that are kept. */
const idleMax = 8;

/**
 * Memory for large reads that is used again. New memory of a mebibyte costs 256 page faults, which is more than
 * filling it. What is never given back is the garbage collector's.
 */
export class ReadBuffers {
  readonly #idle: Buffer[] = [];
  /** Who is given back twice, or was never taken here, is not reused. */
  readonly #taken = new WeakSet<ArrayBufferLike>();

  /** `length` bytes of any content. */
  take(length: number): Buffer {
    if (length <= ownMemoryMaxBytes || length > bufferBytes) return Buffer.allocUnsafeSlow(length);
    // The last one given back is the one that the processor's caches know.
    const buffer = this.#idle.pop() ?? Buffer.allocUnsafeSlow(bufferBytes);
    this.#taken.add(buffer.buffer);
    return buffer.subarray(0, length);
  }

  /** Nobody looks at `bytes` any more. */
  giveBack(bytes: Uint8Array): void {
    const memory = bytes.buffer;
    if (bytes.length <= ownMemoryMaxBytes || !this.#taken.delete(memory) || this.#idle.length >= idleMax) return;
    this.#idle.push(Buffer.from(memory));
  }
}
