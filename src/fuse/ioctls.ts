import { chain, fail, type Maybe } from '#base';
import { FS_DIRSYNC_FL } from '#protocol';
import { ioctl, xflags } from './numbers.table.ts';
import { operation } from './operation.ts';
import type { Reply } from './replies.ts';
import type { Request } from './request.ts';
import { Fsxattr, IoctlIn, IoctlOut } from './wire.table.ts';

/** ioctl(2): the inode flags of lsattr and chattr, in both of their interfaces. */

/** What an ioctl gives back: nothing, inode flags, or the struct fsxattr that holds them, as `outBytes`. */
interface IoctlResult {
  readonly kind: 'nothing' | 'flags' | 'fsxattr';
  readonly flags: number;
  readonly outBytes: number;
}

const out = new IoctlOut();
const fsxattr = new Fsxattr();
/** Larger than any structure that is given back here. */
const outMaxBytes = 64;

const ioctlReply: Reply<IoctlResult> = {
  encode(frame, { kind, flags, outBytes }) {
    const { bodyStart, view } = frame;
    frame.bytes.fill(0, bodyStart, bodyStart + IoctlOut.size + outBytes);
    out.at(view, bodyStart).result = 0;
    const body = bodyStart + IoctlOut.size;
    if (kind === 'flags') view.setUint32(body, flags, true);
    if (kind === 'fsxattr') fsxattr.at(view, body).xflags = xflagsOf(flags);
    // Exactly as much as was asked for: lsattr's requests have no other length.
    return IoctlOut.size + outBytes;
  },
};

function xflagsOf(flags: number): number {
  return xflags.reduce((sum, row) => ((flags & row.flag) === 0 ? sum : sum | row.xflag), 0);
}

function flagsOf(bits: number): number {
  const known = xflags.reduce((sum, row) => sum | row.xflag, 0);
  if ((bits & ~known) !== 0) fail('notSupported', `extended inode flags ${(bits & ~known).toString(16)}`);
  return xflags.reduce((sum, row) => ((bits & row.xflag) === 0 ? sum : sum | row.flag), 0);
}

function getFlags(request: Request, kind: 'flags' | 'fsxattr', outBytes: number): Maybe<IoctlResult> {
  const needed = kind === 'flags' ? 4 : Fsxattr.size;
  if (outBytes < needed || outBytes > outMaxBytes) fail('invalid', `${outBytes} bytes for an ioctl's result`);
  return chain(request.vfs.getattr(request.nodeid), ({ attributes }) => ({ kind, flags: attributes.flags, outBytes }));
}

function setFlags(request: Request, inBytes: number): Maybe<IoctlResult> {
  const data = request.data(inBytes);
  if (data.length < 4) fail('invalid', `${inBytes} bytes of inode flags`);
  const flags = request.frame.view.getUint32(request.dataStart, true);
  return chain(request.vfs.setflags(request.caller(), request.nodeid, flags), () => nothing);
}

function setFsxattr(request: Request, inBytes: number): Maybe<IoctlResult> {
  const data = request.data(inBytes);
  if (data.length < Fsxattr.size) fail('invalid', `${inBytes} bytes of struct fsxattr`);
  fsxattr.at(request.frame.view, request.dataStart);
  if (fsxattr.projectId !== 0 || fsxattr.extentSize !== 0) fail('notSupported', 'project ids and extent sizes');
  const flags = flagsOf(fsxattr.xflags);
  const { vfs, nodeid } = request;
  const caller = request.caller();
  // This interface cannot say DIRSYNC, so it stays as it is.
  return chain(vfs.getattr(nodeid), ({ attributes }) =>
    chain(vfs.setflags(caller, nodeid, flags | (attributes.flags & FS_DIRSYNC_FL)), () => nothing),
  );
}

const nothing: IoctlResult = { kind: 'nothing', flags: 0, outBytes: 0 };

export const ioctlOperations = [
  operation({
    opcode: 39,
    name: 'IOCTL',
    arguments: { window: new IoctlIn(), bytes: IoctlIn.size },
    interrupt: 'finish',
    call(request, { command, inSize, outSize }): Maybe<IoctlResult> {
      switch (command) {
        case ioctl.getFlags:
        case ioctl.getFlags32:
          return getFlags(request, 'flags', outSize);
        case ioctl.fsGetXattr:
          return getFlags(request, 'fsxattr', outSize);
        case ioctl.setFlags:
        case ioctl.setFlags32:
          return setFlags(request, inSize);
        case ioctl.fsSetXattr:
          return setFsxattr(request, inSize);
        default:
          return fail('notTypewriter', `ioctl ${command.toString(16)}`);
      }
    },
    reply: ioctlReply,
  }),
];
