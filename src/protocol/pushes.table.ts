import type { PushName } from './pushes.ts';

/** Numbers on the wire, never reused. */
export const pushes = {
  recall: { code: 1 },
  lockGranted: { code: 2 },
  sessionEnded: { code: 3 },
  draining: { code: 4 },
} as const satisfies Record<PushName, { code: number }>;
