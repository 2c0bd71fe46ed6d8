import type { Socket } from 'node:net';
import { type BufferPool, type Clock, FsError, type Timer } from '#base';
import { decodeHello, encodeHello, farewells, frameKinds, type HelloFacts } from './frame.ts';
import { FrameReader, type FrameReceiver, type ReceivedHeader } from './frame-reader.ts';
import { type Frame, FrameSender } from './frame-sender.ts';
import type { StreamLimits } from './limits.ts';

export interface FrameStreamOptions {
  readonly socket: Socket;
  /** The other end, for messages: host and port. */
  readonly where: string;
  /** Whether frames carry checksums: a stream under TLS protects itself. */
  readonly checksums: boolean;
  readonly clock: Clock;
  readonly limits: StreamLimits;
  /** For long bodies; whoever receives one may give it back. */
  readonly buffers: BufferPool | undefined;
  /** Whether this end breaks a silence: the client's does, and its server hears of it in time. */
  readonly pings: boolean;
}

/** What a stream tells its end of the connection. */
export interface FrameStreamEvents {
  hello(facts: HelloFacts): void;
  /** Any frame but those that the stream itself handles. `body` belongs to the receiver. Fails to refuse it. */
  frame(header: ReceivedHeader, body: Uint8Array): void;
  /** All that was sent is with the kernel. */
  drained(): void;
  /** Once. `refused`: the reason is what this end received. */
  ended(reason: FsError, refused: boolean): void;
}

/** How long an end waits after its last word until it drops the connection, for the other to read it. */
const lingerMs = 1000;
/** A timer that is later was held up with the whole process. */
const lateMaxMs = 1000;
const noFrame = { code: 0, id: 0, slot: 0, session: 0, sequence: 0 };
/** A reason is shortened to this; it goes to a log. */
const reasonMaxBytes = 1024;

/** One end of a connection: hello, frames, keep-alive and farewell over a socket of any kind. */
export class FrameStream implements FrameReceiver {
  readonly #options: FrameStreamOptions;
  readonly #events: FrameStreamEvents;
  readonly #sender: FrameSender;
  readonly #reader: FrameReader;
  #heardAtMs: number;
  #check: Timer | undefined;
  #linger: Timer | undefined;
  #socketError: Error | undefined;
  #hasEnded = false;
  #hasHeardHello = false;

