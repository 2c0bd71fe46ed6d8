import { type ByteString, chain, FsError, fail } from '#base';
import { operation } from './operation.ts';
import { emptyReply, type Reply } from './replies.ts';
import type { Request } from './request.ts';
import { GetxattrIn, SetxattrIn, SizeOut } from './wire.table.ts';

/** Requests about extended attributes. */

/** An answer to GETXATTR or LISTXATTR: the bytes, or only their number to one who asks with size 0. */
interface SizedValue {
  readonly value: Uint8Array;
  readonly size: number;
}

const sizeOut = new SizeOut();
const sized = { window: new GetxattrIn(), bytes: GetxattrIn.size };
const xattrName = ['xattr'] as const;

const sizedReply: Reply<SizedValue> = {
  encode(frame, { value, size }) {
    if (size === 0) {
      sizeOut.at(frame.view, frame.bodyStart);
      sizeOut.size = value.length;
      sizeOut.padding = 0;
      return SizeOut.size;
    }
    if (value.length > size) fail('range', `${value.length} bytes for a buffer of ${size}`);
    frame.bytes.set(value, frame.bodyStart);
    return value.length;
  },
};

const encodeNames = (names: readonly ByteString[]): Uint8Array =>
  Buffer.from(names.map((name) => `${name}\0`).join(''), 'latin1');

const selinuxName = 'security.selinux';

/**
 * No label is "not supported", not "no data": labels are not kept by themselves here, and ls(1) then asks once per
 * listing instead of once per file.
 */
async function getLabel(request: Request, size: number): Promise<SizedValue> {
  try {
    return { value: await request.vfs.getxattr(request.caller(), request.nodeid, selinuxName), size };
  } catch (error) {
    if (error instanceof FsError && error.status === 'noData') fail('notSupported', 'no security label');
    throw error;
  }
}

export const xattrOperations = [
  operation({
    opcode: 21,
    name: 'SETXATTR',
    arguments: { window: new SetxattrIn(), bytes: SetxattrIn.size },
    bytesWithoutSetxattrExt: 8,
    names: xattrName,
    dataInPlace: true,
    interrupt: 'finish',
    // Whether an ACL takes setgid away is decided by the server, as the kernel's own file systems do.
    call: (request, { size, flags }) =>
      request.vfs.setxattr(request.caller(), request.nodeid, request.name, request.data(size), flags),
    reply: emptyReply,
  }),
  operation({
    opcode: 22,
    name: 'GETXATTR',
    arguments: sized,
    names: xattrName,
    interrupt: 'finish',
    call(request, { size }) {
      if (request.name === selinuxName) return getLabel(request, size);
      const value = request.vfs.getxattr(request.caller(), request.nodeid, request.name);
      return chain(value, (found) => ({ value: found, size }));
    },
    reply: sizedReply,
  }),
  operation({
    opcode: 23,
    name: 'LISTXATTR',
    arguments: sized,
    interrupt: 'finish',
    call(request, { size }) {
      const names = request.vfs.listxattr(request.caller(), request.nodeid);
      return chain(names, (found) => ({ value: encodeNames(found), size }));
    },
    reply: sizedReply,
  }),
  operation({
    opcode: 24,
    name: 'REMOVEXATTR',
    names: xattrName,
    interrupt: 'finish',
    call: (request) => request.vfs.removexattr(request.caller(), request.nodeid, request.name),
    reply: emptyReply,
  }),
];
