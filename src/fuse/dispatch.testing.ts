// A dispatcher without a kernel: frames of bytes in, replies out.

import { Vfs } from '#vfs';
import { Dispatcher, newCounters, type OperationCounters } from './dispatcher.ts';
import { Frame, type FrameBytes } from './frame.ts';
import { type HandshakeOptions, type KernelFeatures, negotiate, type Offer } from './handshake.ts';
import { MemoryClient } from './memory-client.testing.ts';
import { replyBodyBytes, requestBodyMinBytes } from './numbers.table.ts';
import { PendingRequests } from './pending-requests.ts';
import { sessionDefaults } from './session.ts';

const validity = { attributeValidityMs: 86_400_000, entryValidityMs: 86_400_000, negativeValidityMs: 86_400_000 };

/** What the reference kernel (7.45) offers. */
export const offer: Offer = {
  major: 7,
  minor: 45,
  maxReadaheadBytes: 131_072,
  flags: 0x73fffffb,
  flags2: 0x7fd,
};

export interface Bench {
  readonly client: MemoryClient;
  readonly dispatcher: Dispatcher;
  readonly counters: OperationCounters;
  readonly features: KernelFeatures;
  /** Every reply since the last look, late ones too. */
  readonly replies: Buffer[];
  /** What was thrown that is no failure of the world's. */
  readonly bugs: unknown[];
  /** Dispatches one request; its replies are in `replies`, at once or later. */
  give(request: Uint8Array): void;
}

export function bench(options: Partial<HandshakeOptions> = {}, sizeMaxBytes = 1 << 24): Bench {
  const client = new MemoryClient({ sizeMaxBytes });
  return benchOver(client, options, new Vfs(client, { ...validity, noAtime: false, passthrough: false }, undefined));
}

/** The same over a given vfs of `client`. */
export function benchOver(client: MemoryClient, options: Partial<HandshakeOptions>, vfs: Vfs): Bench {
  const features = negotiate(offer, { ...sessionDefaults, passthrough: false, ...options });
  const replies: Buffer[] = [];
  const bugs: unknown[] = [];
  const counters = newCounters();
  const free: Frame[] = [];
  const context = {
    vfs,
    features,
    callers: { checked: true, readCredentials: () => -3 },
    pending: new PendingRequests(),
  };
  const outlet = {
    lateFrame: newFrame(),
    send(frame: Frame, length: number): number {
      replies.push(replyIn(frame, length));
      return length;
    },
    sendWithBody(frame: Frame, headLength: number, body: Uint8Array): number {
      replies.push(Buffer.concat([replyIn(frame, headLength), body]));
      return headLength + body.length;
    },
    release(frame: Frame): void {
      frame.kept = false;
      free.push(frame);
    },
  };
  const dispatcher = new Dispatcher(context, outlet, { counters, onBug: (error) => bugs.push(error) });
  function give(request: Uint8Array): void {
    const frame = free.pop() ?? newFrame();
    frame.bytes.set(request, frame.requestStart);
    const length = dispatcher.dispatch(frame, request.length);
    if (length > 0) replies.push(replyIn(frame, length));
    if (dispatcher.lends) dispatcher.taken(length);
    if (!frame.kept) free.push(frame);
  }
  return { client, dispatcher, counters, features, replies, bugs, give };
}

const replyIn = (frame: Frame, length: number): Buffer =>
  Buffer.from(frame.bytes.subarray(frame.replyStart, frame.replyStart + length));

export function newFrame(): Frame {
  const requestLimit = 80 + requestBodyMinBytes;
  const memory = new ArrayBuffer(requestLimit + 16 + replyBodyBytes);
  return new Frame(new DataView(memory), Buffer.from(memory) as unknown as FrameBytes, {
    blockId: 0,
    requestStart: 0,
    requestLimit,
    replyStart: requestLimit,
    bodyLimit: replyBodyBytes,
  });
}
