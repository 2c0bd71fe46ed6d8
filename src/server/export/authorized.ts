import { fail, type Ino } from '#base';
import type { CallName, RequestOf } from '#protocol';
import { opened, type SessionOpens } from '../session/session-opens.ts';

/** What must have been proven by an open. */
export function authorized<N extends CallName>(name: N, request: RequestOf<N>, opens: SessionOpens): RequestOf<N> {
  switch (name) {
    case 'read':
      requireOpen(opens, (request as RequestOf<'read'>).ino, opened.read);
      return request;
    case 'seek':
      requireOpen(opens, (request as RequestOf<'seek'>).ino, 0);
      return request;
    case 'write':
    case 'fallocate':
      requireOpen(opens, (request as RequestOf<'write'>).ino, opened.write);
      return request;
    case 'copyRange':
      requireOpen(opens, (request as RequestOf<'copyRange'>).from, opened.read);
      requireOpen(opens, (request as RequestOf<'copyRange'>).to, opened.write);
      return request;
    case 'setattr': {
      const { ino, changes } = request as RequestOf<'setattr'>;
      if (changes.hasHandle !== true || opens.permits(ino, opened.write)) return request;
      return { ...request, changes: { ...changes, hasHandle: false } };
    }
    case 'release': {
      // More than its own would end the opens of other clients.
      const { ino, count } = request as RequestOf<'release'>;
      return { ino, count: Math.max(0, Math.min(count, opens.countOf(ino))) } as RequestOf<N>;
    }
    default:
      return request;
  }
}

export function requireOpen(opens: SessionOpens, ino: Ino, access: number): void {
  if (!opens.has(ino)) fail('badHandle', `inode ${ino} is not open in this session`);
  if (!opens.permits(ino, access)) {
    fail('badHandle', `inode ${ino} is open, but not for ${access === opened.read ? 'reading' : 'writing'}`);
  }
}
