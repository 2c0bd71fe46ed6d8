import { strict as assert } from 'node:assert';
import type { ByteString } from '#base';
import { messageMaxBytes } from './limits.ts';

/** Slabs that messages are written into one after another; a slab is let go once all its messages are. */
const slabBytes = 64 * 1024;
/** From here on content is a piece of its own; below, a copy costs less than another piece. */
export const bulkBytes = 4096;

const twoTo32 = 4294967296;

/** Node's own, which copies without a detour through an encoder; not in its types. */
interface SlabBuffer extends Buffer {
  utf8Write(text: string, offset: number): number;
}

/** Writes one message after another, each in pieces that follow each other. Little-endian. */
export class Writer {
  #slab: SlabBuffer = makeSlab(slabBytes);
  #view = viewOf(this.#slab);
  /** Where the piece that is being written begins. */
  #start = 0;
  #at = 0;
  #pieces: Uint8Array[] = [];
  #pieceBytes = 0;

  /** Begins a message; what became of one before, even half of one, does not matter. */
  begin(): void {
    if (this.#pieces.length > 0) this.#pieces = [];
    this.#pieceBytes = 0;
    this.#start = this.#at;
  }

  /** The pieces of the message, which are not touched again. */
  finish(): readonly Uint8Array[] {
    const pieces = this.#pieces;
    this.#pieces = [];
    if (this.#at > this.#start || pieces.length === 0) pieces.push(this.#slab.subarray(this.#start, this.#at));
    this.#start = this.#at;
    return pieces;
  }

  u8(value: number): void {
    const at = this.#take(1);
    this.#view.setUint8(at, value);
  }

  u16(value: number): void {
    const at = this.#take(2);
    this.#view.setUint16(at, value, true);
  }

  u32(value: number): void {
    const at = this.#take(4);
    this.#view.setUint32(at, value, true);
  }

  /** An integer below 2^53; `s53` differs in what its reader does with the sign. */
  u53(value: number): void {
    const at = this.#take(8);
    const high = Math.floor(value / twoTo32);
    this.#view.setUint32(at, value - high * twoTo32, true);
    this.#view.setInt32(at + 4, high, true);
  }

  /** Room for a struct of so many bytes: `place` puts a window over it. */
  struct(size: number, place: (view: DataView, offset: number) => void): void {
    const at = this.#take(size);
    place(this.#view, at);
  }

  latin1(text: ByteString): void {
    const start = this.#take(text.length);
    const slab = this.#slab;
    for (let index = 0; index < text.length; index++) {
      const byte = text.charCodeAt(index);
      assert(byte < 256, 'a string of bytes holds a character that is none');
      slab[start + index] = byte;
    }
  }

  utf8(text: string, bytes: number): void {
    const at = this.#take(bytes);
    this.#slab.utf8Write(text, at);
  }

  bytes(bytes: Uint8Array): void {
    const at = this.#take(bytes.length);
    this.#slab.set(bytes, at);
  }

  /** The rest of the message: by reference when it is long. */
  bulk(bytes: Uint8Array): void {
    if (bytes.length < bulkBytes) {
      this.bytes(bytes);
      return;
    }
    this.#endPiece();
    this.#pieces.push(bytes);
    this.#pieceBytes += bytes.length;
  }

  /** Room for the length of what follows; `endRecord` with the place fills it in. Nothing between them is bulk. */
  beginRecord(): number {
    // Within the message, since the message may move to another slab.
    return this.#take(4) - this.#start;
  }

  endRecord(place: number): void {
    const at = this.#start + place;
    this.#view.setUint32(at, this.#at - at - 4, true);
  }

  #endPiece(): void {
    if (this.#at === this.#start) return;
    this.#pieces.push(this.#slab.subarray(this.#start, this.#at));
    this.#pieceBytes += this.#at - this.#start;
    this.#start = this.#at;
  }

  /** Room for so many bytes. The slab may be another afterwards. */
  #take(bytes: number): number {
    if (this.#at + bytes > this.#slab.length) this.#grow(bytes);
    const at = this.#at;
    this.#at = at + bytes;
    return at;
  }

  /** The piece moves to a new slab, which holds the whole of it. */
  #grow(bytes: number): void {
    const written = this.#at - this.#start;
    const needed = written + bytes;
    assert(this.#pieceBytes + needed <= messageMaxBytes, `a message of more than ${messageMaxBytes} bytes`);
    const slab = makeSlab(Math.max(slabBytes, needed > slabBytes / 2 ? 2 * needed : 0));
    slab.set(this.#slab.subarray(this.#start, this.#at));
    this.#slab = slab;
    this.#view = viewOf(slab);
    this.#start = 0;
    this.#at = written;
  }
}

function makeSlab(bytes: number): SlabBuffer {
  return Buffer.allocUnsafeSlow(bytes) as SlabBuffer;
}

function viewOf(slab: Buffer): DataView {
  return new DataView(slab.buffer, slab.byteOffset, slab.length);
}
