import { type BufferPool, crc32c, FsError } from '#base';

import { checkedHeaderBytes, FrameHeader, Hello } from './frame.ts';

/** A header, placed where it arrived: read what is needed of it before the next frame. */
export type ReceivedHeader = InstanceType<typeof FrameHeader>;

export interface FrameReceiver {
  /** The first bytes of the other end. Fails to refuse them; says how its frames are to be read. */
  hello(bytes: Uint8Array): { readonly checksums: boolean };
  /** `body` belongs to the receiver; it may share its memory with those of other frames. */
  frame(header: ReceivedHeader, body: Uint8Array): void;
}

const nothing = new Uint8Array(0);
/** A body from here on gets a buffer of the pool, where there is one. */
const pooledBytes = 64 * 1024;

/**
 * Finds frames in the chunks of a stream. A frame that lies whole in a chunk is a view of it; one that does not gets a
 * buffer of its own, of the pool when it is long, into which the following chunks are copied.
 */
export class FrameReader {
  readonly #receiver: FrameReceiver;
  readonly #bodyMaxBytes: number;
  readonly #buffers: BufferPool | undefined;
  readonly #header = new FrameHeader();
  readonly #headerBytes = Buffer.alloc(Math.max(FrameHeader.size, Hello.size));
  readonly #headerView = new DataView(this.#headerBytes.buffer, this.#headerBytes.byteOffset);
  #checksums: boolean | undefined;
  /** The chunk that the header is placed over. */
  #chunkBytes: Uint8Array = nothing;
  #chunkOffset = 0;
  #chunkView: DataView | undefined;
  /** How much of a header (or hello) there is in `#headerBytes`. */
  #headerHas = 0;
  /** The body that waits for more of its bytes. */
  #body: Uint8Array | undefined;
  #bodyHas = 0;
  #isStopped = false;
  #isReading = false;
  /** Chunks that have arrived and were not read, since the reader is stopped. */
  #unread: Uint8Array[] = [];

  constructor(receiver: FrameReceiver, bodyMaxBytes: number, buffers: BufferPool | undefined) {
    this.#receiver = receiver;
    this.#bodyMaxBytes = bodyMaxBytes;
    this.#buffers = buffers;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Reads on at the next `resume`; whoever calls it stops the stream as well. */
  stop(): void {
    this.#isStopped = true;
  }

  resume(): void {
    this.#isStopped = false;
    // Called by the receiver of a frame: the loop that delivered it goes on.
    if (this.#isReading) return;
    while (!this.#isStopped) {
      const chunk = this.#unread.shift();
      if (chunk === undefined) return;
      this.read(chunk);
    }
  }

  /** Fails with `invalid` for what cannot be the beginning of a stream, or its continuation. */
  read(chunk: Uint8Array): void {
    if (this.#isStopped) {
      this.#unread.push(chunk);
      return;
    }
    this.#isReading = true;
    try {
      const at = this.#readWhileWanted(chunk);
      if (at < chunk.length) this.#unread.unshift(chunk.subarray(at));
    } finally {
      this.#isReading = false;
    }
  }

  /** Returns where it was stopped. */
  #readWhileWanted(chunk: Uint8Array): number {
    let at = 0;
    while (at < chunk.length && !this.#isStopped) {
      if (this.#checksums === undefined) at = this.#readHello(chunk, at);
      else if (this.#body === undefined) at = this.#readFrame(chunk, at);
      else at = this.#continueBody(this.#body, chunk, at);
    }
    return at;
  }

  /** The stream has ended. Fails when that is in the middle of a hello, with what it looks like. */
  end(): void {
    if (this.#checksums === undefined && this.#headerHas > 0)
      this.#receiver.hello(this.#headerBytes.subarray(0, Hello.size));
  }

  #readHello(chunk: Uint8Array, at: number): number {
    const end = this.#fillHeader(chunk, at, Hello.size);
    if (this.#headerHas < Hello.size) return end;
    this.#headerHas = 0;
    this.#checksums = this.#receiver.hello(this.#headerBytes.subarray(0, Hello.size)).checksums;
    return end;
  }

  #readFrame(chunk: Uint8Array, start: number): number {
    let at = start;
    if (this.#headerHas === 0 && chunk.length - at >= FrameHeader.size) {
      this.#place(chunk, at);
      at += FrameHeader.size;
    } else {
      at = this.#fillHeader(chunk, at, FrameHeader.size);
      if (this.#headerHas < FrameHeader.size) return at;
      this.#headerHas = 0;
      this.#header.at(this.#headerView, 0);
    }
    const { length } = this.#header;
    if (length > this.#bodyMaxBytes) refuse(`a frame of ${length} bytes, at most ${this.#bodyMaxBytes} are taken`);
    if (chunk.length - at >= length) {
      this.#deliver(length === 0 ? nothing : chunk.subarray(at, at + length));
      return at + length;
    }
    this.#keepHeader();
    this.#body =
      length < pooledBytes || this.#buffers === undefined ? Buffer.allocUnsafeSlow(length) : this.#buffers.take(length);
    this.#bodyHas = 0;
    return at;
  }

  #continueBody(body: Uint8Array, chunk: Uint8Array, at: number): number {
    const end = Math.min(chunk.length, at + body.length - this.#bodyHas);
    body.set(at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end), this.#bodyHas);
    this.#bodyHas += end - at;
    if (this.#bodyHas === body.length) {
      this.#body = undefined;
      this.#deliver(body);
    }
    return end;
  }

  #deliver(body: Uint8Array): void {
    const header = this.#header;
    if (this.#checksums) {
      const expected = header.checksum;
      const { view, offset } = header;
      const bytes = view === this.#headerView ? this.#headerBytes : this.#chunkBytes;
      const at = view === this.#headerView ? 0 : offset - this.#chunkOffset;
      const checksum = crc32c(bytes, at, at + checkedHeaderBytes, 0);
      if (crc32c(body, 0, body.length, checksum) !== expected) refuse('a frame whose checksum is wrong');
    }
    this.#receiver.frame(header, body);
  }

  #place(chunk: Uint8Array, at: number): void {
    if (this.#chunkView?.buffer !== chunk.buffer) this.#chunkView = new DataView(chunk.buffer);
    this.#chunkBytes = chunk;
    this.#chunkOffset = chunk.byteOffset;
    this.#header.at(this.#chunkView, chunk.byteOffset + at);
  }

  /** The header's chunk will be gone when its body is whole. */
  #keepHeader(): void {
    const { view, offset } = this.#header;
    if (view === this.#headerView) return;
    const at = offset - this.#chunkOffset;
    this.#headerBytes.set(this.#chunkBytes.subarray(at, at + FrameHeader.size));
    this.#header.at(this.#headerView, 0);
    this.#chunkBytes = nothing;
    this.#chunkView = undefined;
  }

  #fillHeader(chunk: Uint8Array, at: number, size: number): number {
    const end = Math.min(chunk.length, at + size - this.#headerHas);
    this.#headerBytes.set(chunk.subarray(at, end), this.#headerHas);
    this.#headerHas += end - at;
    return end;
  }
}

function refuse(what: string): never {
  throw new FsError('invalid', what);
}
