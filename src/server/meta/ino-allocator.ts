import type { Ino } from '#base';
import type { Snapshot, Transaction } from '../kv/transaction.ts';
import { key, readU64, u64 } from './keys.ts';

/** So many inode numbers are reserved at a time; a restart skips what is left of them. */
const reserveCount = 65_536;

/**
 * Gives out inode numbers, never one twice: the store holds a limit that is above every number given out. It is
 * raised in the transaction that first needs it, and transactions become durable in order, so that no inode can
 * survive a crash that its reservation does not.
 */
export class InoAllocator {
  #next: number;
  /** Below it a reservation was seen in the store by a later transaction. */
  #reserved: number;

  constructor(limit: number) {
    this.#next = limit;
    this.#reserved = limit;
  }

  next(tx: Transaction): Ino {
    const ino = this.#next++;
    if (ino >= this.#reserved) this.#reserve(tx, ino);
    return ino as Ino;
  }

  /** What the raising transaction wrote is believed only once a later one reads it: the first may be rolled back. */
  #reserve(tx: Transaction, ino: number): void {
    const stored = readInoLimit(tx);
    if (stored > ino) this.#reserved = stored;
    else tx.put(key.volume('inoLimit'), encodeNumber(ino + reserveCount));
  }
}

/** The number from which on no inode number was given out. */
export function readInoLimit(snapshot: Snapshot): number {
  const bytes = snapshot.get(key.volume('inoLimit'));
  return bytes === undefined ? 2 : decodeNumber(bytes);
}

/**
 * The numbers among which a start after a crash looks for what no record knows of: the reservation that is in use, the
 * one before, and one more, since the last may be what the crash took.
 */
export function recentInos(snapshot: Snapshot): { from: number; to: number } {
  const limit = readInoLimit(snapshot);
  return { from: Math.max(limit - 2 * reserveCount, 0), to: limit + reserveCount };
}

/** Whether `ino` will be among the recent numbers also when the next reservation has been made. */
export function staysRecent(snapshot: Snapshot, ino: Ino): boolean {
  return ino >= readInoLimit(snapshot) - reserveCount;
}

export function encodeNumber(value: number): Uint8Array {
  return Buffer.from(u64(value), 'latin1');
}

export function decodeNumber(bytes: Uint8Array): number {
  return readU64(Buffer.from(bytes).toString('latin1'), 0);
}
