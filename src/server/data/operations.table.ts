import type { Maybe } from '#base';
import type { CallName, ReplyOf, RequestOf } from '#protocol';
import type { Volume } from '../volume.ts';
import { copyRange } from './copy-range.ts';
import { fallocate } from './fallocate.ts';
import { fsync } from './fsync.ts';
import { read } from './read.ts';
import { seek } from './seek.ts';
import { statfs } from './statfs.ts';
import { write } from './write.ts';

/** How the server answers each call about content; calls about names and attributes are `meta/`'s. */
export const dataOperations = {
  read,
  write,
  fallocate,
  seek,
  copyRange,
  fsync,
  statfs,
} satisfies Partial<{ [N in CallName]: (volume: Volume, request: RequestOf<N>) => Maybe<ReplyOf<N>> }>;
