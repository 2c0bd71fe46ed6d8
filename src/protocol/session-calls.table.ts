import type { SessionCallName } from './session-calls.ts';

/** Numbers on the wire, never reused. Below 64 are the calls of a volume: `calls.table.ts`. */
export const sessionCalls = {
  createSession: { code: 64 },
  attachSession: { code: 65 },
  renewSession: { code: 66 },
  endSession: { code: 67 },
  returnLeases: { code: 68 },
  extendRecall: { code: 69 },
  reclaim: { code: 70 },
  lock: { code: 71 },
  cancelLock: { code: 72 },
  unlock: { code: 73 },
  testLock: { code: 74 },
} as const satisfies Record<SessionCallName, { code: number }>;
