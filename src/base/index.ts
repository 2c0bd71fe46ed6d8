/** The ground floor: errors, structs, ids, clock, randomness, queues. Everyone may import it; it imports no room. */
export { BufferPool } from './buffer-pool.ts';
export { crc32c } from './checksum.ts';
export { type Clock, sleep, type Timer } from './clock.ts';
export { drive } from './drive.ts';
export * as file from './file.ts';
export { type ByteString, type Handle, type Ino, nameMaxBytes, noHandle, rootIno } from './ids.ts';
export { ManualClock } from './manual-clock.ts';
export { chain, type Maybe } from './maybe.ts';
export { below, type Random, SeededRandom } from './random.ts';
export { statuses } from './status.table.ts';
export { FsError, fail, fromErrno, type Status, toErrno } from './status.ts';
export { type StructClass, s32, s53, struct, u8, u16, u32, u53, u64, type Window } from './struct.ts';
export { SystemClock } from './system-clock.ts';
export { SystemRandom } from './system-random.ts';
