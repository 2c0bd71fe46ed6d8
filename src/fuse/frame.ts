import { outHeaderBytes } from './numbers.table.ts';

/** Bytes with the two quick ways to names that Node has and @types/node does not mention. */
export interface FrameBytes extends Buffer {
  latin1Slice(start: number, end: number): string;
  latin1Write(text: string, offset: number, length: number): number;
}

/** Where the parts of a frame lie within its block of memory. */
export interface FrameLayout {
  /** Of the block, in the addon. */
  readonly blockId: number;
  readonly requestStart: number;
  readonly requestLimit: number;
  readonly replyStart: number;
  /** What a reply's body may take, the header not counted. */
  readonly bodyLimit: number;
}

/**
 * The memory of one request and of its reply. The loop reads a request into a frame and writes the reply from it;
 * one whose call is pending on data in place keeps its frame, and the loop goes on with another.
 */
export class Frame implements FrameLayout {
  readonly view: DataView;
  readonly bytes: FrameBytes;
  readonly blockId: number;
  readonly requestStart: number;
  readonly requestLimit: number;
  readonly replyStart: number;
  readonly bodyStart: number;
  readonly bodyLimit: number;
  /** A pending call still reads the request's data here. */
  kept = false;

  constructor(view: DataView, bytes: Buffer, layout: FrameLayout) {
    this.view = view;
    this.bytes = bytes as FrameBytes;
    this.blockId = layout.blockId;
    this.requestStart = layout.requestStart;
    this.requestLimit = layout.requestLimit;
    this.replyStart = layout.replyStart;
    this.bodyStart = layout.replyStart + outHeaderBytes;
    this.bodyLimit = layout.bodyLimit;
  }
}
