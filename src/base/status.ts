import { statuses } from './status.table.ts';

/** The name of a row of the status table. */
export type Status = keyof typeof statuses;

/**
 * A failure of the world's, not of our code: it has a row in the status table and becomes an errno at the edge.
 * Anything else that is thrown is a bug and reaches the application as EIO.
 */
export class FsError extends Error {
  readonly status: Status;

  constructor(status: Status, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'FsError';
    this.status = status;
  }
}

/** Makes throwing cheap where a failure is an everyday answer (EEXIST, ENOTEMPTY): no stack is captured. */
export function fail(status: Status, message: string): never {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  const error = new FsError(status, message);
  Error.stackTraceLimit = limit;
  throw error;
}

const EIO = statuses.io.errno;

/** The errno (positive) that an application gets for whatever was thrown. */
export function toErrno(error: unknown): number {
  return error instanceof FsError ? statuses[error.status].errno : EIO;
}

const byErrno = new Map<number, Status>();
for (const [status, row] of Object.entries(statuses)) {
  if (!byErrno.has(row.errno)) byErrno.set(row.errno, status as Status);
}

/** The failure that a system call's `errno` (positive) stands for; an errno without a row becomes `io`. */
export function fromErrno(errno: number, message: string): FsError {
  const status = byErrno.get(errno);
  return status === undefined
    ? new FsError('io', `${message}: errno ${errno}`)
    : new FsError(status, `${message}: ${statuses[status].name}`);
}
