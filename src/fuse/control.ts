import type { Ino } from '#base';
import { operation, type RefusedOperation } from './operation.ts';
import { emptyReply } from './replies.ts';
import { BatchForgetIn, ForgetIn, ForgetOne, InterruptIn } from './wire.table.ts';

/** Requests about the conversation itself. INIT is not among them: the session answers it before there is a vfs. */

const forgetOne = new ForgetOne();

export const controlOperations = [
  operation({
    opcode: 2,
    name: 'FORGET',
    arguments: { window: new ForgetIn(), bytes: ForgetIn.size },
    interrupt: 'finish',
    call: (request, { count }) => request.vfs.forget(request.nodeid, count),
    reply: 'none',
  }),
  operation({
    opcode: 42,
    name: 'BATCH_FORGET',
    arguments: { window: new BatchForgetIn(), bytes: BatchForgetIn.size },
    interrupt: 'finish',
    call(request, { count }) {
      const fitting = Math.floor((request.end - request.dataStart) / ForgetOne.size);
      for (let index = 0; index < Math.min(count, fitting); index += 1) {
        forgetOne.at(request.frame.view, request.dataStart + index * ForgetOne.size);
        request.vfs.forget(forgetOne.nodeid as Ino, forgetOne.count);
      }
    },
    reply: 'none',
  }),
  operation({
    opcode: 36,
    name: 'INTERRUPT',
    arguments: { window: new InterruptIn(), bytes: InterruptIn.size },
    interrupt: 'finish',
    // The answer of the interrupted call (see the column `interrupt`) is the answer to the interrupt too.
    call: (request, { uniqueLow, uniqueHigh }) => request.context.pending.interrupt(uniqueLow, uniqueHigh),
    reply: 'none',
  }),
  operation({
    opcode: 38,
    name: 'DESTROY',
    interrupt: 'finish',
    call: () => undefined,
    reply: emptyReply,
  }),
  operation({
    opcode: 41,
    name: 'NOTIFY_REPLY',
    interrupt: 'finish',
    // Answers a RETRIEVE, which is never sent.
    call: () => undefined,
    reply: 'none',
  }),
];

export const refusedOperations: readonly RefusedOperation[] = [
  {
    opcode: 25,
    name: 'FLUSH',
    refused: 'writes are answered when done, so close(2) has nothing to report; answered in a cluster',
  },
  { opcode: 31, name: 'GETLK', refused: 'locks are the kernel’s own; answered in a cluster' },
  { opcode: 32, name: 'SETLK', refused: 'locks are the kernel’s own; answered in a cluster' },
  { opcode: 33, name: 'SETLKW', refused: 'locks are the kernel’s own; answered in a cluster' },
  { opcode: 37, name: 'BMAP', refused: 'there is no block device' },
  { opcode: 40, name: 'POLL', refused: 'files are always ready, which the kernel then knows by itself' },
  { opcode: 48, name: 'SETUPMAPPING', refused: 'virtiofs only' },
  { opcode: 49, name: 'REMOVEMAPPING', refused: 'virtiofs only' },
  { opcode: 50, name: 'SYNCFS', refused: 'a mount of type fuse is never asked' },
];
