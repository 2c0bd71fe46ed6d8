import { FsError } from '#base';

/** For a call that failed since a name exists now that did not when the kernel asked: has it ask again. */
export function lookAgain(error: unknown): never {
  if (!(error instanceof FsError) || error.status !== 'exists') throw error;
  throw new FsError('stale', 'another client was quicker to make the file', { cause: error });
}
