import type { Frame } from './frame.ts';
import { flagWords, type KernelFeatures, type Offer } from './handshake.ts';
import { inHeaderBytes, outHeaderBytes, pageBytes, protocolMajor } from './numbers.table.ts';
import { InitIn, InitOut, OutHeader } from './wire.table.ts';

/** INIT's request and answer. Before 7.36 the request ended with the first word of flags. */

const initIn = new InitIn();
const initOut = new InitOut();
const outHeader = new OutHeader();
const u16Max = 0xffff;
/** Of INIT's request, the part that every kernel sends. */
export const initInMinBytes = 16;

/** The offer in an INIT request. */
export function decodeOffer(frame: Frame, length: number): Offer {
  initIn.at(frame.view, frame.requestStart + inHeaderBytes);
  const { major, minor, maxReadahead, flags, flags2 } = initIn;
  const long = length >= inHeaderBytes + InitIn.size;
  return { major, minor, maxReadaheadBytes: maxReadahead, flags, flags2: long ? flags2 : 0 };
}

/** The body of INIT's answer and its length in the header; the length of the whole. Without `features` it says only which major is spoken. */
export function encodeInit(frame: Frame, features: KernelFeatures | undefined): number {
  frame.bytes.fill(0, frame.bodyStart, frame.bodyStart + InitOut.size);
  initOut.at(frame.view, frame.bodyStart);
  initOut.major = protocolMajor;
  if (features !== undefined) {
    const words = flagWords(features.flags);
    initOut.minor = features.protocol.minor;
    initOut.maxReadahead = features.maxReadaheadBytes;
    initOut.flags = words.flags;
    initOut.flags2 = words.flags2;
    initOut.maxBackground = Math.min(features.maxBackground, u16Max);
    // Readahead is cut above three quarters, as the kernel's own default has it.
    initOut.congestionThreshold = Math.floor((initOut.maxBackground * 3) / 4);
    initOut.maxWrite = features.maxWriteBytes;
    initOut.timeGranularityNs = 1;
    initOut.maxPages = features.maxReadBytes / pageBytes;
    initOut.maxStackDepth = features.passthrough.on ? 1 : 0;
  }
  outHeader.at(frame.view, frame.replyStart).length = outHeaderBytes + InitOut.size;
  return outHeaderBytes + InitOut.size;
}
