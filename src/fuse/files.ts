import type { Handle } from '#base';
import { CAP_FSETID, type Caller, O_TRUNC } from '#protocol';
import { fsyncDataOnly, openKillSuidgid, writeCache, writeKillSuidgid } from './numbers.table.ts';
import { operation } from './operation.ts';
import { bytesReply, copiedReply, countReply, emptyReply, offsetReply, openedReply } from './replies.ts';
import type { Request } from './request.ts';
import { CopyFileRangeIn, FallocateIn, FsyncIn, LseekIn, OpenIn, ReadIn, ReleaseIn, WriteIn } from './wire.table.ts';

/** Requests about open files. */

const copyFileRange = { window: new CopyFileRangeIn(), bytes: CopyFileRangeIn.size };
/** COPY_FILE_RANGE answers in 32 bits; the kernel asks again for the rest. */
const shortCopyMaxBytes = 0xffff_f000;

function copyRange(request: Request, args: InstanceType<typeof CopyFileRangeIn>, limit: number) {
  const from = { handle: args.handleIn as Handle, offset: args.offsetIn };
  const to = { handle: args.handleOut as Handle, offset: args.offsetOut };
  return request.vfs.copyRange(request.caller(), from, to, Math.min(args.length, limit));
}

/** Kernels without HANDLE_KILLPRIV_V2 leave it to the daemon to see that a truncating open takes privileges away. */
function killsPrivileges(request: Request, caller: Caller, flags: number, openFlags: number): boolean {
  if ((openFlags & openKillSuidgid) !== 0) return true;
  return (flags & O_TRUNC) !== 0 && !request.features.killPrivV2 && !caller.capable(CAP_FSETID);
}

export const fileOperations = [
  operation({
    opcode: 14,
    name: 'OPEN',
    arguments: { window: new OpenIn(), bytes: OpenIn.size },
    interrupt: 'finish',
    call(request, { flags, openFlags }) {
      const caller = request.caller();
      return request.vfs.open(caller, request.nodeid, flags, killsPrivileges(request, caller, flags, openFlags));
    },
    reply: openedReply,
    undo: ({ vfs }, file) => vfs.release(file.handle),
  }),
  operation({
    opcode: 15,
    name: 'READ',
    arguments: { window: new ReadIn(), bytes: ReadIn.size },
    interrupt: 'finish',
    call(request, { handle, position, size }) {
      // The kernel asks for no more than was agreed on.
      return request.vfs.read(handle as Handle, position, Math.min(size, request.features.maxReadBytes));
    },
    reply: bytesReply,
  }),
  operation({
    opcode: 16,
    name: 'WRITE',
    arguments: { window: new WriteIn(), bytes: WriteIn.size },
    dataInPlace: true,
    interrupt: 'finish',
    call(request, { handle, position, size, writeFlags, flags }) {
      const fromMapping = (writeFlags & writeCache) !== 0;
      const killFor = fromMapping ? 'nothing' : (writeFlags & writeKillSuidgid) !== 0 && request.caller();
      return request.vfs.write(handle as Handle, position, request.data(size), killFor, flags);
    },
    reply: countReply,
  }),
  operation({
    opcode: 18,
    name: 'RELEASE',
    arguments: { window: new ReleaseIn(), bytes: ReleaseIn.size },
    interrupt: 'finish',
    call: (request, { handle }) => request.vfs.release(handle as Handle),
    reply: emptyReply,
  }),
  operation({
    opcode: 20,
    name: 'FSYNC',
    arguments: { window: new FsyncIn(), bytes: FsyncIn.size },
    interrupt: 'finish',
    call: (request, { fsyncFlags }) => request.vfs.fsync(request.nodeid, (fsyncFlags & fsyncDataOnly) !== 0),
    reply: emptyReply,
  }),
  operation({
    opcode: 43,
    name: 'FALLOCATE',
    arguments: { window: new FallocateIn(), bytes: FallocateIn.size },
    interrupt: 'finish',
    call: (request, { handle, mode, position, length }) =>
      request.vfs.fallocate(request.caller(), handle as Handle, mode, { offset: position, length }),
    reply: emptyReply,
  }),
  operation({
    opcode: 46,
    name: 'LSEEK',
    arguments: { window: new LseekIn(), bytes: LseekIn.size },
    interrupt: 'finish',
    call: (request, { handle, position, whence }) => request.vfs.seek(handle as Handle, position, whence),
    reply: offsetReply,
  }),
  operation({
    opcode: 47,
    name: 'COPY_FILE_RANGE',
    arguments: copyFileRange,
    interrupt: 'finish',
    call: (request, args) => copyRange(request, args, shortCopyMaxBytes),
    reply: countReply,
  }),
  operation({
    opcode: 53,
    name: 'COPY_FILE_RANGE_64',
    arguments: copyFileRange,
    interrupt: 'finish',
    call: (request, args) => copyRange(request, args, Number.MAX_SAFE_INTEGER),
    reply: copiedReply,
  }),
];
