import { strict as assert } from 'node:assert';
import { constants } from 'node:os';
import * as native from '#native';
import type { BackingRegistry } from '#vfs';
import type { Outlet } from './dispatcher.ts';
import { Frame } from './frame.ts';
import type { NotificationLane } from './notifications.ts';
import { inHeaderBytes, outHeaderBytes, pageBytes, replyBodyBytes, requestBodyMinBytes } from './numbers.table.ts';

/** The one file of this room that sees the addon; what the others need of it passes through here. */
export {
  closeFd,
  mount,
  openFuseDevice,
  readCredentials,
  receiveFd,
  setCloseOnExec,
  socketPair,
  umount,
} from '#native';

/** Handles requests, as `Dispatcher` does. */
export interface RequestHandler {
  dispatch(frame: Frame, length: number): number;
  readonly lends: boolean;
  taken(result: number): void;
}

/** Why a device has ended: the kernel unmounted or aborted it, the daemon stopped it, or reading failed. */
export type DeviceEnd = 'unmounted' | 'aborted' | 'stopped' | { readonly errno: number };

export interface DeviceOptions {
  readonly maxWriteBytes: number;
  /** How long to look for the next request before waiting for it in the event loop, in microseconds. */
  readonly spinUs: number;
}

const { EAGAIN, ECONNABORTED, EBADF, ENODEV } = constants.errno;
/** The longest structure that data follows (WRITE), so that the data begins on a page. */
const beforeDataBytes = inHeaderBytes + 40;
const framesPerBlock = 4;
/** Writes that may be pending at a time; then reading pauses. */
const blockLimit = 16;
/** Requests per turn of the event loop, so that timers and completions get theirs. */
const requestsPerTurn = 128;

/**
 * The loop over /dev/fuse: reads a request, has it handled, writes the reply and reads the next in one call, until
 * nothing is pending; then the event loop waits. All of it runs on one thread, so that "check, then reply" is one
 * step. Nothing here blocks.
 */
export class FuseDevice implements Outlet {
  readonly lateFrame: Frame;
  /** Resolves when no request comes any more. */
  readonly ended: Promise<DeviceEnd>;
  readonly fd: number;
  readonly #options: DeviceOptions;
  readonly #free: Frame[] = [];
  #blocks = 0;
  #frame: Frame;
  #handler: RequestHandler;
  #poller: native.Poller | undefined;
  readonly #notifiers: Partial<Record<NotificationLane, native.Notifier>> = {};
  #over = false;
  #end!: (reason: DeviceEnd) => void;

  /** `fd` is an open /dev/fuse that has been mounted. */
  constructor(fd: number, options: DeviceOptions, handler: RequestHandler) {
    this.fd = fd;
    this.#options = options;
    this.#handler = handler;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#allocate();
    this.lateFrame = this.#free.pop()!;
    this.#frame = this.#free.pop()!;
  }

  /** Begins to read requests. Throws when the descriptor cannot be polled. */
  start(): void {
    this.#poller = native.startPolling(this.fd, () => this.#turn());
  }

  /** Who handles the next request. */
  set handler(handler: RequestHandler) {
    this.#handler = handler;
  }

  /** Reads no more requests. The descriptor stays open: callers wait until it is served again or closed. */
  stop(): void {
    this.#finish('stopped');
  }

  send(frame: Frame, length: number): number {
    return native.writeReply(this.fd, frame.blockId, frame.replyStart, length);
  }

  sendWithBody(frame: Frame, headLength: number, body: Uint8Array): number {
    const { blockId, replyStart } = frame;
    return native.writeReplyWithBody(this.fd, blockId, replyStart, headLength, body, 0, body.length);
  }

  release(frame: Frame): void {
    frame.kept = false;
    this.#free.push(frame);
    // Reading has paused while there was no frame.
    if (this.#over || !this.#frame.kept) return;
    this.#frame = this.#free.pop()!;
    this.start();
  }

  /** Queues a notification on the thread of its lane, which may block. False when too many are queued. */
  notify(message: Uint8Array, lane: NotificationLane, done?: native.Done): boolean {
    if (this.#over) return false;
    this.#notifiers[lane] ??= native.startNotifier(this.fd);
    return this.#notifiers[lane].send(message, done);
  }

  /** Whether this process may register backing files; asked after INIT. */
  mayRegister(): boolean {
    // A descriptor that cannot be: who may register is told EBADF, who may not is told EPERM before.
    return native.backingOpen(this.fd, -1) === -EBADF;
  }

  readonly backing: BackingRegistry = {
    open: (fd) => native.backingOpen(this.fd, fd),
    close: (backingId) => void native.backingClose(this.fd, backingId),
  };

  #turn(): void {
    let replyLength = 0;
    for (let left = requestsPerTurn; left > 0 && !this.#over; left -= 1) {
      const frame = this.#frame;
      const { blockId, replyStart, requestStart, requestLimit } = frame;
      const { spinUs } = this.#options;
      const length = native.step(this.fd, blockId, replyStart, replyLength, requestStart, requestLimit, spinUs);
      if (this.#handler.lends) this.#handler.taken(native.lastReplyResult());
      replyLength = 0;
      if (length < 0) {
        if (length !== -EAGAIN) this.#finish(endOf(-length));
        return;
      }
      replyLength = this.#handler.dispatch(frame, length);
      if (frame.kept && !this.#takeFrame()) return;
    }
    // The rest is still readable, so the event loop calls again after it has looked at everything else.
    if (replyLength === 0) return;
    const result = this.send(this.#frame, replyLength);
    if (this.#handler.lends) this.#handler.taken(result);
  }

  /** Goes on with another frame; pauses reading when there is none. */
  #takeFrame(): boolean {
    if (this.#free.length === 0 && this.#blocks < blockLimit) this.#allocate();
    const frame = this.#free.pop();
    if (frame !== undefined) {
      this.#frame = frame;
      return true;
    }
    this.#poller?.stop();
    return false;
  }

  #allocate(): void {
    const dataBytes = Math.max(this.#options.maxWriteBytes, requestBodyMinBytes);
    const frameBytes = pageBytes + dataBytes + pageBytes + replyBodyBytes;
    assert(dataBytes % pageBytes === 0, 'writes are whole pages');
    const { id, memory } = native.allocateSlots(framesPerBlock, frameBytes);
    const view = new DataView(memory);
    const bytes = Buffer.from(memory);
    for (let index = 0; index < framesPerBlock; index += 1) {
      const start = index * frameBytes;
      const layout = {
        blockId: id,
        requestStart: start + pageBytes - beforeDataBytes,
        requestLimit: beforeDataBytes + dataBytes,
        replyStart: start + pageBytes + dataBytes + pageBytes - outHeaderBytes,
        bodyLimit: replyBodyBytes,
      };
      this.#free.push(new Frame(view, bytes, layout));
    }
    this.#blocks += 1;
  }

  #finish(reason: DeviceEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.#poller?.stop();
    for (const notifier of Object.values(this.#notifiers)) notifier.stop();
    this.#end(reason);
  }
}

function endOf(errno: number): DeviceEnd {
  if (errno === ENODEV) return 'unmounted';
  return errno === ECONNABORTED ? 'aborted' : { errno };
}
