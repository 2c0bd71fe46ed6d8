import { type ByteString, fail } from '#base';

/** Node's own, which decode without a detour through a decoder; not in its types. */
interface SourceBuffer extends Buffer {
  latin1Slice(start: number, end: number): string;
  utf8Slice(start: number, end: number): string;
}

/** Content up to this length is copied out of the bytes that it arrived in, which may be many times longer. */
const copiedBytes = 4096;
const twoTo32 = 4294967296;

/** Reads one message after another. Whatever the bytes are, it ends, and fails with `invalid` for what it cannot read. */
export class Reader {
  #memory: ArrayBufferLike | undefined;
  #source = Buffer.alloc(0) as SourceBuffer;
  #view: DataView = new DataView(new ArrayBuffer(0));
  #at = 0;
  #end = 0;

  /** Begins to read `bytes`. */
  begin(bytes: Uint8Array): void {
    // Making a view costs more than reading a short message; those that arrived together share their memory.
    if (bytes.buffer !== this.#memory) {
      this.#memory = bytes.buffer;
      this.#view = new DataView(bytes.buffer);
      this.#source = Buffer.from(bytes.buffer) as SourceBuffer;
    }
    this.#at = bytes.byteOffset;
    this.#end = bytes.byteOffset + bytes.length;
  }

  /** What is left of the record, or outside of any of the message. */
  get left(): number {
    return this.#end - this.#at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  flag(): boolean {
    const byte = this.u8();
    if (byte > 1) broken(`${byte} where yes or no is asked`);
    return byte === 1;
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  u53(): number {
    const at = this.#take(8);
    const high = this.#view.getUint32(at + 4, true);
    if (high > 0x1fffff) broken('a number of more than 53 bits');
    return high * twoTo32 + this.#view.getUint32(at, true);
  }

  /** An integer within ±2^53. */
  s53(): number {
    const at = this.#take(8);
    const high = this.#view.getInt32(at + 4, true);
    if (high > 0x1fffff || high < -0x200000) broken('a number of more than 53 bits');
    return high * twoTo32 + this.#view.getUint32(at, true);
  }

  /** The place of a struct of so many bytes; `place` puts a window over it. */
  struct(size: number, place: (view: DataView, offset: number) => void): void {
    place(this.#view, this.#take(size));
  }

  latin1(length: number): ByteString {
    const at = this.#take(length);
    return this.#source.latin1Slice(at, at + length);
  }

  utf8(length: number): string {
    const at = this.#take(length);
    return this.#source.utf8Slice(at, at + length);
  }

  /** A copy. */
  bytes(length: number): Uint8Array {
    const at = this.#take(length);
    return Uint8Array.prototype.slice.call(this.#source, at, at + length);
  }

  /** The rest, by reference when it is long. */
  bulk(): Uint8Array {
    const { left } = this;
    if (left <= copiedBytes) return this.bytes(left);
    const at = this.#take(left);
    return this.#source.subarray(at, at + left);
  }

  /** Begins a record of the length that is read here; `endRecord` with what it returns goes on behind it. */
  beginRecord(): number {
    const length = this.u32();
    const outerEnd = this.#end;
    const end = this.#at + length;
    if (end > outerEnd) broken(`a record of ${length} bytes`);
    this.#end = end;
    return outerEnd;
  }

  /** Skips what a newer version has appended to the record. */
  endRecord(outerEnd: number): void {
    this.#at = this.#end;
    this.#end = outerEnd;
  }

  #take(bytes: number): number {
    const at = this.#at;
    if (at + bytes > this.#end) broken(`${bytes} bytes are read where ${this.#end - at} are left`);
    this.#at = at + bytes;
    return at;
  }
}

/** The message is not what its sender's own table can have written. */
export function broken(what: string): never {
  fail('invalid', `a message that cannot be read: ${what}`);
}
