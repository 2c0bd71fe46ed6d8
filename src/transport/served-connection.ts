import { FsError, type Timer } from '#base';
import { farewells, frameKinds } from './frame.ts';
import type { ReceivedHeader } from './frame-reader.ts';
import { FrameStream, type FrameStreamEvents, type FrameStreamOptions } from './frame-stream.ts';
import { urgentBytesMax, urgentCallsMax } from './limits.ts';
import { ServedCall } from './served-call.ts';
import type { CallHeader, Codec, Handler, Peer } from './transport.ts';

export interface ServedConnectionOptions extends FrameStreamOptions {
  readonly identity: string | undefined;
  readonly codec: Codec;
  readonly handler: Handler;
  /** The long content of a reply has been sent. */
  readonly reuse: ((bytes: Uint8Array) => void) | undefined;
  /** Called once; with `refused` because of what the client sent. */
  readonly onEnded: (connection: ServedConnection, reason: FsError, refused: boolean) => void;
}

/** Shorter bodies, and shorter content of replies, are not worth it. */
const recycledBytes = 64 * 1024;
const reusedBytes = 32 * 1024;
const noCall = { slot: 0, session: 0, sequence: 0 };

/** One client's connection over a stream, on the server. */
export class ServedConnection implements Peer, FrameStreamEvents {
  readonly identity: string | undefined;
  readonly address: string;
  readonly #options: ServedConnectionOptions;
  readonly #stream: FrameStream;
  readonly #closed = new AbortController();
  /** Calls that are not answered yet, by their id, with the bytes of their bodies. */
  readonly #served = new Map<number, { readonly call: ServedCall; readonly bytes: number }>();
  #servedBytes = 0;
  readonly #awaitingHello: Timer;
  #onIdle: (() => void) | undefined;

  constructor(options: ServedConnectionOptions) {
    this.#options = options;
    this.identity = options.identity;
    this.address = options.where;
    this.#stream = new FrameStream(options, this);
    this.#stream.start();
    const { clock, limits } = options;
    this.#awaitingHello = clock.after(limits.connectTimeoutMs, () => this.#stream.close('no hello came'));
  }

  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  push(code: number, message: unknown): void {
    if (this.#closed.signal.aborted) return;
    const { codec, limits } = this.#options;
    this.#stream.send({ ...noCall, kind: frameKinds.push, code, id: 0 }, codec.pushes.encode(code, message));
    if (this.#stream.unsentBytes > limits.pushedMaxBytes) {
      this.#stream.destroy(new FsError('disconnected', `${this.address} does not read what it is sent`));
    }
  }

  close(reason: string): void {
    this.#stream.close(reason);
  }

  /** New calls belong elsewhere. Resolves when those under way are answered, or the connection is gone. */
  drain(): Promise<void> {
    this.#stream.send({ ...noCall, kind: frameKinds.goodbye, code: farewells.draining, id: 0 });
    return new Promise((resolve) => {
      this.#onIdle = resolve;
      this.#tellIdle();
    });
  }

  hello(): void {
    this.#awaitingHello.cancel();
  }

  frame(header: ReceivedHeader, body: Uint8Array): void {
    switch (header.kind) {
      case frameKinds.call:
        this.#serve(header, body);
        return;
      case frameKinds.cancel:
        this.#served.get(header.id)?.call.abort();
        return;
      case frameKinds.goodbye:
        this.#stream.close('the client said goodbye');
        return;
      default:
        throw new FsError('invalid', `a frame of kind ${header.kind}`);
    }
  }

  drained(): void {
    this.#resumeIfRoom();
    this.#tellIdle();
  }

  ended(reason: FsError, refused: boolean): void {
    this.#awaitingHello.cancel();
    for (const { call } of this.#served.values()) call.abort();
    this.#served.clear();
    this.#servedBytes = 0;
    this.#closed.abort();
    this.#tellIdle();
    this.#options.onEnded(this, reason, refused);
  }

  #serve(received: ReceivedHeader, body: Uint8Array): void {
    const { id, code, session, slot, sequence } = received;
    if (this.#served.has(id)) throw new FsError('invalid', `call ${id} is under way already`);
    const call = new ServedCall(this);
    let result: unknown;
    try {
      const header: CallHeader = { code, session, slot, sequence };
      result = this.#options.handler(header, this.#options.codec.requests.decode(code, body), call);
    } catch (error) {
      this.#fail(id, code, error);
      this.#recycle(body);
      return;
    }
    if (!(result instanceof Promise)) {
      this.#answer(id, code, result);
      this.#recycle(body);
      return;
    }
    this.#served.set(id, { call, bytes: body.length });
    this.#servedBytes += body.length;
    if (!this.#hasRoom()) this.#stream.pause();
    result.then(
      (reply: unknown) => {
        if (this.#forget(id)) this.#answer(id, code, reply);
        this.#recycle(body);
      },
      (error: unknown) => {
        if (this.#forget(id)) this.#fail(id, code, error);
        this.#recycle(body);
      },
    );
  }

  /** A call's content is its handler's until the call is answered; the answer itself may refer to it. */
  #recycle(body: Uint8Array): void {
    const { buffers } = this.#options;
    if (buffers !== undefined && body.length >= recycledBytes) this.#stream.afterSent(() => buffers.giveBack(body));
  }

  /** Whether the call's connection is still there to be answered on. */
  #forget(id: number): boolean {
    const served = this.#served.get(id);
    if (served === undefined) return false;
    this.#served.delete(id);
    this.#servedBytes -= served.bytes;
    return true;
  }

  #answer(id: number, code: number, reply: unknown): void {
    let body: readonly Uint8Array[];
    try {
      body = this.#options.codec.replies.encode(code, reply);
    } catch (error) {
      this.#fail(id, code, error);
      return;
    }
    this.#stream.send({ ...noCall, kind: frameKinds.reply, code, id }, body);
    const content = body.at(-1);
    const { reuse } = this.#options;
    if (reuse !== undefined && content !== undefined && content.length >= reusedBytes) {
      this.#stream.afterSent(() => reuse(content));
    }
    this.#afterAnswer();
  }

  #fail(id: number, code: number, error: unknown): void {
    this.#stream.send({ ...noCall, kind: frameKinds.failure, code, id }, this.#options.codec.failures.encode(error));
    this.#afterAnswer();
  }

  #afterAnswer(): void {
    if (this.#hasRoom()) this.#stream.resume();
    else this.#stream.pause();
    this.#tellIdle();
  }

  #hasRoom(): boolean {
    const { callsMax, callBytesMax, unsentMaxBytes } = this.#options.limits;
    return (
      this.#served.size < callsMax + urgentCallsMax &&
      this.#servedBytes < callBytesMax + urgentBytesMax &&
      this.#stream.unsentBytes < unsentMaxBytes
    );
  }

  #resumeIfRoom(): void {
    if (this.#hasRoom()) this.#stream.resume();
  }

  #tellIdle(): void {
    if (this.#onIdle === undefined || this.#served.size > 0) return;
    if (!this.#closed.signal.aborted && this.#stream.unsentBytes > 0) {
      // The last reply is on its way to the kernel; `drained` comes only after much.
      setImmediate(() => this.#tellIdle());
      return;
    }
    this.#onIdle();
    this.#onIdle = undefined;
  }
}
