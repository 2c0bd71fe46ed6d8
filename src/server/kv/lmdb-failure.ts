import { statfs } from 'node:fs/promises';
import { FsError, fromErrno } from '#base';

/** Return codes of LMDB itself (lmdb.h); positive ones are errnos. */
const corruptedCodes = new Set([-30797, -30796, -30793, -30783]);
const corruptedPage = -30796;
/** What follows a first error in a transaction; of one that only reads, a damaged page is the cause. */
const badTransaction = -30782;
const versionMismatch = -30794;
export const panic = -30795;
const mapFull = -30792;
const fileTooLarge = 27;
const noSpaceCodes = new Set([mapFull, fileTooLarge, 28, 122]);

/** With less than this free, an error without a cause of its own is taken for a full disk. */
const fullDiskBytes = 1_048_576;

/** What LMDB's `code` means for the store in `directory`. */
export function lmdbFailure(code: number, directory: string, cause?: unknown): FsError {
  const options = cause === undefined ? undefined : { cause };
  if (corruptedCodes.has(code)) {
    return new FsError(
      'corrupted',
      `the metadata store in ${directory} is damaged (LMDB code ${code}): restore it from a backup`,
      options,
    );
  }
  if (code === versionMismatch) {
    const message = `the metadata store in ${directory} was written in a format that this version does not know`;
    return new FsError('notSupported', message, options);
  }
  if (noSpaceCodes.has(code)) {
    return new FsError('noSpace', `the disk with the metadata store in ${directory} is full (code ${code})`, options);
  }
  if (code > 0) return fromErrno(code, `the metadata store in ${directory}`);
  return new FsError('io', `the metadata store in ${directory} failed (LMDB code ${code})`, options);
}

/** Turns what lmdb-js or Node threw into a failure of the world's. */
export function thrownFailure(error: unknown, directory: string): FsError {
  if (error instanceof FsError) return error;
  const { code, errno } = error as { code?: unknown; errno?: unknown };
  if (typeof errno === 'number') return fromErrno(Math.abs(errno), `the metadata store in ${directory}`);
  if (code === badTransaction) return lmdbFailure(corruptedPage, directory, error);
  return lmdbFailure(typeof code === 'number' ? code : 5, directory, error);
}

/**
 * Why a commit failed with `code`. A write that the file system cut short is EIO to LMDB, and an error early in a
 * transaction hides behind MDB_BAD_TXN: with a full disk, that was the reason.
 */
export async function commitFailure(code: number, directory: string): Promise<FsError> {
  const failure = lmdbFailure(code, directory);
  if (failure.status !== 'io' || code === panic) return failure;
  const disk = await statfs(directory).catch(() => undefined);
  const isFull = disk !== undefined && disk.bavail * disk.bsize < fullDiskBytes;
  return isFull ? lmdbFailure(28, directory) : failure;
}
