import type { CallName, RequestOf } from './calls.ts';
import { O_TRUNC } from './constants.ts';

/**
 * Whether a call takes several steps, so that a crash of the server may leave a part of its effect: such a call is
 * repeated before others may change what it had begun.
 */
export function isDoneInSteps<N extends CallName>(name: N, request: RequestOf<N>): boolean {
  switch (name) {
    case 'write':
    case 'fallocate':
    case 'copyRange':
      return true;
    case 'setattr':
      return (request as RequestOf<'setattr'>).changes.size !== undefined;
    case 'open':
      return ((request as RequestOf<'open'>).flags & O_TRUNC) !== 0;
    default:
      return false;
  }
}
