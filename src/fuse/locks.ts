import type { Handle } from '#base';
import type { LockRange } from '#protocol';
import { lockFlock, lockType } from './numbers.table.ts';
import { operation } from './operation.ts';
import { emptyReply, type Reply } from './replies.ts';
import { FlushIn, LockIn, LockOut } from './wire.table.ts';

/** Requests about locks, and the close(2) that ends some. Only mounts of a cluster are sent them. */

type LockWindow = InstanceType<typeof LockIn>;

const lockOut = new LockOut();
const arguments_ = { window: new LockIn(), bytes: LockIn.size };
const highUnit = 2 ** 32;

const hexOf = (word: number): string => word.toString(16).padStart(8, '0');

/** Beyond 2^53 there is no file, so everything there is the same to us: the end. */
const offsetOf = (low: number, high: number): number => Math.min(high * highUnit + low, Number.MAX_SAFE_INTEGER);

function lockOf(args: LockWindow): LockRange {
  return {
    type: (args.lockFlags & lockFlock) === 0 ? 'range' : 'flock',
    owner: hexOf(args.ownerHigh) + hexOf(args.ownerLow),
    exclusive: args.type === lockType.write,
    start: offsetOf(args.startLow, args.startHigh),
    end: offsetOf(args.endLow, args.endHigh),
    pid: args.pid,
  };
}

const lockReply: Reply<LockRange | undefined> = {
  encode(frame, lock) {
    frame.bytes.fill(0, frame.bodyStart, frame.bodyStart + LockOut.size);
    lockOut.at(frame.view, frame.bodyStart);
    lockOut.type = lockType.unlock;
    if (lock === undefined) return LockOut.size;
    lockOut.type = lock.exclusive ? lockType.write : lockType.read;
    lockOut.startLow = lock.start % highUnit;
    lockOut.startHigh = Math.floor(lock.start / highUnit);
    const hasEnd = lock.end < Number.MAX_SAFE_INTEGER;
    lockOut.endLow = hasEnd ? lock.end % highUnit : 0xffff_ffff;
    lockOut.endHigh = hasEnd ? Math.floor(lock.end / highUnit) : 0x7fff_ffff;
    lockOut.pid = lock.pid;
    return LockOut.size;
  },
};

export const clusterOperations = [
  operation({
    opcode: 25,
    name: 'FLUSH',
    arguments: { window: new FlushIn(), bytes: FlushIn.size },
    interrupt: 'finish',
    call: (request, { handle, ownerLow, ownerHigh }) =>
      request.vfs.flush(handle as Handle, hexOf(ownerHigh) + hexOf(ownerLow)),
    reply: emptyReply,
  }),
  operation({
    opcode: 31,
    name: 'GETLK',
    arguments: arguments_,
    interrupt: 'finish',
    call: (request, args) => request.vfs.testLock(args.handle as Handle, lockOf(args)),
    reply: lockReply,
  }),
  operation({
    opcode: 32,
    name: 'SETLK',
    arguments: arguments_,
    interrupt: 'finish',
    call: (request, args) =>
      request.vfs.lock(args.handle as Handle, lockOf(args), args.type === lockType.unlock ? 'unlock' : 'set'),
    reply: emptyReply,
  }),
  operation({
    opcode: 33,
    name: 'SETLKW',
    arguments: arguments_,
    interrupt: 'end',
    call: (request, args) =>
      request.vfs.lock(args.handle as Handle, lockOf(args), args.type === lockType.unlock ? 'unlock' : 'wait'),
    reply: emptyReply,
  }),
];
