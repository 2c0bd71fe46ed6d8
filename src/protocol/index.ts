/** What client and server say to each other, each message declared once. */
export type { Attributes } from './attributes.ts';
export { type Caller, superuser } from './caller.ts';
export { calls } from './calls.table.ts';
export type {
  AttributeChanges,
  CallName,
  Calls,
  CopyRangeRequest,
  DirectoryEntry,
  MakeRequest,
  OpenReply,
  RenameRequest,
  ReplyOf,
  RequestOf,
  SetXattrRequest,
  TimeChange,
  VolumeStatistics,
  WriteReply,
  WriteRequest,
} from './calls.ts';
export * from './constants.ts';
export { copyMessage } from './copy-message.ts';
export { fromPlainCaller, type PlainCaller, toPlainCaller } from './plain-caller.ts';
export { sessionSlotsMax } from './session.ts';
