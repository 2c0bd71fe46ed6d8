import type { Socket } from 'node:net';
import { type BufferPool, type Clock, FsError, type Timer } from '#base';
import { connectFailure } from './connect-failure.ts';
import { farewells, frameKinds, type HelloFacts } from './frame.ts';
import type { ReceivedHeader } from './frame-reader.ts';
import { FrameStream, type FrameStreamEvents } from './frame-stream.ts';
import type { StreamLimits } from './limits.ts';
import type { CallHeader, Codec, Connection, ConnectionEvents } from './transport.ts';

export interface StreamConnectionOptions {
  readonly socket: Socket;
  /** The event after which the socket can be written to. */
  readonly readyEvent: 'connect' | 'secureConnect';
  readonly checksums: boolean;
  /** The server, for messages: host and port. */
  readonly where: string;
  readonly codec: Codec;
  readonly clock: Clock;
  readonly limits: StreamLimits;
  readonly buffers: BufferPool | undefined;
  readonly events: ConnectionEvents | undefined;
  /** Calls that never wait in line behind others: those that end what others wait for. */
  readonly isUrgent: ((code: number) => boolean) | undefined;
}

interface Waiting {
  readonly id: number;
  readonly header: CallHeader;
  /** Counts for no limit of the server. */
  readonly isUrgent: boolean;
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly signal: AbortSignal | undefined;
  onAbort: (() => void) | undefined;
  /** Until it is sent. */
  request: unknown;
  isSent: boolean;
  bytes: number;
}

const noCall = { slot: 0, session: 0, sequence: 0 };
const idLimit = 2 ** 32;
/** So many calls that have left the line stay in its array at most. */
const lineStartMax = 1024;

/** A client's end of a connection over a stream. */
export class StreamConnection implements Connection, FrameStreamEvents {
  readonly #options: StreamConnectionOptions;
  readonly #stream: FrameStream;
  /** Sent or in line, by id. */
  readonly #waiting = new Map<number, Waiting>();
  /** In line: until the server has said hello, or has answered others. The first is at `#lineStart`. */
  #line: Waiting[] = [];
  #lineStart = 0;
  #sentCount = 0;
  #sentBytes = 0;
  #server: HelloFacts | undefined;
  #isReady = false;
  #isDraining = false;
  #ended: FsError | undefined;
  #nextId = 1;
  readonly #connecting: Timer;
  /** Whether a reply has been handed out since the last push: its caller may not have seen it yet. */
  #hasReplied = false;
  #unknownPushes = 0;

