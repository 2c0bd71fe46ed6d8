import { FsError, statuses } from '#base';
import type { BackingRegistry, Vfs } from '#vfs';
import type { CallerContext } from './caller.ts';
import { type DeviceEnd, FuseDevice, type RequestHandler, readCredentials } from './device.ts';
import { Dispatcher, encodeError, newCounters, type OperationCounters, type Outlet } from './dispatcher.ts';
import type { Frame } from './frame.ts';
import { type HandshakeOptions, type KernelFeatures, negotiate } from './handshake.ts';
import { decodeOffer, encodeInit, initInMinBytes } from './init.ts';
import { Notifications } from './notifications.ts';
import { inHeaderBytes, protocolMajor } from './numbers.table.ts';
import { initOpcode } from './operations.table.ts';
import { PendingRequests } from './pending-requests.ts';
import { type Observer, observedHandler, observedOutlet } from './recording.ts';
import { InHeader } from './wire.table.ts';

export interface SessionOptions extends HandshakeOptions {
  /** The mount has `default_permissions`: the kernel checks, so the server need not. */
  readonly kernelChecksPermissions: boolean;
  /** Looking for the next request before waiting for it, in microseconds: faster on an idle machine. */
  readonly spinUs: number;
  /** Is told of whatever was thrown that is not a failure of the world's: a bug, which the caller sees as EIO. */
  readonly onBug: (error: unknown, operation: string) => void;
  /** Sees all frames, for tests. */
  readonly observe?: Observer;
}

export const sessionDefaults: SessionOptions = {
  maxWriteBytes: 1024 * 1024,
  protocolMinor: undefined,
  acl: true,
  passthrough: true,
  xattr: true,
  cluster: false,
  maxBackground: 128,
  kernelChecksPermissions: true,
  spinUs: 0,
  onBug: (error, operation) => console.error(`fuse: bug in ${operation}:`, error),
};

/** Makes the file system once it is known what the kernel can. `backing` is there when files may be registered. */
export type MakeVfs = (
  features: KernelFeatures,
  backing: BackingRegistry | undefined,
  notifications: Notifications,
) => Vfs;

/** A mounted file system being served. */
export interface Session {
  /** Resolves when INIT has been answered, so that the mount answers; fails when that could not be done. */
  readonly ready: Promise<KernelFeatures>;
  /** Resolves when no more requests come. */
  readonly closed: Promise<DeviceEnd>;
  /** Undefined before `ready`. */
  readonly features: KernelFeatures | undefined;
  readonly notifications: Notifications | undefined;
  readonly counters: OperationCounters;
  /** Reads no more requests; those already read are still answered. The descriptor stays open, the mount stays. */
  stop(): void;
}

/** Serves the mounted /dev/fuse `fd`. Options that are missing are `sessionDefaults`. */
export function serve(fd: number, options: Partial<SessionOptions>, makeVfs: MakeVfs): Session {
  return new FuseSession(fd, { ...sessionDefaults, ...options }, makeVfs);
}

const header = new InHeader();

class FuseSession implements Session, RequestHandler {
  readonly counters = newCounters();
  readonly ready: Promise<KernelFeatures>;
  readonly closed: Promise<DeviceEnd>;
  features: KernelFeatures | undefined;
  notifications: Notifications | undefined;
  /** Before INIT nothing is lent. */
  readonly lends = false;
  readonly #options: SessionOptions;
  readonly #makeVfs: MakeVfs;
  readonly #device: FuseDevice;
  readonly #outlet: Outlet;
  #initialized!: (features: KernelFeatures) => void;
  #failed!: (error: unknown) => void;

  constructor(fd: number, options: SessionOptions, makeVfs: MakeVfs) {
    this.#options = options;
    this.#makeVfs = makeVfs;
    this.ready = new Promise((resolve, reject) => {
      this.#initialized = resolve;
      this.#failed = reject;
    });
    const handler = options.observe === undefined ? this : observedHandler(this, options.observe);
    this.#device = new FuseDevice(fd, { maxWriteBytes: options.maxWriteBytes, spinUs: options.spinUs }, handler);
    this.#outlet = options.observe === undefined ? this.#device : observedOutlet(this.#device, options.observe);
    this.closed = this.#device.ended;
    // A failure is reported to those who wait; nobody has to.
    this.ready.catch(() => undefined);
    void this.closed.then((end) => {
      this.#failed(new FsError('io', `the mount ended before it answered: ${JSON.stringify(end)}`));
    });
    this.#device.start();
  }

  stop(): void {
    this.#device.stop();
  }

  /** The requests before there is a file system: INIT, and nothing else. */
  dispatch(frame: Frame, length: number): number {
    if (length < inHeaderBytes) return 0;
    header.at(frame.view, frame.requestStart);
    const { opcode, uniqueLow, uniqueHigh } = header;
    if (opcode !== initOpcode || length < inHeaderBytes + initInMinBytes) {
      return encodeError(frame, uniqueLow, uniqueHigh, statuses.io.errno);
    }
    this.counters.requests[initOpcode]! += 1;
    const offer = decodeOffer(frame, length);
    encodeError(frame, uniqueLow, uniqueHigh, 0);
    // A kernel of another major repeats INIT when it has read which one is spoken here.
    if (offer.major > protocolMajor) return encodeInit(frame, undefined);
    try {
      const features = negotiate(offer, this.#options);
      this.#outlet.send(frame, encodeInit(frame, features));
      this.#begin(features);
      return 0;
    } catch (error) {
      this.#failed(error);
      return encodeError(frame, uniqueLow, uniqueHigh, statuses.io.errno);
    }
  }

  taken(): void {
    // Nothing is lent.
  }

  /** The kernel has the answer to INIT. */
  #begin(negotiated: KernelFeatures): void {
    const features = this.#withPrivilege(negotiated);
    this.notifications = new Notifications(this.#device, features);
    const backing = features.passthrough.on ? this.#device.backing : undefined;
    const vfs = this.#makeVfs(features, backing, this.notifications);
    const callers: CallerContext = { checked: this.#options.kernelChecksPermissions, readCredentials };
    const { observe, onBug } = this.#options;
    const context = { vfs, features, callers, pending: new PendingRequests() };
    const dispatcher = new Dispatcher(context, this.#outlet, { counters: this.counters, onBug });
    this.#device.handler = observe === undefined ? dispatcher : observedHandler(dispatcher, observe);
    this.features = features;
    this.#initialized(features);
  }

  #withPrivilege(features: KernelFeatures): KernelFeatures {
    if (!features.passthrough.on || this.#device.mayRegister()) return features;
    const reason = 'only root of the initial user namespace (CAP_SYS_ADMIN) may register backing files';
    return { ...features, passthrough: { on: false, reason } };
  }
}
