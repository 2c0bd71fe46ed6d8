import { FsError, statuses, toErrno } from '#base';
import type { Interrupts } from '#vfs';
import type { Frame } from './frame.ts';
import { inHeaderBytes, outHeaderBytes } from './numbers.table.ts';
import type { AnyOperation } from './operation.ts';
import { opcodeLimit, operationNames, operations, operationsInCluster } from './operations.table.ts';
import { bytesReply } from './replies.ts';
import { Request, type RequestContext } from './request.ts';
import { InHeader, OutHeader } from './wire.table.ts';
import { xattrOperations } from './xattrs.ts';

/** Where answers go that are not the reply of the running step. */
export interface Outlet {
  /** For answers that come later. */
  readonly lateFrame: Frame;
  /** Writes the reply that lies in `frame`; the length, or `-errno`. */
  send(frame: Frame, length: number): number;
  /** The same, with a body from elsewhere. */
  sendWithBody(frame: Frame, headLength: number, body: Uint8Array): number;
  /** The pending call that kept `frame` has ended. */
  release(frame: Frame): void;
}

/** How often each opcode came and failed; index 0 takes the unknown ones. */
export interface OperationCounters {
  readonly requests: number[];
  readonly failures: number[];
  /** Calls that are waiting for a promise. */
  pending: number;
  /** The most that ever were. */
  peakPending: number;
  /** Answers that the kernel did not take, since their callers were gone. */
  untaken: number;
  /** Failures that were our own bugs. */
  bugs: number;
}

export function newCounters(): OperationCounters {
  const zeros = (): number[] => new Array<number>(opcodeLimit).fill(0);
  return { requests: zeros(), failures: zeros(), pending: 0, peakPending: 0, untaken: 0, bugs: 0 };
}

/** Bodies longer than this are written from where they are; copying a shorter one is cheaper than a second piece. */
const copiedBodyMaxBytes = 4096;
const header = new InHeader();
const out = new OutHeader();
const ENOSYS = statuses.notImplemented.errno;
const EOPNOTSUPP = statuses.notSupported.errno;

/**
 * Runs the rows of the operations table: decodes a request, calls, encodes the answer or its errno, counts. When
 * the call ends at once nothing is allocated here; one that ends later costs one object.
 */
export class Dispatcher {
  readonly counters: OperationCounters;
  readonly #context: RequestContext;
  readonly #outlet: Outlet;
  readonly #request: Request;
  readonly #rows: readonly (AnyOperation | undefined)[];
  readonly #onBug: (error: unknown, operation: string) => void;
  /** What the last reply in place lent, until it is known whether the kernel took it. */
  #lender: AnyOperation | undefined;
  #lent: unknown;
  /** Of the request that has just been called. */
  #interruptible: AbortController | undefined;

  constructor(
    context: RequestContext,
    outlet: Outlet,
    options: { counters: OperationCounters; onBug: (error: unknown, operation: string) => void },
  ) {
    this.#context = context;
    this.#outlet = outlet;
    this.#request = new Request(context);
    const { xattr, cluster } = context.features;
    const rows = cluster ? operationsInCluster : operations;
    this.#rows = xattr ? rows : rows.map((row) => (row && xattrOperations.includes(row) ? undefined : row));
    this.counters = options.counters;
    this.#onBug = options.onBug;
  }

  /**
   * Handles the request of `length` bytes in `frame`. Returns the length of the reply that lies in `frame` now, or
   * 0 where there is none: not yet, not at all, or written already. `frame.kept` tells whether a pending call still
   * reads the request.
   */
  dispatch(frame: Frame, length: number): number {
    if (length < inHeaderBytes) return 0;
    header.at(frame.view, frame.requestStart);
    const { opcode, uniqueLow, uniqueHigh } = header;
    const known = opcode < opcodeLimit;
    this.counters.requests[known ? opcode : 0]! += 1;
    const row = known ? this.#rows[opcode] : undefined;
    if (row === undefined) return encodeError(frame, uniqueLow, uniqueHigh, ENOSYS);
    try {
      const result = this.#call(row, frame, length);
      if (result instanceof Promise) return this.#pend(row, frame, { uniqueLow, uniqueHigh }, result);
      if (row.reply === 'none') return 0;
      if (row.reply === bytesReply && (result as Uint8Array).length > copiedBodyMaxBytes) {
        encodeHead(frame, uniqueLow, uniqueHigh, (result as Uint8Array).length);
        this.#outlet.sendWithBody(frame, outHeaderBytes, result as Uint8Array);
        this.#context.vfs.reuse(result as Uint8Array);
        return 0;
      }
      const bodyLength = row.reply.encode(frame, result, this.#context);
      if (row.undo !== undefined) {
        this.#lender = row;
        this.#lent = result;
      }
      return encodeHead(frame, uniqueLow, uniqueHigh, bodyLength);
    } catch (error) {
      const errno = this.#errnoOf(row, error);
      return row.reply === 'none' ? 0 : encodeError(frame, uniqueLow, uniqueHigh, errno);
    }
  }

  /** Whether the last reply lent something, so that its outcome must be told to `taken`. */
  get lends(): boolean {
    return this.#lender !== undefined;
  }

  /** The outcome of writing the last reply. */
  taken(result: number): void {
    const lender = this.#lender;
    this.#lender = undefined;
    if (result < 0 && lender !== undefined) this.#undo(lender, this.#lent);
    this.#lent = undefined;
  }

  #call(row: AnyOperation, frame: Frame, length: number): unknown {
    const request = this.#request;
    const { arguments: args, names } = row;
    let argumentBytes = 0;
    if (args !== undefined) {
      argumentBytes = args.bytes;
      if (row.bytesWithoutSetxattrExt !== undefined && !this.#context.features.setxattrExt) {
        argumentBytes = row.bytesWithoutSetxattrExt;
      }
      args.window.at(frame.view, frame.requestStart + inHeaderBytes);
    }
    request.place(frame, length, argumentBytes);
    if (names !== undefined) {
      request.name = request.takeName(names[0]!);
      if (names.length > 1) request.secondName = request.takeName(names[1]!);
    }
    const { interrupts } = request.vfs;
    return interrupts === undefined ? row.call(request, args?.window) : this.#callInterruptibly(row, interrupts);
  }

