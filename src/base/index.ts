/** The ground floor: errors, structs, ids, clock, randomness, queues. Everyone may import it; it imports no room. */
export { type Clock, sleep, type Timer } from './clock.ts';
export { type ByteString, type Handle, type Ino, nameMaxBytes, noHandle, rootIno } from './ids.ts';
export { chain, type Maybe } from './maybe.ts';
export { below, type Random, SeededRandom } from './random.ts';
export { FsError, fail, fromErrno, type Status, toErrno } from './status.ts';
export { statuses } from './status.table.ts';
export { s32, s53, struct, type StructClass, type Window, u8, u16, u32, u53, u64 } from './struct.ts';
