import type { Answer, Attributes, CallName, ReplyOf, RequestOf } from '#protocol';
import { RENAME_EXCHANGE } from '#protocol';
import type { LeaseCache } from './lease-cache.ts';

/** An answered call, and what of the cache was so when it was sent. */
export interface Lesson<N extends CallName> {
  readonly request: RequestOf<N>;
  readonly answer: Answer<ReplyOf<N>>;
  /** Of a listing's directory. */
  readonly namesVersion: number;
  /** Of a rename: what the names meant before. */
  readonly meant: readonly (RequestOf<'getattr'>['ino'] | 'absent' | undefined)[];
}

type Lessons = { readonly [N in CallName]?: (cache: LeaseCache, lesson: Lesson<N>) => void };

/** What an answer says of names and listings; attributes and grants are learned before. */
const lessons: Lessons = {
  lookup(cache, { request: { parent, name }, answer: { reply, serial } }) {
    if (name === '..') {
      if (reply !== undefined) cache.learnParent(parent, reply.ino, serial);
    } else if (name !== '.') cache.learnName(parent, name, reply?.ino, serial);
  },
  make: (cache, { request: { parent, name }, answer: { reply, serial } }) =>
    cache.changeName(parent, name, reply.ino, serial),
  link: (cache, { request: { parent, name }, answer: { reply, serial } }) =>
    cache.changeName(parent, name, reply.ino, serial),
  unlink: (cache, { request: { parent, name }, answer: { serial } }) =>
    cache.changeName(parent, name, undefined, serial),
  rmdir: (cache, { request: { parent, name }, answer: { serial } }) =>
    cache.changeName(parent, name, undefined, serial),
  rename(cache, { request, answer: { serial }, meant }) {
    const { parent, name, newParent, newName, flags } = request;
    const [source, target] = meant;
    // Hard links of one inode: nothing happened, and both names stay.
    const isPlain = flags === 0 && typeof source === 'number' && source !== target;
    if (isPlain) cache.changeName(parent, name, undefined, serial);
    else cache.changeName(parent, name, exchanged(target, flags), serial);
    cache.changeName(newParent, newName, isPlain ? source : exchanged(source, flags), serial);
  },
  readdir(cache, { request, answer: { reply, serial }, namesVersion }) {
    const { ino, cookie, limit, withAttributes } = request;
    if (withAttributes) {
      for (const { attributes } of reply) if (attributes !== undefined) cache.learnAttributes(attributes, serial);
    }
    cache.learnEntries(ino, { cookie, entries: reply, isLast: reply.length < limit, serial }, namesVersion);
    if (request.noAtime !== true) cache.accessed(ino);
  },
  readlink(cache, { request: { ino, noAtime }, answer: { reply } }) {
    cache.learnTarget(ino, reply);
    if (noAtime !== true) cache.accessed(ino);
  },
  read(cache, { request: { ino, noAtime } }) {
    if (!noAtime) cache.accessed(ino);
  },
};

const exchanged = (other: Lesson<'rename'>['meant'][number], flags: number) =>
  (flags & RENAME_EXCHANGE) !== 0 && typeof other === 'number' ? other : 'unknown';

/** The attributes in the reply itself. */
export function shownBy<N extends CallName>(name: N, reply: ReplyOf<N>): Attributes | undefined {
  switch (name) {
    case 'lookup':
    case 'make':
    case 'makeUnnamed':
    case 'link':
    case 'getattr':
    case 'setattr':
      return reply as ReplyOf<'lookup'>;
    case 'open':
      return (reply as ReplyOf<'open'>).attributes;
    default:
      return;
  }
}

export function learnFrom<N extends CallName>(cache: LeaseCache, name: N, lesson: Lesson<N>): void {
  lessons[name]?.(cache, lesson);
}
