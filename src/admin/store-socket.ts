import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { FsError } from '#base';

/** The socket of the server that holds a store, in the store itself: whoever knows the store finds its server. */
const socketName = 'admin.sock';
/** The kernel's limit for a socket's path (unix(7)), less its final zero. */
const pathMaxBytes = 107;
/** O_RDONLY | O_DIRECTORY | O_CLOEXEC. */
const openDirectoryFlags = 0o200000 | 0o2000000;

/** A path of the store's socket that is short enough, valid until `close`. Fails with `notFound` without a store. */
export function storeSocket(store: string): { path: string; close: () => void } {
  const path = join(store, socketName);
  if (Buffer.byteLength(path) <= pathMaxBytes) return { path, close: () => undefined };
  try {
    const fd = openSync(store, openDirectoryFlags);
    return { path: `/proc/self/fd/${fd}/${socketName}`, close: () => closeSync(fd) };
  } catch (cause) {
    throw new FsError('notFound', `there is no store at ${store}`, { cause });
  }
}