  #callInterruptibly(row: AnyOperation, interrupts: Interrupts): unknown {
    interrupts.open();
    try {
      return row.call(this.#request, row.arguments?.window);
    } finally {
      this.#interruptible = interrupts.take();
    }
  }

  #pend(row: AnyOperation, frame: Frame, unique: Unique, result: Promise<unknown>): number {
    if (row.dataInPlace === true) frame.kept = true;
    if (this.#interruptible !== undefined) {
      this.#context.pending.add(unique.uniqueLow, unique.uniqueHigh, this.#interruptible);
      this.#interruptible = undefined;
    }
    this.counters.pending += 1;
    this.counters.peakPending = Math.max(this.counters.peakPending, this.counters.pending);
    result.then(
      (value) => this.#finish(row, frame, unique, value),
      (error: unknown) => this.#fail(row, frame, unique, error),
    );
    return 0;
  }

  /** A pending call has ended well. */
  #finish(row: AnyOperation, frame: Frame, unique: Unique, value: unknown): void {
    try {
      if (row.reply !== 'none' && this.#sendLate(row, unique, value) < 0) this.#undo(row, value);
    } catch (error) {
      this.#fail(row, frame, unique, error);
      return;
    }
    this.#settled(row, frame, unique);
  }

  #sendLate(row: AnyOperation, { uniqueLow, uniqueHigh }: Unique, value: unknown): number {
    const { lateFrame } = this.#outlet;
    if (row.reply === 'none') return 0;
    if (row.reply === bytesReply && (value as Uint8Array).length > copiedBodyMaxBytes) {
      encodeHead(lateFrame, uniqueLow, uniqueHigh, (value as Uint8Array).length);
      const sent = this.#outlet.sendWithBody(lateFrame, outHeaderBytes, value as Uint8Array);
      this.#context.vfs.reuse(value as Uint8Array);
      return sent;
    }
    const bodyLength = row.reply.encode(lateFrame, value, this.#context);
    return this.#outlet.send(lateFrame, encodeHead(lateFrame, uniqueLow, uniqueHigh, bodyLength));
  }

  #fail(row: AnyOperation, frame: Frame, unique: Unique, error: unknown): void {
    const errno = this.#errnoOf(row, error);
    const { lateFrame } = this.#outlet;
    if (row.reply !== 'none') {
      this.#outlet.send(lateFrame, encodeError(lateFrame, unique.uniqueLow, unique.uniqueHigh, errno));
    }
    this.#settled(row, frame, unique);
  }

  #settled(row: AnyOperation, frame: Frame, { uniqueLow, uniqueHigh }: Unique): void {
    this.#context.pending.delete(uniqueLow, uniqueHigh);
    this.counters.pending -= 1;
    if (row.dataInPlace === true) this.#outlet.release(frame);
  }

  #undo(row: AnyOperation, result: unknown): void {
    this.counters.untaken += 1;
    try {
      const undone = row.undo?.(this.#context, result);
      if (undone instanceof Promise) undone.catch((error: unknown) => this.#errnoOf(row, error));
    } catch (error) {
      this.#errnoOf(row, error);
    }
  }

  #errnoOf(row: AnyOperation, error: unknown): number {
    this.counters.failures[row.opcode]! += 1;
    if (!(error instanceof FsError)) {
      this.counters.bugs += 1;
      this.#onBug(error, operationNames[row.opcode] ?? String(row.opcode));
    }
    const errno = toErrno(error);
    // ENOSYS would switch the operation off for the life of the mount; that is the table's decision alone.
    return errno === ENOSYS ? EOPNOTSUPP : errno;
  }
}

/** The two halves of the number that ties an answer to its request. */
interface Unique {
  readonly uniqueLow: number;
  readonly uniqueHigh: number;
}

function encodeHead(frame: Frame, uniqueLow: number, uniqueHigh: number, bodyLength: number): number {
  out.at(frame.view, frame.replyStart);
  out.length = outHeaderBytes + bodyLength;
  out.error = 0;
  out.uniqueLow = uniqueLow;
  out.uniqueHigh = uniqueHigh;
  return outHeaderBytes + bodyLength;
}

/** The reply of a failure, `errno` positive. */
export function encodeError(frame: Frame, uniqueLow: number, uniqueHigh: number, errno: number): number {
  encodeHead(frame, uniqueLow, uniqueHigh, 0);
  out.error = -errno;
  return outHeaderBytes;
}