  constructor(options: FrameStreamOptions, events: FrameStreamEvents) {
    this.#options = options;
    this.#events = events;
    const { socket, checksums, clock, limits, buffers } = options;
    this.#sender = new FrameSender(socket, checksums);
    this.#reader = new FrameReader(this, limits.bodyMaxBytes, buffers);
    this.#heardAtMs = clock.nowMs();
    socket.on('error', (error) => {
      this.#socketError = error;
    });
    socket.on('close', () => this.#end(this.#broken(), false));
    socket.on('drain', () => events.drained());
  }

  /** Says hello and begins to listen. */
  start(): void {
    const { socket, checksums, clock, limits } = this.#options;
    this.#heardAtMs = clock.nowMs();
    this.#sender.raw(encodeHello({ checksums, callsMax: limits.callsMax, bytesMax: limits.callBytesMax }));
    socket.on('data', (chunk: Buffer) => this.#guarded(() => this.#reader.read(chunk)));
    socket.on('end', () => this.#guarded(() => this.#reader.end()));
    this.#checkAt(limits.silenceMs / 2);
  }

  get unsentBytes(): number {
    return this.#sender.unsentBytes;
  }

  send(frame: Frame, body?: readonly Uint8Array[]): void {
    if (!this.#hasEnded) this.#sender.send(frame, body);
  }

  /** Calls `run` when all that was sent until now is with the kernel; never when the connection breaks before. */
  afterSent(run: () => void): void {
    if (!this.#hasEnded) this.#sender.afterSent(run);
  }

  /** No frame is delivered until `resume`, and the other end is held back. */
  pause(): void {
    this.#reader.stop();
    this.#options.socket.pause();
  }

  resume(): void {
    if (!this.#reader.isStopped || this.#hasEnded) return;
    this.#guarded(() => this.#reader.resume());
    if (!this.#reader.isStopped) this.#options.socket.resume();
  }

  /** Says why, and ends the connection once that is sent. */
  close(reason: string, farewell: number = farewells.closed): void {
    this.#sayGoodbye(farewell, reason);
    this.#end(new FsError('disconnected', reason), false);
  }

  /** Ends the connection without a word. */
  destroy(reason: FsError): void {
    this.#options.socket.destroy();
    this.#end(reason, false);
  }

  hello(bytes: Uint8Array): HelloFacts {
    const facts = decodeHello(bytes);
    this.#hasHeardHello = true;
    this.#events.hello(facts);
    return facts;
  }

  frame(header: ReceivedHeader, body: Uint8Array): void {
    if (header.kind === frameKinds.ping) this.send({ ...noFrame, kind: frameKinds.pong });
    else if (header.kind !== frameKinds.pong) this.#events.frame(header, body);
  }

  /** What fails in here is what came in: the connection ends, and nothing else. */
  #guarded(read: () => void): void {
    this.#heardAtMs = this.#options.clock.nowMs();
    if (this.#hasEnded) return;
    try {
      read();
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      this.#sayGoodbye(farewells.refused, error.message);
      this.#end(error, true);
    }
  }

  #sayGoodbye(farewell: number, reason: string): void {
    if (this.#hasEnded) return;
    const body = Buffer.from(reason.slice(0, reasonMaxBytes));
    this.#sender.send({ ...noFrame, kind: frameKinds.goodbye, code: farewell }, [body]);
    this.#sender.flush();
  }

  #end(reason: FsError, refused: boolean): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#check?.cancel();
    const { socket, clock } = this.#options;
    if (!socket.destroyed) {
      socket.end();
      socket.resume();
      this.#linger = clock.after(lingerMs, () => socket.destroy());
      socket.once('close', () => this.#linger?.cancel());
    }
    this.#events.ended(reason, refused);
  }

  #broken(): FsError {
    const { where, checksums } = this.#options;
    const cause = this.#socketError;
    if (cause === undefined) {
      // A server with TLS says nothing to a client without.
      const hint = checksums ? ': it may be one that asks for certificates' : '';
      const when = this.#hasHeardHello ? '' : ` before it said hello${hint}`;
      return new FsError('disconnected', `${where} ended the connection${when}`);
    }
    const code = 'code' in cause ? String(cause.code) : cause.message;
    return new FsError('disconnected', `the connection to ${where} broke: ${code}`, { cause });
  }

  /** Looks again when the other end will have been silent for so long, if it still is. */
  #checkAt(silentMs: number): void {
    const { clock } = this.#options;
    const dueAtMs = this.#heardAtMs + silentMs;
    const delayMs = Math.max(dueAtMs - clock.nowMs(), 0);
    this.#check = clock.after(delayMs, () => this.#checkSilence(clock.nowMs() - dueAtMs));
  }

  #checkSilence(lateMs: number): void {
    const { clock, limits, where, pings } = this.#options;
    // Whoever was stopped himself, or does not listen, cannot say that the other was silent.
    if (lateMs > lateMaxMs || this.#reader.isStopped) this.#heardAtMs = clock.nowMs();
    const silentMs = clock.nowMs() - this.#heardAtMs;
    const pingAfterMs = limits.silenceMs / 2;
    if (silentMs >= limits.silenceMs) {
      this.destroy(new FsError('disconnected', `no sign of life from ${where} for ${Math.round(silentMs)} ms`));
      return;
    }
    if (!pings || silentMs < pingAfterMs) {
      this.#checkAt(pings ? pingAfterMs : limits.silenceMs);
      return;
    }
    this.send({ ...noFrame, kind: frameKinds.ping });
    this.#checkAt(limits.silenceMs);
  }
}
