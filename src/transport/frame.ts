import { strict as assert } from 'node:assert';
import { FsError, struct, u8, u16, u32, u53 } from '#base';

/**
 * What two ends of a stream say to each other. Each begins with a hello; then come frames, a header and a body each.
 * Little-endian.
 */
export const FrameHeader = struct('frame header', 36, {
  /** Of the body. */
  length: u32,
  kind: u8,
  reserved: u8,
  /** Of a call, its reply or a push: the message's number. Of a goodbye: one of `farewells`. */
  code: u16,
  /** Names a call among those under way on the connection; its reply, failure and cancel bear it too. */
  id: u32,
  slot: u32,
  session: u53,
  sequence: u53,
  /** CRC-32C of header (without this) and body; 0 where the stream protects itself (TLS). */
  checksum: u32,
});
export const checkedHeaderBytes = FrameHeader.size - 4;

/** Numbers on the wire, never reused. */
export const frameKinds = {
  call: 1,
  reply: 2,
  failure: 3,
  push: 4,
  cancel: 5,
  ping: 6,
  pong: 7,
  goodbye: 8,
} as const;
export type FrameKind = (typeof frameKinds)[keyof typeof frameKinds];

export const farewells = {
  /** Calls under way are answered, new ones belong elsewhere. */
  draining: 0,
  /** The connection ends now; the body says why. */
  closed: 1,
  /** Likewise, because of what this end received. */
  refused: 2,
  /** Likewise, because of who the other end is. */
  unwelcome: 3,
} as const;

export const Hello = struct('hello', 32, {
  magicLow: u32,
  magicHigh: u32,
  /** The newest version of the frames that the sender speaks, and the oldest. */
  version: u16,
  oldestVersion: u16,
  flags: u32,
  /** Calls, and bytes of their bodies, that the sender of the hello takes at a time. */
  callsMax: u32,
  bytesMax: u32,
  reservedLow: u32,
  reservedHigh: u32,
});

/** 'claudefs' in ASCII. */
const magic = { low: 0x75616c63, high: 0x73666564 } as const;
const version = 1;
const helloFlags = { checksums: 1 } as const;

export interface HelloFacts {
  /** Whether the sender's frames carry checksums. */
  readonly checksums: boolean;
  readonly callsMax: number;
  readonly bytesMax: number;
}

export function encodeHello({ checksums, callsMax, bytesMax }: HelloFacts): Uint8Array {
  const bytes = new Uint8Array(Hello.size);
  const hello = new Hello().at(new DataView(bytes.buffer), 0);
  hello.magicLow = magic.low;
  hello.magicHigh = magic.high;
  hello.version = version;
  hello.oldestVersion = version;
  hello.flags = checksums ? helloFlags.checksums : 0;
  hello.callsMax = callsMax;
  hello.bytesMax = bytesMax;
  return bytes;
}

/** Fails with `invalid` when the other end speaks something else. */
export function decodeHello(bytes: Uint8Array): HelloFacts {
  assert.equal(bytes.length, Hello.size);
  const hello = new Hello().at(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0);
  if (hello.magicLow !== magic.low || hello.magicHigh !== magic.high) {
    // A TLS record of the handshake (22) or an alert (21) begins so.
    const isTls = (bytes[0] === 22 || bytes[0] === 21) && bytes[1] === 3;
    throw new FsError('invalid', isTls ? 'the other end speaks TLS, this one does not' : 'no ClaudeFS speaks there');
  }
  if (hello.oldestVersion > version || hello.version < version) {
    const spoken = `${hello.oldestVersion} to ${hello.version}`;
    throw new FsError('invalid', `the other end speaks versions ${spoken} of the frames, this one version ${version}`);
  }
  const { callsMax, bytesMax } = hello;
  return { checksums: (hello.flags & helloFlags.checksums) !== 0, callsMax, bytesMax };
}
