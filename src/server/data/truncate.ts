import { FsError, type Ino, type Maybe } from '#base';
import type { Volume } from '../volume.ts';

/**
 * Sets the size of a regular file: bytes beyond are gone, new ones are zeros. mtime and ctime move, file
 * capabilities go. Fails with `fileTooLarge`, `noSpace`, `notFound`.
 */
export function truncate(volume: Volume, ino: Ino, size: number): Maybe<void> {
  throw new FsError('notImplemented', `truncate of inode ${ino} to ${size} on ${volume.hashSeed}`);
}
