/** What client and server say to each other, each message declared once. */
export type { Attributes } from './attributes.ts';
export { type Caller, superuser } from './caller.ts';
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
export { calls } from './calls.table.ts';
export * from './constants.ts';
