import type { Ino, Maybe } from '#base';
import type { Transaction } from '../kv/transaction.ts';
import type { Volume } from '../volume.ts';

export function countOpen(volume: Volume, ino: Ino): void {
  countOpens(volume, ino, 1);
}

export function countOpens(volume: Volume, ino: Ino, count: number): void {
  volume.opens.set(ino, (volume.opens.get(ino) ?? 0) + count);
}

/** Returns whether that was the last open. */
export function uncountOpens(volume: Volume, ino: Ino, count: number): boolean {
  const left = (volume.opens.get(ino) ?? 0) - count;
  if (left > 0) {
    volume.opens.set(ino, left);
    return false;
  }
  return volume.opens.delete(ino);
}

/**
 * A transaction that opens an inode. The open counts from within the body on, so that no removal of the last name
 * can come between; it counts once, however often the body runs, and not at all when the transaction fails.
 */
export function transactOpening<T>(volume: Volume, body: (tx: Transaction, opened: (ino: Ino) => void) => T): Maybe<T> {
  let counted: Ino | undefined;
  const opened = (ino: Ino): void => {
    countOpen(volume, ino);
    counted = ino;
  };
  const undo = (): void => {
    if (counted !== undefined) uncountOpens(volume, counted, 1);
    counted = undefined;
  };
  const undoAndThrow = (error: unknown): never => {
    undo();
    throw error;
  };
  try {
    const result = volume.store.transact((tx) => {
      undo();
      return body(tx, opened);
    });
    return result instanceof Promise ? result.catch(undoAndThrow) : result;
  } catch (error) {
    return undoAndThrow(error);
  }
}
