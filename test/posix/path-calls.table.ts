import { ACCESS, type Actor, type Bytes, O } from '../actor/index.ts';

/** Every call that looks up an existing path, with harmless arguments. `follows` says whether a last symlink is followed. */
export const pathCalls: { name: string; follows: boolean; call: (app: Actor, path: Bytes) => Promise<unknown> }[] = [
  { name: 'stat', follows: true, call: (app, path) => app.stat(path) },
  { name: 'lstat', follows: false, call: (app, path) => app.lstat(path) },
  { name: 'access', follows: true, call: (app, path) => app.access(path, ACCESS.F) },
  { name: 'open', follows: true, call: (app, path) => app.open(path) },
  { name: 'open with O_PATH', follows: true, call: (app, path) => app.open(path, O.PATH) },
  { name: 'truncate', follows: true, call: (app, path) => app.truncate(path, 0) },
  { name: 'chmod', follows: true, call: (app, path) => app.chmod(path, 0o644) },
  { name: 'chown', follows: true, call: (app, path) => app.chown(path, -1, -1) },
  { name: 'lchown', follows: false, call: (app, path) => app.lchown(path, -1, -1) },
  { name: 'utimensat', follows: true, call: (app, path) => app.touch(path) },
  { name: 'readlink', follows: false, call: (app, path) => app.readlink(path) },
  { name: 'unlink', follows: false, call: (app, path) => app.unlink(path) },
  { name: 'rmdir', follows: false, call: (app, path) => app.rmdir(path) },
  { name: 'chdir', follows: true, call: (app, path) => app.chdir(path) },
  { name: 'statfs', follows: true, call: (app, path) => app.statfs(path) },
  { name: 'rename from', follows: false, call: (app, path) => app.rename(path, 'renamed') },
  { name: 'link from', follows: false, call: (app, path) => app.link(path, 'linked') },
  { name: 'setxattr', follows: true, call: (app, path) => app.setxattr(path, 'user.a', '1') },
  { name: 'getxattr', follows: true, call: (app, path) => app.getxattr(path, 'user.a') },
  { name: 'listxattr', follows: true, call: (app, path) => app.listxattr(path) },
  { name: 'removexattr', follows: true, call: (app, path) => app.removexattr(path, 'user.a') },
  { name: 'name_to_handle_at', follows: false, call: (app, path) => app.nameToHandle(path) },
  { name: 'execve', follows: true, call: (app, path) => app.exec(path) },
];

/** Every call that makes a new name. `existing` names a file that may be linked or moved. */
export const creatingCalls: { name: string; call: (app: Actor, path: Bytes, existing: string) => Promise<unknown> }[] =
  [
    { name: 'open with O_CREAT', call: (app, path) => app.open(path, O.CREAT | O.EXCL | O.WRONLY) },
    { name: 'mkdir', call: (app, path) => app.mkdir(path) },
    { name: 'mknod', call: (app, path) => app.mknod(path, 0o100644) },
    { name: 'mkfifo', call: (app, path) => app.mkfifo(path) },
    { name: 'symlink', call: (app, path) => app.symlink('target', path) },
    { name: 'link to', call: (app, path, existing) => app.link(existing, path) },
    { name: 'rename to', call: (app, path, existing) => app.rename(existing, path) },
  ];
