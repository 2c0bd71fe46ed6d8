import { below, type Clock, type Ino, type Random, sleep } from '#base';
import type { NotificationLane, NotificationSender } from '#fuse';
import type { Kernel } from '../kernel/kernel.ts';

const code = { invalInode: 2, invalEntry: 3, delete: 6, incEpoch: 8 } as const;
const headerBytes = 16;
const notThere = -2;

/**
 * The threads that write notifications to the kernel, one for each lane, as the device's are: whoever queues behind one
 * that the kernel holds waits with it.
 */
export class NotificationThreads implements NotificationSender {
  readonly #kernel: Kernel;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #completed: (step: () => void) => void;
  readonly #last = new Map<NotificationLane, Promise<void>>();

  /** `completed` runs what the event loop does when a message was written. */
  constructor(kernel: Kernel, clock: Clock, random: Random, completed: (step: () => void) => void) {
    this.#kernel = kernel;
    this.#clock = clock;
    this.#random = random;
    this.#completed = completed;
  }

  notify(message: Uint8Array, lane: NotificationLane, done?: (result: number) => void): boolean {
    const bytes = Buffer.from(message);
    const before = this.#last.get(lane) ?? Promise.resolve();
    this.#last.set(
      lane,
      before.then(async () => {
        if (below(this.#random, 8) === 0) await sleep(this.#clock, below(this.#random, 100) / 100);
        const isKnown = await this.#carryOut(bytes);
        this.#completed(() => done?.(isKnown ? bytes.length : notThere));
      }),
    );
    return true;
  }

  #carryOut(message: Buffer): Promise<boolean> {
    const { notices } = this.#kernel;
    const ino = (at: number): Ino => Number(message.readBigUInt64LE(headerBytes + at)) as Ino;
    const position = (at: number): number => Number(message.readBigInt64LE(headerBytes + at));
    const name = (start: number): string => message.toString('latin1', headerBytes + start, message.length - 1);
    switch (message.readInt32LE(4)) {
      case code.invalInode:
        return notices.invalidateInode(ino(0), position(8), position(16));
      case code.invalEntry:
        return message.readUInt32LE(headerBytes + 12) === 0
          ? notices.invalidateEntry(ino(0), name(16))
          : notices.expireEntry(ino(0), name(16));
      case code.delete:
        return notices.delete(ino(0), ino(8), name(24));
      case code.incEpoch:
        return notices.incrementEpoch();
      default:
        throw new Error(`the kernel model knows no notification ${message.readInt32LE(4)}`);
    }
  }
}
