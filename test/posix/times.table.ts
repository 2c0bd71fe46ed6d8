import { type Actor, O } from '../actor/index.ts';
import type { Ability } from './target.ts';

export interface TimeRule {
  name: string;
  /** Acts in "dir", which holds "file" (open as `fd`), "sub" and "symlink". */
  act: (app: Actor, fd: number) => Promise<unknown>;
  /** Whose times are watched: the name below "dir"; "file" by default. */
  object?: 'file' | 'sub' | 'symlink';
  /** The times that change: letters of atime, mtime and ctime. */
  object_times: string;
  parent_times: string;
  needs?: Ability[];
}

const setAttributes = { object_times: 'c', parent_times: 'none' };
const contentChanges = { object_times: 'mc', parent_times: 'none' };
const nothing = { object_times: 'none', parent_times: 'none' };
const nameChanges = { object_times: 'c', parent_times: 'mc' };
const appears = { object_times: 'none', parent_times: 'mc' };

/** Which times each call changes. The rights of atime, which depend on when a file was last read, are elsewhere. */
export const timeRules: TimeRule[] = [
  { name: 'write', act: (app, fd) => app.write(fd, 'a'), ...contentChanges },
  { name: 'pwrite past the end', act: (app, fd) => app.pwrite(fd, 'a', 10_000), ...contentChanges },
  { name: 'writing no bytes', act: (app, fd) => app.write(fd, ''), ...nothing },
  { name: 'ftruncate', act: (app, fd) => app.ftruncate(fd, 3), ...contentChanges },
  { name: 'ftruncate to the same size', act: (app, fd) => app.ftruncate(fd, 7), ...contentChanges },
  { name: 'truncate', act: (app) => app.truncate('dir/file', 30), ...contentChanges },
  { name: 'truncate to the same size', act: (app) => app.truncate('dir/file', 7), ...contentChanges },
  { name: 'open with O_TRUNC', act: (app) => app.open('dir/file', O.WRONLY | O.TRUNC), ...contentChanges },
  { name: 'open with O_CREAT of an old file', act: (app) => app.open('dir/file', O.RDWR | O.CREAT), ...nothing },
  { name: 'open and close', act: async (app) => app.close(await app.open('dir/file', O.RDWR)), ...nothing },
  { name: 'fsync', act: (app, fd) => app.fsync(fd), ...nothing },
  { name: 'stat', act: (app) => app.stat('dir/file'), ...nothing },
  { name: 'access', act: (app) => app.access('dir/file', 4), ...nothing },
  { name: 'chmod', act: (app) => app.chmod('dir/file', 0o600), ...setAttributes },
  { name: 'chmod to the same mode', act: (app) => app.chmod('dir/file', 0o644), ...setAttributes },
  { name: 'fchmod', act: (app, fd) => app.fchmod(fd, 0o600), ...setAttributes },
  { name: 'chown', act: (app) => app.chown('dir/file', 60_001, -1), ...setAttributes, needs: ['root'] },
  { name: 'chown that changes nobody', act: (app) => app.chown('dir/file', -1, -1), ...setAttributes },
  {
    name: 'lchown',
    act: (app) => app.lchown('dir/symlink', 60_001, -1),
    object: 'symlink',
    ...setAttributes,
    needs: ['root'],
  },
  { name: 'setxattr', act: (app) => app.setxattr('dir/file', 'user.new', 'v'), ...setAttributes },
  { name: 'setxattr of an old name', act: (app) => app.setxattr('dir/file', 'user.old', 'w'), ...setAttributes },
  { name: 'removexattr', act: (app) => app.removexattr('dir/file', 'user.old'), ...setAttributes },
  {
    name: 'getxattr and listxattr',
    act: (app) => app.getxattr('dir/file', 'user.old').then(() => app.listxattr('dir/file')),
    ...nothing,
  },
  {
    name: 'utimensat of atime',
    act: (app) => app.utimens('dir/file', 5n, 'omit'),
    object_times: 'ac',
    parent_times: 'none',
  },
  {
    name: 'utimensat of mtime',
    act: (app) => app.utimens('dir/file', 'omit', 5n),
    object_times: 'mc',
    parent_times: 'none',
  },
  {
    name: 'utimensat of both',
    act: (app) => app.utimens('dir/file', 'now', 5n),
    object_times: 'amc',
    parent_times: 'none',
  },
  { name: 'link', act: (app) => app.link('dir/file', 'dir/link'), ...nameChanges },
  { name: 'unlink', act: (app) => app.unlink('dir/file'), ...nameChanges },
  { name: 'unlink of a symbolic link', act: (app) => app.unlink('dir/symlink'), object: 'symlink', ...nameChanges },
  { name: 'rename', act: (app) => app.rename('dir/file', 'dir/renamed'), ...nameChanges },
  { name: 'rename of a directory', act: (app) => app.rename('dir/sub', 'dir/renamed'), object: 'sub', ...nameChanges },
  { name: 'rename to itself', act: (app) => app.rename('dir/file', 'dir/file'), ...nothing },
  { name: 'rename into a subdirectory', act: (app) => app.rename('dir/file', 'dir/sub/file'), ...nameChanges },
  { name: 'rmdir', act: (app) => app.rmdir('dir/sub'), object: 'sub', object_times: 'c', parent_times: 'mc' },
  { name: 'creating a file beside it', act: (app) => app.create('dir/new'), ...appears },
  { name: 'mkdir beside it', act: (app) => app.mkdir('dir/new'), ...appears },
  { name: 'symlink beside it', act: (app) => app.symlink('target', 'dir/new'), ...appears },
  { name: 'mkfifo beside it', act: (app) => app.mkfifo('dir/new'), ...appears },
  { name: 'O_TMPFILE beside it', act: (app) => app.open('dir', O.TMPFILE | O.RDWR), ...nothing },
  {
    name: 'creating in it',
    act: (app) => app.create('dir/sub/new'),
    object: 'sub',
    object_times: 'mc',
    parent_times: 'none',
  },
  {
    name: 'mkdir in it',
    act: (app) => app.mkdir('dir/sub/new'),
    object: 'sub',
    object_times: 'mc',
    parent_times: 'none',
  },
  { name: 'a mkdir that fails', act: (app) => app.mkdir('dir/sub').catch(() => undefined), object: 'sub', ...nothing },
  { name: 'an unlink that fails', act: (app) => app.unlink('dir/missing').catch(() => undefined), ...nothing },
];
