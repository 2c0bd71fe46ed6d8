import type { Maybe } from '#base';
import type { CallName, ReplyOf, RequestOf } from '#protocol';
import type { Volume } from '../volume.ts';
import { access } from './access.ts';
import { getattr } from './getattr.ts';
import { getxattr } from './getxattr.ts';
import { link } from './link.ts';
import { listxattr } from './listxattr.ts';
import { lookup } from './lookup.ts';
import { make } from './make.ts';
import { makeUnnamed } from './make-unnamed.ts';
import { open } from './open.ts';
import { opendir } from './opendir.ts';
import { readdir } from './readdir.ts';
import { readlink } from './readlink.ts';
import { release } from './release.ts';
import { removexattr } from './removexattr.ts';
import { rename } from './rename.ts';
import { rmdir } from './rmdir.ts';
import { setattr } from './setattr.ts';
import { setflags } from './setflags.ts';
import { setxattr } from './setxattr.ts';
import { unlink } from './unlink.ts';

/** How the server answers each call about names and attributes; calls about content are `data/`'s. */
export const metaOperations = {
  lookup,
  make,
  makeUnnamed,
  link,
  unlink,
  rmdir,
  rename,
  readdir,
  readlink,
  getattr,
  setattr,
  access,
  getxattr,
  listxattr,
  setxattr,
  removexattr,
  setflags,
  open,
  opendir,
  release,
} satisfies Partial<{ [N in CallName]: (volume: Volume, request: RequestOf<N>) => Maybe<ReplyOf<N>> }>;
