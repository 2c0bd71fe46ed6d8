import { FsError, fail, type Status } from '#base';

export function isStatus(error: unknown, status: Status): boolean {
  return error instanceof FsError && error.status === status;
}

/** What the kernel refuses by itself. */
export function refuse(status: Status, name: string): never {
  fail(status, `${name}: refused by the kernel`);
}
