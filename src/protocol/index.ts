/** What client and server say to each other, each message declared once. */
export type { Answer, LeaseGrant } from './answer.ts';
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
export { type LeaseKind, leases } from './leases.table.ts';
export { fromPlainCaller, type PlainCaller, toPlainCaller } from './plain-caller.ts';
export { pushes } from './pushes.table.ts';
export type { Pushes, PushName, RecalledLease } from './pushes.ts';
export { sessionSlotsMax } from './session.ts';
export { sessionCalls } from './session-calls.table.ts';
export type {
  CacheMode,
  CreateSessionRequest,
  HeldLock,
  HeldOpen,
  LeaseReturn,
  LockRange,
  LockRequest,
  ReclaimReply,
  SessionCallName,
  SessionCalls,
  SessionFacts,
  SessionReplyOf,
  SessionRequestOf,
} from './session-calls.ts';
export { isDoneInSteps } from './steps.ts';
export { type CodecOptions, createCodec, type WireCodec } from './wire/codec.ts';
export { dataMaxBytes, directoryEntriesMax, messageMaxBytes } from './wire/limits.ts';
