import { fail, rootIno } from '#base';
import type { CallName, ReplyOf, RequestOf } from '#protocol';
import type { LeaseCache } from './lease-cache.ts';

/** Not known here: the server must be asked. */
export const unknown = Symbol('unknown');

type LocalAnswers = {
  readonly [N in CallName]?: (cache: LeaseCache, request: RequestOf<N>) => ReplyOf<N> | typeof unknown;
};

/**
 * Calls that may be answered from the cache, without a message. Where the kernel has not checked the caller's rights
 * (`caller.checked`), names are looked up by the server, which does.
 */
const answers: LocalAnswers = {
  lookup(cache, { caller, parent, name }) {
    if (!caller.checked) return unknown;
    if (name === '.') return cache.attributes(parent) ?? unknown;
    const meaning = name === '..' ? parentOf(cache, parent) : cache.meaning(parent, name);
    if (meaning === undefined) return unknown;
    return meaning === 'absent' ? undefined : (cache.attributes(meaning) ?? unknown);
  },
  getattr: (cache, { ino }) => cache.attributes(ino) ?? unknown,
  readdir(cache, { ino, cookie, limit, withAttributes, noAtime }) {
    if (noAtime !== true && cache.movesAtime(ino)) return unknown;
    return cache.entries(ino, cookie, limit, withAttributes) ?? unknown;
  },
  opendir: (cache, { caller, ino }) =>
    caller.checked && cache.attributes(ino) !== undefined && cache.coversNames(ino) ? undefined : unknown,
  readlink(cache, { ino, noAtime }) {
    if (noAtime !== true && cache.movesAtime(ino)) return unknown;
    return cache.targetOf(ino) ?? unknown;
  },
  getxattr: (cache, { ino, name }) => (cache.lacksXattr(ino, name) ? fail('noData', name) : unknown),
};

const parentOf = (cache: LeaseCache, ino: RequestOf<'getattr'>['ino']) => (ino === rootIno ? ino : cache.parentOf(ino));

/** Answers from memory, or says that it cannot. */
export function answerLocally<N extends CallName>(
  cache: LeaseCache,
  name: N,
  request: RequestOf<N>,
): ReplyOf<N> | typeof unknown {
  const answer = answers[name];
  return answer === undefined ? unknown : answer(cache, request);
}
