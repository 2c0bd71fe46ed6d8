import type { ByteString } from '#base';
import type { KvBatch } from './engine.ts';

/** Kept from batch to batch up to this size; a larger one is allocated for its batch alone. */
const keptArenaBytes = 8_388_608;

/** Instruction words of lmdb-js 3.5.6 (its `src/writer.cpp`, "write instructions"). */
const put = 15;
const remove = 13;

/**
 * A batch as the instructions that lmdb-js's writer thread executes within one LMDB transaction, in one piece of
 * memory: each `flags u32, dbi u32, key size u32, key`, for a put also `value size u32, value address f64`, aligned
 * to 8; a zero word ends them, and the values follow.
 *
 * Written here because lmdb-js's own `put` costs 950 ns a key on the main thread (a closure, a linked record and a
 * promise for each), and because it hides the error code of a failed commit, or never settles when a transaction
 * cannot begin. The package is pinned to the version that this layout belongs to, and the contract suite covers it.
 */
export class LmdbInstructions {
  #buffer = new ArrayBuffer(0);
  #bytes = new Uint8Array(0);
  #words = new Uint32Array(0);
  #doubles = new Float64Array(0);
  #view = new DataView(this.#buffer);
  #address = 0;
  readonly #addressOf: (buffer: ArrayBuffer) => number;
  readonly #dbi: number;

  constructor(options: { readonly dbi: number; readonly addressOf: (buffer: ArrayBuffer) => number }) {
    this.#dbi = options.dbi;
    this.#addressOf = options.addressOf;
  }

  /** The address of the instructions, valid until the next call: the writer must be done with them by then. */
  encode(writes: KvBatch['writes']): number {
    let instructionBytes = 16;
    let valueBytes = 0;
    writes.forEach((value, key) => {
      instructionBytes += headBytes(key) + (value === undefined ? 0 : 8);
      if (value !== undefined) valueBytes += value.length;
    });
    this.#reserve(instructionBytes + valueBytes);
    // The writer stores the transaction's number into the word before the one that ends the instructions.
    let at = 8;
    let valueAt = instructionBytes;
    writes.forEach((value, key) => {
      if (value === undefined) {
        at = this.#head(at, remove, key);
        return;
      }
      at = this.#head(at, put, key);
      this.#words[(at >> 2) - 1] = value.length;
      this.#doubles[at >> 3] = this.#address + valueAt;
      at += 8;
      if (value instanceof Uint8Array) this.#bytes.set(value, valueAt);
      else value.encodeInto(this.#view, valueAt);
      valueAt += value.length;
    });
    this.#words[at >> 2] = 0;
    this.#words[(at >> 2) + 1] = 0;
    return this.#address + 8;
  }

  /** Lets go of the memory of an unusually large batch. */
  trim(): void {
    if (this.#buffer.byteLength > keptArenaBytes) this.#use(new ArrayBuffer(0));
  }

  #head(at: number, flags: number, key: ByteString): number {
    const word = at >> 2;
    this.#words[word] = flags;
    this.#words[word + 1] = this.#dbi;
    this.#words[word + 2] = key.length;
    const bytes = this.#bytes;
    const keyAt = at + 12;
    for (let i = 0; i < key.length; i++) bytes[keyAt + i] = key.charCodeAt(i);
    return at + headBytes(key);
  }

  #reserve(size: number): void {
    if (this.#buffer.byteLength < size) this.#use(new ArrayBuffer(Math.max(65_536, 2 ** Math.ceil(Math.log2(size)))));
  }

  #use(buffer: ArrayBuffer): void {
    this.#buffer = buffer;
    this.#bytes = new Uint8Array(buffer);
    this.#words = new Uint32Array(buffer);
    this.#doubles = new Float64Array(buffer);
    this.#view = new DataView(buffer);
    this.#address = buffer.byteLength === 0 ? 0 : this.#addressOf(buffer);
  }
}

/** Flags, dbi and key size take 12 bytes; the value's size takes the last 4 before the next multiple of 8. */
function headBytes(key: ByteString): number {
  return (key.length + 28) & ~7;
}
