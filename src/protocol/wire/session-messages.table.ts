import type { Ino } from '#base';
import type {
  HeldLock,
  HeldOpen,
  LeaseReturn,
  LockRange,
  SessionCallName,
  SessionFacts,
  SessionReplyOf,
  SessionRequestOf,
} from '../session-calls.ts';
import { attributes } from './attributes.ts';
import { bool, byteString, choice, type Field, hex64, list, maybe, nothing, text, u32, u53 } from './field.ts';
import { listMax, textMaxBytes } from './limits.ts';
import { fields, record } from './record.ts';

const ino = u53<Ino>();
const secret = byteString(64);
const name = text(textMaxBytes);

const lock = record<LockRange>({
  type: choice('flock', 'range'),
  owner: hex64,
  exclusive: bool,
  start: u53(),
  end: u53(),
  pid: u32,
});
const lockBytes = 4 + 1 + 8 + 1 + 8 + 8 + 4;

const heldLocks = list(record<HeldLock>({ ino, lock }), listMax, 4 + 8 + lockBytes);
const heldOpens = list(record<HeldOpen>({ ino, count: u53() }), listMax, 4 + 8 + 8);
const leaseReturns = list(record<LeaseReturn>({ ino, kinds: u32, number: u53() }), listMax, 4 + 8 + 4 + 8);
const inos = list(ino, listMax, 8);

const sessionFacts = fields<SessionFacts>({
  session: u53(),
  secret,
  epoch: u53(),
  ttlMs: u53(),
  root: attributes,
  volumeUuid: text(64),
  readOnly: bool,
  mustReclaim: bool,
});

/** As `requests.table.ts`, of the calls about a session. */
export const sessionRequests: { readonly [N in SessionCallName]: Field<SessionRequestOf<N>> } = {
  createSession: fields<SessionRequestOf<'createSession'>>({
    name,
    volume: name,
    cacheMode: choice('strict', 'session', 'closeToOpen'),
    readOnly: bool,
  }),
  attachSession: fields<SessionRequestOf<'attachSession'>>({ session: u53(), secret }),
  renewSession: fields<SessionRequestOf<'renewSession'>>({}),
  endSession: fields<SessionRequestOf<'endSession'>>({}),
  returnLeases: fields<SessionRequestOf<'returnLeases'>>({ leases: leaseReturns }),
  extendRecall: fields<SessionRequestOf<'extendRecall'>>({ inos }),
  reclaim: fields<SessionRequestOf<'reclaim'>>({ opens: heldOpens, locks: heldLocks, done: bool }),
  lock: fields<SessionRequestOf<'lock'>>({ ino, lock, wait: bool, request: u53() }),
  cancelLock: fields<SessionRequestOf<'cancelLock'>>({ request: u53() }),
  unlock: fields<SessionRequestOf<'unlock'>>({ ino, lock }),
  testLock: fields<SessionRequestOf<'testLock'>>({ ino, lock }),
};

/** Replies of session calls travel bare: no lease is granted with them. */
export const sessionReplies: { readonly [N in SessionCallName]: Field<SessionReplyOf<N>> } = {
  createSession: sessionFacts,
  attachSession: sessionFacts,
  renewSession: nothing,
  endSession: nothing,
  returnLeases: nothing,
  extendRecall: nothing,
  reclaim: fields<SessionReplyOf<'reclaim'>>({ lostOpens: inos, lostLocks: heldLocks }),
  lock: choice('granted', 'queued'),
  cancelLock: fields<SessionReplyOf<'cancelLock'>>({ granted: bool }),
  unlock: nothing,
  testLock: maybe(lock),
};