  constructor(options: StreamConnectionOptions) {
    this.#options = options;
    const { socket, readyEvent, clock, limits, where } = options;
    this.#stream = new FrameStream({ ...options, pings: true }, this);
    this.#connecting = clock.after(limits.connectTimeoutMs, () => {
      const message = `${where} did not answer within ${limits.connectTimeoutMs} ms`;
      this.#stream.destroy(new FsError('disconnected', message));
    });
    socket.once(readyEvent, () => {
      this.#isReady = true;
      this.#stream.start();
    });
  }

  call(header: CallHeader, request: unknown, signal?: AbortSignal): Promise<unknown> {
    if (this.#ended !== undefined) return Promise.reject(disconnected(this.#ended));
    if (this.#isDraining) return Promise.reject(new FsError('disconnected', `${this.#options.where} is stopping`));
    if (signal?.aborted) return Promise.reject(cancelled());
    if (this.#waiting.size >= this.#options.limits.waitingMax) {
      return Promise.reject(new FsError('busy', `${this.#waiting.size} calls to ${this.#options.where} are under way`));
    }
    return new Promise((resolve, reject) => {
      const id = this.#takeId();
      const waiting: Waiting = {
        id,
        header,
        isUrgent: this.#options.isUrgent?.(header.code) ?? false,
        resolve,
        reject,
        signal,
        onAbort: undefined,
        request,
        isSent: false,
        bytes: 0,
      };
      if (signal !== undefined) {
        waiting.onAbort = () => this.#giveUp(waiting);
        signal.addEventListener('abort', waiting.onAbort);
      }
      this.#waiting.set(id, waiting);
      if (this.#mayGo(waiting)) this.#send(waiting);
      else this.#line.push(waiting);
    });
  }

  /** For tests, which make the network slow where nothing else can. */
  get socket(): Socket {
    return this.#options.socket;
  }

  /** Pushes that this client does not know, of a newer server. */
  get unknownPushes(): number {
    return this.#unknownPushes;
  }

  close(): void {
    if (this.#ended !== undefined) return;
    const reason = `the connection to ${this.#options.where} was closed`;
    if (this.#isReady) this.#stream.close(reason);
    else this.#stream.destroy(new FsError('disconnected', reason));
  }

  hello(facts: HelloFacts): void {
    this.#server = facts;
    this.#connecting.cancel();
    for (const waiting of this.#line) {
      if (waiting.isUrgent && this.#waiting.get(waiting.id) === waiting) this.#send(waiting);
    }
    this.#sendLine();
  }

  frame(header: ReceivedHeader, body: Uint8Array): void {
    const { kind, code } = header;
    switch (kind) {
      case frameKinds.reply:
      case frameKinds.failure:
        this.#settled(header.id, kind, body);
        return;
      case frameKinds.push:
        this.#pushed(code, body);
        return;
      case frameKinds.goodbye:
        this.#goodbye(code, body);
        return;
      default:
        throw new FsError('invalid', `a frame of kind ${kind}`);
    }
  }

  drained(): void {
    this.#sendLine();
  }

  ended(reason: FsError, refused: boolean): void {
    this.#connecting.cancel();
    const { where, events } = this.#options;
    const failure = this.#server === undefined ? connectFailure(reason, where) : reason;
    this.#ended = refused
      ? new FsError('disconnected', `${where} sent ${failure.message}`, { cause: reason })
      : failure;
    for (const waiting of this.#waiting.values()) {
      unlisten(waiting);
      waiting.reject(disconnected(this.#ended));
    }
    this.#waiting.clear();
    this.#line = [];
    this.#lineStart = 0;
    events?.closed(this.#ended);
  }

  #takeId(): number {
    while (this.#waiting.has(this.#nextId)) this.#nextId = (this.#nextId + 1) % idLimit;
    const id = this.#nextId;
    this.#nextId = (id + 1) % idLimit;
    return id;
  }

  /** Whether the call can be sent now: the server has room, and nobody who came before is in line. */
  #mayGo(waiting: Waiting): boolean {
    if (this.#server === undefined) return false;
    if (waiting.isUrgent) return true;
    return this.#line.length === this.#lineStart && this.#hasRoom();
  }

  #hasRoom(): boolean {
    const { callsMax, bytesMax } = this.#server!;
    const { unsentMaxBytes } = this.#options.limits;
    return this.#sentCount < callsMax && this.#sentBytes < bytesMax && this.#stream.unsentBytes < unsentMaxBytes;
  }

  #sendLine(): void {
    if (this.#server === undefined) return;
    while (this.#lineStart < this.#line.length && this.#hasRoom()) {
      const waiting = this.#line[this.#lineStart++]!;
      // Whoever gave up in line has left the table.
      if (this.#waiting.get(waiting.id) === waiting && !waiting.isSent) this.#send(waiting);
    }
    if (this.#lineStart < Math.min(this.#line.length, lineStartMax)) return;
    this.#line = this.#line.slice(this.#lineStart);
    this.#lineStart = 0;
  }

  #send(waiting: Waiting): void {
    const { id, header, request } = waiting;
    let body: readonly Uint8Array[];
    try {
      body = this.#options.codec.requests.encode(header.code, request);
    } catch (error) {
      this.#forget(id)?.reject(error);
      return;
    }
    waiting.request = undefined;
    waiting.isSent = true;
    for (const piece of body) waiting.bytes += piece.length;
    if (!waiting.isUrgent) {
      this.#sentCount += 1;
      this.#sentBytes += waiting.bytes;
    }
    const { code, session, slot, sequence } = header;
    this.#stream.send({ kind: frameKinds.call, code, id, slot, session, sequence }, body);
  }

  #forget(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return undefined;
    this.#waiting.delete(id);
    unlisten(waiting);
    if (waiting.isSent && !waiting.isUrgent) {
      this.#sentCount -= 1;
      this.#sentBytes -= waiting.bytes;
    }
    return waiting;
  }

  #settled(id: number, kind: number, body: Uint8Array): void {
    const waiting = this.#forget(id);
    // The caller of a reply without a call has given up.
    if (waiting !== undefined) {
      const { codec } = this.#options;
      try {
        if (kind === frameKinds.failure) waiting.reject(codec.failures.decode(body));
        else waiting.resolve(codec.replies.decode(waiting.header.code, body));
      } catch (error) {
        const message = `${this.#options.where} answered with ${(error as Error).message}`;
        waiting.reject(new FsError('io', message, { cause: error }));
      }
      this.#hasReplied = true;
    }
    if (this.#line.length > 0) this.#sendLine();
    if (this.#isDraining && this.#waiting.size === 0) this.#stream.close(`${this.#options.where} is stopping`);
  }

  #pushed(code: number, body: Uint8Array): void {
    const { codec, events } = this.#options;
    let message: unknown;
    try {
      message = codec.pushes.decode(code, body);
    } catch (error) {
      // A newer server may say what this client does not know; what it says has to be of no use to it then.
      if (error instanceof FsError && error.status === 'notImplemented') {
        this.#unknownPushes += 1;
        return;
      }
      throw error;
    }
    if (!this.#hasReplied) {
      events?.pushed(code, message);
      return;
    }
    // Callers see the replies before this push in a later step of this turn, so the push waits for the next.
    this.#stream.pause();
    setImmediate(() => {
      this.#hasReplied = false;
      if (this.#ended !== undefined) return;
      events?.pushed(code, message);
      this.#stream.resume();
    });
  }

  #goodbye(code: number, body: Uint8Array): void {
    const { where } = this.#options;
    if (code !== farewells.draining) {
      const said = Buffer.from(body).toString();
      const reason =
        code === farewells.unwelcome
          ? new FsError('accessDenied', `${where} refused this client: ${said}`)
          : new FsError('disconnected', `${where} ended the connection: ${said}`);
      this.#stream.destroy(reason);
      return;
    }
    this.#isDraining = true;
    // What is in line has not been sent, and is not going to be.
    for (const waiting of this.#line.slice(this.#lineStart)) {
      if (!waiting.isSent) this.#forget(waiting.id)?.reject(new FsError('disconnected', `${where} is stopping`));
    }
    this.#line = [];
    this.#lineStart = 0;
    if (this.#waiting.size === 0) this.#stream.close(`${where} is stopping`);
  }

  /** The caller waits no longer; the server hears of it. */
  #giveUp({ id, header, isSent }: Waiting): void {
    const waiting = this.#forget(id);
    if (waiting === undefined) return;
    if (isSent) this.#stream.send({ ...noCall, kind: frameKinds.cancel, code: header.code, id });
    waiting.reject(cancelled());
  }
}

function unlisten({ signal, onAbort }: Waiting): void {
  if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort);
}

function disconnected(reason: FsError): FsError {
  return new FsError(reason.status, reason.message, { cause: reason.cause });
}

function cancelled(): FsError {
  return new FsError('cancelled', 'the caller gave up waiting');
}
