import type { AttributeChanges, TimeChange } from '#protocol';
import { fattr } from './numbers.table.ts';
import { operation } from './operation.ts';
import { attributesReply, emptyReply, statfsReply, statxReply } from './replies.ts';
import { AccessIn, GetattrIn, SetattrIn, StatxIn } from './wire.table.ts';

/** Requests about attributes. */

type SetattrWindow = InstanceType<typeof SetattrIn>;

/**
 * The changes that a SETATTR asks for. One without any bit goes on all the same: chown(2) of nothing takes setuid
 * away.
 */
export function decodeChanges(args: SetattrWindow): AttributeChanges {
  const { valid } = args;
  const changes: AttributeChanges = {};
  if ((valid & fattr.mode) !== 0) changes.mode = args.mode & 0o7777;
  if ((valid & fattr.uid) !== 0) changes.uid = args.uid;
  if ((valid & fattr.gid) !== 0) changes.gid = args.gid;
  if ((valid & fattr.size) !== 0) changes.size = args.size;
  if ((valid & fattr.atimeNow) !== 0) changes.atime = 'now';
  else if ((valid & fattr.atime) !== 0) changes.atime = timeOf(args.atimeSec, args.atimeNsec);
  if ((valid & fattr.mtimeNow) !== 0) changes.mtime = 'now';
  else if ((valid & fattr.mtime) !== 0) changes.mtime = timeOf(args.mtimeSec, args.mtimeNsec);
  if ((valid & fattr.ctime) !== 0) changes.ctime = timeOf(args.ctimeSec, args.ctimeNsec);
  if ((valid & fattr.killSuidgid) !== 0) changes.killPrivileges = true;
  if ((valid & fattr.handle) !== 0) changes.hasHandle = true;
  return changes;
}

const timeOf = (sec: number, nsec: number): TimeChange => ({ sec, nsec: Math.min(nsec, 999_999_999) });

export const attributeOperations = [
  operation({
    opcode: 3,
    name: 'GETATTR',
    arguments: { window: new GetattrIn(), bytes: GetattrIn.size },
    interrupt: 'finish',
    call: (request) => request.vfs.getattr(request.nodeid),
    reply: attributesReply,
  }),
  operation({
    opcode: 52,
    name: 'STATX',
    arguments: { window: new StatxIn(), bytes: StatxIn.size },
    interrupt: 'finish',
    call: (request) => request.vfs.getattr(request.nodeid),
    reply: statxReply,
  }),
  operation({
    opcode: 4,
    name: 'SETATTR',
    arguments: { window: new SetattrIn(), bytes: SetattrIn.size },
    interrupt: 'finish',
    call: (request, args) => request.vfs.setattr(request.caller(), request.nodeid, decodeChanges(args)),
    reply: attributesReply,
  }),
  operation({
    opcode: 34,
    name: 'ACCESS',
    arguments: { window: new AccessIn(), bytes: AccessIn.size },
    interrupt: 'finish',
    call: (request, { mask }) => request.vfs.access(request.caller(), request.nodeid, mask),
    reply: emptyReply,
  }),
  operation({
    opcode: 17,
    name: 'STATFS',
    interrupt: 'finish',
    call: (request) => request.vfs.statfs(),
    reply: statfsReply,
  }),
];
