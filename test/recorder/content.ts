/** The bytes of a file: beyond what was written it is zeros. */
export class Content {
  #bytes: Buffer;
  #size: number;

  constructor(bytes: Buffer = Buffer.alloc(0), size = bytes.length) {
    this.#bytes = bytes;
    this.#size = size;
  }

  get size(): number {
    return this.#size;
  }

  /** The bytes in the range, as far as the file reaches; a copy. */
  read(offset: number, length: number): Buffer {
    const end = Math.min(offset + length, this.#size);
    return end <= offset ? Buffer.alloc(0) : Buffer.from(this.#bytes.subarray(offset, end));
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#grow(Math.max(this.#size, offset + bytes.length));
    this.#bytes.set(bytes, offset);
  }

  /** Bytes beyond the size stay away; what is added is zeros. */
  truncate(size: number): void {
    if (size > this.#size) this.#grow(size);
    this.#bytes.fill(0, size, this.#size);
    this.#size = size;
  }

  /** The size stays. */
  clear(offset: number, length: number): void {
    this.#bytes.fill(0, Math.min(offset, this.#size), Math.min(offset + length, this.#size));
  }

  clone(): Content {
    return new Content(Buffer.from(this.#bytes.subarray(0, this.#size)));
  }

  #grow(size: number): void {
    if (size > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(size, 2 * this.#bytes.length));
      larger.set(this.#bytes.subarray(0, this.#size));
      this.#bytes = larger;
    }
    this.#size = size;
  }
}
