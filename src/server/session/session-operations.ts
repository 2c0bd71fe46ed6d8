import { fail, type Maybe } from '#base';
import type {
  HeldLock,
  HeldOpen,
  LockRange,
  LockRequest,
  ReclaimReply,
  SessionCallName,
  SessionReplyOf,
  SessionRequestOf,
} from '#protocol';
import type { LockTable } from '../lease/lock-table.ts';
import type { Recalls } from '../lease/recalls.ts';
import { getInode } from '../meta/inode.ts';
import { countOpens } from '../meta/opens.ts';
import type { Volume } from '../volume.ts';
import type { Session } from './session.ts';
import { opened } from './session-opens.ts';
import type { SessionTable } from './session-table.ts';

/** What the calls about a session work on. */
export interface SessionParts {
  readonly volume: Volume;
  readonly sessions: SessionTable;
  readonly recalls: Recalls;
  readonly locks: LockTable;
}

type SessionOperations = {
  readonly [N in Exclude<SessionCallName, 'createSession' | 'attachSession'>]: (
    parts: SessionParts,
    session: Session,
    request: SessionRequestOf<N>,
  ) => Maybe<SessionReplyOf<N>>;
};

/** How many opens, and requests for locks during grace, one session may have. */
export const opensMax = 1_048_576;
const cancelledLocksMax = 4096;

/** How the server answers each call about a session that the connection speaks for. None waits for a recall. */
export const sessionOperations: SessionOperations = {
  renewSession: () => undefined,
  endSession: ({ sessions }, session) => sessions.end(session, 'its client has ended it', 'client'),
  returnLeases({ recalls }, session, { leases }) {
    for (const { ino, kinds, number } of leases) {
      recalls.returned(session.id, { ino: session.view.inward(ino), kinds, number });
    }
  },
  extendRecall({ recalls }, session, { inos }) {
    for (const ino of inos) recalls.extend(session.id, session.view.inward(ino));
  },
  reclaim,
  lock: (parts, session, request) =>
    parts.sessions.grace.isOver ? lock(parts, session, request) : lockAfterGrace(parts, session, request),
  cancelLock({ sessions, locks }, session, { request }) {
    if (!sessions.grace.isOver && session.cancelledLocks.size < cancelledLocksMax) session.cancelledLocks.add(request);
    return locks.cancel(session.id, request);
  },
  unlock({ locks }, session, { ino, lock }) {
    locks.unlock(session.id, session.view.inward(ino), lock);
  },
  testLock({ sessions, locks }, session, { ino, lock }) {
    const asked = session.view.inward(ino);
    session.view.requireLockable(asked, session.opens);
    const test = (): LockRange | undefined => locks.test(session.id, asked, lock);
    return sessions.grace.isOver ? test() : sessions.grace.over.then(test);
  },
};

function lock({ locks }: SessionParts, session: Session, request: LockRequest): 'granted' | 'queued' {
  if (session.isOver) fail('stale', `session ${session.id} is over`);
  const ino = session.view.inward(request.ino);
  session.view.requireLockable(ino, session.opens);
  return locks.lock(session.id, { ...request, ino });
}

/** Whose it was before the server started anew may still come and reclaim it. */
async function lockAfterGrace(parts: SessionParts, session: Session, request: LockRequest) {
  session.cancelledLocks.delete(request.request);
  await parts.sessions.grace.over;
  if (session.cancelledLocks.has(request.request)) fail('cancelled', `lock request ${request.request} was given up`);
  return lock(parts, session, request);
}

/** A part that is repeated counts once; one that comes after the session is done tells again what was lost. */
async function reclaim(
  parts: SessionParts,
  session: Session,
  { opens, locks, done }: SessionRequestOf<'reclaim'>,
): Promise<ReclaimReply> {
  const { view } = session;
  parts.sessions.grace.begun(session.id);
  if (session.mustReclaim) {
    for (const open of opens) await reclaimOpen(parts, session, { ...open, ino: view.inward(open.ino) });
    for (const held of locks) {
      const ino = view.inward(held.ino);
      const isHeld = isLockable(session, ino) && parts.locks.reclaim(session.id, { ...held, ino });
      if (!isHeld) session.lostLocks.push(held);
    }
  }
  const reply = {
    lostOpens: opens.map(({ ino }) => ino).filter((ino) => session.lostOpens.has(ino)),
    lostLocks: locks.filter((held) => session.lostLocks.some((lost) => isSameLock(lost, held))),
  };
  if (done) {
    session.mustReclaim = false;
    parts.sessions.grace.done(session.id);
  }
  return reply;
}

async function reclaimOpen({ volume }: SessionParts, session: Session, { ino, count }: HeldOpen): Promise<void> {
  const inode = await volume.store.read((snapshot) => getInode(snapshot, ino));
  if (inode === undefined || !(await session.view.mayReclaim(ino))) {
    session.lostOpens.add(session.view.outward(ino) ?? ino);
    return;
  }
  const more = count - (session.reclaimed.get(ino) ?? 0);
  if (more <= 0 || session.isOver) return;
  if (session.opens.total + more > opensMax) fail('tooManyOpen', `session ${session.id} has ${opensMax} opens`);
  session.reclaimed.set(ino, count);
  // How it was open is not kept; whoever had it open had proven something, and its kernel knows what.
  session.opens.add(ino, opened.read | opened.write, more);
  countOpens(volume, ino, more);
  if (inode.nlink === 0) volume.mayBeOrphans.add(ino);
}

function isLockable({ view, opens }: Session, ino: HeldLock['ino']): boolean {
  try {
    view.requireLockable(ino, opens);
    return true;
  } catch {
    return false;
  }
}

function isSameLock(a: HeldLock, b: HeldLock): boolean {
  const { type, owner, start, end } = a.lock;
  return (
    a.ino === b.ino && type === b.lock.type && owner === b.lock.owner && start === b.lock.start && end === b.lock.end
  );
}
