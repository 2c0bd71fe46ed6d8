import { FsError, type Status, statuses } from '#base';
import { type Field, text, u16 } from './field.ts';
import { textMaxBytes } from './limits.ts';
import { fields } from './record.ts';

interface Failure {
  readonly status: number;
  readonly message: string;
}

/** A failure as it travels: the code of its status, and its message. */
export const failure: Field<Failure> = fields<Failure>({ status: u16, message: text(textMaxBytes) });

const byCode = new Map<number, Status>(Object.entries(statuses).map(([status, row]) => [row.code, status as Status]));

/** Anything but an `FsError` is a bug of the sender; the reader learns that it was one. */
export function toFailure(error: unknown): Failure {
  if (error instanceof FsError) return { status: statuses[error.status].code, message: shortened(error.message) };
  return { status: statuses.io.code, message: shortened(`a bug: ${error}`) };
}

/** A status that a newer sender has and this reader has not is an `io`. */
export function fromFailure({ status, message }: Failure): FsError {
  const known = byCode.get(status);
  // Failures are everyday answers; where this one came from, its stack would not tell.
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  const error = known === undefined ? new FsError('io', `status ${status}: ${message}`) : new FsError(known, message);
  Error.stackTraceLimit = limit;
  return error;
}

function shortened(message: string): string {
  // A character takes at most three bytes (four in two units).
  return message.length * 3 <= textMaxBytes ? message : message.slice(0, Math.floor(textMaxBytes / 3));
}
