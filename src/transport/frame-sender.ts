import type { Socket } from 'node:net';
import { crc32c } from '#base';

import { checkedHeaderBytes, FrameHeader, type FrameKind } from './frame.ts';

/** What short frames of one turn of the event loop are gathered in: small while little is said. */
const firstSlabBytes = 16 * 1024;
const lastSlabBytes = 64 * 1024;
/** A piece from here on goes out from where it lies; a shorter one is copied, which costs less than a buffer more. */
const byReferenceBytes = 8 * 1024;

export interface Frame {
  readonly kind: FrameKind;
  readonly code: number;
  readonly id: number;
  readonly slot: number;
  readonly session: number;
  readonly sequence: number;
}

const noBody: readonly Uint8Array[] = [];

/** Writes frames to a socket: all of one turn of the event loop in one system call, long pieces without a copy. */
export class FrameSender {
  readonly #socket: Socket;
  readonly #checksums: boolean;
  readonly #header = new FrameHeader();
  #slab = Buffer.allocUnsafeSlow(firstSlabBytes);
  #view = viewOf(this.#slab);
  /** What is in the slab from here to `#at` has not been given to the socket. */
  #start = 0;
  #at = 0;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #isFlushing = false;
  #afterSent: (() => void)[] = [];
  readonly #flush = (): void => this.flush();

  constructor(socket: Socket, checksums: boolean) {
    this.#socket = socket;
    this.#checksums = checksums;
  }

  /** Bytes that are waiting to be sent, here and in the socket. */
  get unsentBytes(): number {
    return this.#waitingBytes + (this.#at - this.#start) + this.#socket.writableLength;
  }

  /** Bytes without a frame around them. */
  raw(bytes: Uint8Array): void {
    this.#append(bytes);
    this.#flushSoon();
  }

  send(frame: Frame, body: readonly Uint8Array[] = noBody): void {
    let length = 0;
    for (const piece of body) length += piece.length;
    if (this.#at + FrameHeader.size > this.#slab.length) this.#renew();
    const at = this.#at;
    const header = this.#header.at(this.#view, at);
    header.length = length;
    header.kind = frame.kind;
    header.reserved = 0;
    header.code = frame.code;
    header.id = frame.id;
    header.slot = frame.slot;
    header.session = frame.session;
    header.sequence = frame.sequence;
    header.checksum = this.#checksums ? this.#checksumOf(at, body) : 0;
    this.#at = at + FrameHeader.size;
    for (const piece of body) this.#append(piece);
    this.#flushSoon();
  }

  /** Calls `run` when what was sent until now is with the kernel. */
  afterSent(run: () => void): void {
    this.#afterSent.push(run);
    this.#flushSoon();
  }

  /** Gives all to the socket now. */
  flush(): void {
    this.#isFlushing = false;
    this.#endPiece();
    const pieces = this.#waiting;
    if (pieces.length === 0 || this.#socket.destroyed) return;
    this.#waiting = [];
    this.#waitingBytes = 0;
    const last = pieces.pop()!;
    const sent = this.#takeAfterSent();
    if (pieces.length > 0) this.#socket.cork();
    for (const piece of pieces) this.#socket.write(piece);
    this.#socket.write(last, sent);
    if (pieces.length > 0) this.#socket.uncork();
  }

  #takeAfterSent(): ((error?: Error | null) => void) | undefined {
    if (this.#afterSent.length === 0) return undefined;
    const runs = this.#afterSent;
    this.#afterSent = [];
    return (error) => {
      if (!error) for (const run of runs) run();
    };
  }

  #checksumOf(at: number, body: readonly Uint8Array[]): number {
    let checksum = crc32c(this.#slab, at, at + checkedHeaderBytes, 0);
    for (const piece of body) checksum = crc32c(piece, 0, piece.length, checksum);
    return checksum;
  }

  #append(piece: Uint8Array): void {
    const { length } = piece;
    if (length >= byReferenceBytes) {
      this.#endPiece();
      this.#waiting.push(piece);
      this.#waitingBytes += length;
      return;
    }
    if (this.#at + length > this.#slab.length) this.#renew();
    this.#slab.set(piece, this.#at);
    this.#at += length;
  }

  #endPiece(): void {
    if (this.#at === this.#start) return;
    this.#waiting.push(this.#slab.subarray(this.#start, this.#at));
    this.#waitingBytes += this.#at - this.#start;
    this.#start = this.#at;
  }

  #renew(): void {
    this.#endPiece();
    this.#slab = Buffer.allocUnsafeSlow(Math.min(2 * this.#slab.length, lastSlabBytes));
    this.#view = viewOf(this.#slab);
    this.#start = 0;
    this.#at = 0;
  }

  #flushSoon(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    // After all that this turn of the event loop still answers or asks.
    setImmediate(this.#flush);
  }
}

function viewOf(slab: Buffer): DataView {
  return new DataView(slab.buffer, slab.byteOffset, slab.length);
}
