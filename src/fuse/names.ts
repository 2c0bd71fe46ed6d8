import type { Ino, Maybe } from '#base';
import { O_CREAT, O_EXCL } from '#protocol';
import type { Absence, CreatedFile, Entry } from '#vfs';
import { operation } from './operation.ts';
import { createdReply, emptyReply, entryReply, lookupReply, textReply } from './replies.ts';
import type { RequestContext } from './request.ts';
import { CreateIn, LinkIn, MkdirIn, MknodIn, Rename2In, RenameIn } from './wire.table.ts';

/** Requests about names: what makes, finds, moves and removes them. */

const name = ['name'] as const;
const twoNames = ['name', 'name'] as const;

/** The kernel took no answer, so it has no reference to give back. */
function forgetEntry({ vfs }: RequestContext, entry: Entry | Absence): void {
  if (entry.attributes !== undefined) vfs.forget(entry.attributes.ino, 1);
}

function forgetCreated(context: RequestContext, created: CreatedFile): Maybe<void> {
  forgetEntry(context, created.entry);
  return context.vfs.release(created.file.handle);
}

const create = { window: new CreateIn(), bytes: CreateIn.size };

export const nameOperations = [
  operation({
    opcode: 1,
    name: 'LOOKUP',
    names: name,
    interrupt: 'finish',
    call: (request) => request.vfs.find(request.caller(), request.nodeid, request.name),
    reply: lookupReply,
    undo: forgetEntry,
  }),
  operation({
    opcode: 5,
    name: 'READLINK',
    interrupt: 'finish',
    call: (request) => request.vfs.readlink(request.nodeid),
    reply: textReply,
  }),
  operation({
    opcode: 6,
    name: 'SYMLINK',
    names: ['name', 'target'],
    interrupt: 'finish',
    call: (request) => request.vfs.symlink(request.caller(), request.nodeid, request.name, request.secondName),
    reply: entryReply,
    undo: forgetEntry,
  }),
  operation({
    opcode: 8,
    name: 'MKNOD',
    arguments: { window: new MknodIn(), bytes: MknodIn.size },
    names: name,
    interrupt: 'finish',
    call(request, { mode, umask, rdev }) {
      return request.vfs.mknod(request.caller(), request.nodeid, request.name, { mode, umask, rdev });
    },
    reply: entryReply,
    undo: forgetEntry,
  }),
  operation({
    opcode: 9,
    name: 'MKDIR',
    arguments: { window: new MkdirIn(), bytes: MkdirIn.size },
    names: name,
    interrupt: 'finish',
    call(request, { mode, umask }) {
      const permissions = { mode: mode & 0o7777, umask, rdev: 0 };
      return request.vfs.mkdir(request.caller(), request.nodeid, request.name, permissions);
    },
    reply: entryReply,
    undo: forgetEntry,
  }),
  operation({
    opcode: 10,
    name: 'UNLINK',
    names: name,
    interrupt: 'finish',
    call: (request) => request.vfs.unlink(request.caller(), request.nodeid, request.name),
    reply: emptyReply,
  }),
  operation({
    opcode: 11,
    name: 'RMDIR',
    names: name,
    interrupt: 'finish',
    call: (request) => request.vfs.rmdir(request.caller(), request.nodeid, request.name),
    reply: emptyReply,
  }),
  operation({
    opcode: 12,
    name: 'RENAME',
    arguments: { window: new RenameIn(), bytes: RenameIn.size },
    names: twoNames,
    interrupt: 'finish',
    call: (request, { newParent }) =>
      request.vfs.rename({
        caller: request.caller(),
        parent: request.nodeid,
        name: request.name,
        newParent: newParent as Ino,
        newName: request.secondName,
        flags: 0,
      }),
    reply: emptyReply,
  }),
  operation({
    opcode: 45,
    name: 'RENAME2',
    arguments: { window: new Rename2In(), bytes: Rename2In.size },
    names: twoNames,
    interrupt: 'finish',
    call: (request, { newParent, flags }) =>
      request.vfs.rename({
        caller: request.caller(),
        parent: request.nodeid,
        name: request.name,
        newParent: newParent as Ino,
        newName: request.secondName,
        flags,
      }),
    reply: emptyReply,
  }),
  operation({
    opcode: 13,
    name: 'LINK',
    arguments: { window: new LinkIn(), bytes: LinkIn.size },
    names: name,
    interrupt: 'finish',
    call: (request, { nodeid }) => request.vfs.link(request.caller(), nodeid as Ino, request.nodeid, request.name),
    reply: entryReply,
    undo: forgetEntry,
  }),
  operation({
    opcode: 35,
    name: 'CREATE',
    arguments: create,
    names: name,
    interrupt: 'finish',
    call(request, { flags, mode, umask }) {
      // That the file is new was the kernel's reason to send CREATE; the flag says nothing to the open that follows.
      const exclusive = (flags & O_EXCL) !== 0;
      const facts = { flags: flags & ~(O_CREAT | O_EXCL), mode: mode & 0o7777, umask, exclusive };
      return request.vfs.create(request.caller(), request.nodeid, request.name, facts);
    },
    reply: createdReply,
    undo: forgetCreated,
  }),
  operation({
    opcode: 51,
    name: 'TMPFILE',
    arguments: create,
    interrupt: 'finish',
    // A name follows, which means nothing.
    call(request, { flags, mode, umask }) {
      const facts = { flags: flags & ~(O_CREAT | O_EXCL), mode: mode & 0o7777, umask };
      return request.vfs.tmpfile(request.caller(), request.nodeid, facts);
    },
    reply: createdReply,
    undo: forgetCreated,
  }),
];
