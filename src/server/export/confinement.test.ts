import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import fc from 'fast-check';
import { FsError, type Ino, rootIno } from '#base';
import {
  type Attributes,
  type CallName,
  type DirectoryEntry,
  O_RDWR,
  type RequestOf,
  S_IFDIR,
  S_IFMT,
} from '#protocol';
import { ContentFixture, clientRoot, ExportedClient } from './exported-client.contract.ts';

/**
 * A client that may do everything within its export, and sends whatever calls with whatever numbers it likes, between
 * moves that somebody else makes across the border.
 */

const names = ['a', 'b', 'c', '.', '..', 'export'];
const inosMax = 14;

interface Step {
  readonly who: 'client' | 'admin';
  readonly call: CallName;
  readonly ino: number;
  readonly other: number;
  readonly name: string;
  readonly newName: string;
}

const calls: CallName[] = [
  'lookup',
  'make',
  'makeUnnamed',
  'link',
  'unlink',
  'rmdir',
  'rename',
  'readdir',
  'readlink',
  'getattr',
  'setattr',
  'access',
  'getxattr',
  'listxattr',
  'setxattr',
  'removexattr',
  'setflags',
  'open',
  'opendir',
  'release',
  'read',
  'write',
  'fallocate',
  'seek',
  'copyRange',
  'fsync',
];

const step: fc.Arbitrary<Step> = fc.record({
  who: fc.constantFrom('client', 'client', 'client', 'admin'),
  call: fc.constantFrom(...calls, 'rename', 'rename', 'link', 'make'),
  ino: fc.integer({ min: 1, max: inosMax }),
  other: fc.integer({ min: 1, max: inosMax }),
  name: fc.constantFrom(...names),
  newName: fc.constantFrom(...names),
});

function requestOf({ call, ino, other, name, newName }: Step): unknown {
  const caller = clientRoot;
  const all = {
    caller,
    ino,
    parent: ino,
    name,
    newParent: other,
    newName,
    from: ino,
    to: other,
    fromOffset: 0,
    toOffset: 0,
  };
  switch (call) {
    case 'make':
      return {
        ...all,
        mode: other % 2 === 0 ? S_IFDIR | 0o755 : 0o100644,
        umask: 0,
        rdev: 0,
        target: '',
        open: other % 3 === 0,
      };
    case 'makeUnnamed':
      return { caller, parent: ino, mode: 0o644, umask: 0 };
    case 'link':
      return { caller, ino: other, parent: ino, name };
    case 'readdir':
      return { caller, ino, cookie: 0, limit: 100, withAttributes: true };
    case 'setattr':
      return { caller, ino, changes: { mode: 0o640, uid: other } };
    case 'getxattr':
    case 'removexattr':
      return { caller, ino, name: 'user.mark' };
    case 'setxattr':
      return { caller, ino, name: 'user.mark', value: new Uint8Array([1]), flags: 0 };
    case 'setflags':
      return { caller, ino, flags: 0 };
    case 'access':
      return { caller, ino, mask: 0 };
    case 'open':
      return { caller, ino, flags: O_RDWR, killPrivileges: false };
    case 'release':
      return { ino, count: 1 };
    case 'read':
      return { ino, offset: 0, length: 100, noAtime: false };
    case 'write':
      return { ino, offset: 0, data: new Uint8Array([120]), append: false, killPrivileges: false, sync: false };
    case 'rename':
      return { caller, parent: ino, name, newParent: other, newName, flags: 0 };
    case 'fallocate':
      return { caller, ino, mode: 0, offset: 0, length: 20 };
    case 'seek':
      return { ino, offset: 0, whence: 3 };
    case 'copyRange':
      return { caller, from: ino, fromOffset: 0, to: other, toOffset: 0, length: 5 };
    case 'fsync':
      return { ino, dataOnly: false };
    default:
      return { caller, ino, parent: ino, name };
  }
}

/** Everything below a directory, found by walking down: the other way round than the server looks. */
async function walk(server: ExportedClient, ino: Ino, found = new Map<Ino, string>()): Promise<Map<Ino, string>> {
  const attributes = await server.call('getattr', { ino });
  found.set(ino, JSON.stringify({ ...attributes, atimeSec: 0, atimeNsec: 0 }));
  if ((attributes.mode & S_IFMT) !== S_IFDIR) return found;
  const entries: DirectoryEntry[] = await server.call('readdir', {
    caller: clientRoot,
    ino,
    cookie: 0,
    limit: 1000,
    withAttributes: false,
  });
  found.set(ino, `${found.get(ino)} ${entries.map((entry) => entry.name)}`);
  for (const entry of entries) await walk(server, entry.ino, found);
  return found;
}

/** Which inodes a reply tells of, as the client numbers them. */
function inosIn(reply: unknown): number[] {
  if (typeof reply !== 'object' || reply === null || reply instanceof Uint8Array) return [];
  if (Array.isArray(reply)) return reply.flatMap(inosIn);
  return Object.entries(reply).flatMap(([field, value]) => (field === 'ino' ? [value as number] : inosIn(value)));
}

/** `/export/a` with a file, `/out/b` with a file, and a file with a name in each. */
async function makeWorld() {
  const fixture = await ContentFixture.open();
  const server = await ExportedClient.of(fixture);
  const root = await server.mkdir('export');
  const outside = await server.mkdir('out');
  const inner = await server.mkdir('a', { parent: root.ino });
  await server.make('b', { parent: inner.ino });
  const hidden = await server.mkdir('b', { parent: outside.ino });
  const secret = await server.make('c', { parent: hidden.ino, open: true });
  await server.write(secret.ino, 'secret');
  const shared = await server.make('c', { parent: root.ino });
  await server.call('link', { caller: clientRoot, ino: shared.ino, parent: outside.ino, name: 'c' });
  return { server, root: root.ino, client: await ExportedClient.of(fixture, { path: ['export'] }) };
}

async function outcome(run: Promise<unknown>): Promise<unknown> {
  try {
    return await run;
  } catch (error) {
    if (error instanceof FsError) return undefined;
    throw error;
  }
}

async function play(steps: readonly Step[]): Promise<void> {
  const { server, client, root } = await makeWorld();
  for (const one of steps) {
    const inside = await walk(server, root).catch(() => new Map<Ino, string>());
    const everything = await walk(server, rootIno);
    const request = requestOf(one) as RequestOf<CallName>;
    if (one.who === 'admin') {
      await outcome(server.call(one.call, request));
      continue;
    }
    const unnamed = [...client.opens.all()].map(({ ino }) => ino).filter((ino) => !everything.has(ino));
    const reply = await outcome(client.call(one.call, request));
    const after = await walk(server, rootIno);
    const nowInside = await walk(server, root).catch(() => new Map<Ino, string>());
    for (const shown of inosIn(reply)) {
      const ino = client.view.outward(shown as Ino);
      const isNew = !everything.has(ino);
      assert(inside.has(ino) || unnamed.includes(ino) || isNew, `${one.call} told of inode ${ino}`);
      assert((reply as Attributes).ino !== rootIno || inside.has(root));
    }
    if (one.call === 'readdir' && Array.isArray(reply)) assert(inside.has(client.view.outward(one.ino as Ino)));
    if (reply instanceof Uint8Array) {
      assert.notEqual(Buffer.from(reply).toString(), inside.has(7 as Ino) ? undefined : 'secret');
    }
    for (const [ino, before] of everything) {
      if (inside.has(ino) || nowInside.has(ino)) continue;
      assert.equal(after.get(ino), before, `${one.call} changed inode ${ino} outside`);
    }
  }
}

test('no call with any inode number shows or changes anything outside the export', async () => {
  const plays = fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), play);
  await fc.assert(plays, { numRuns: 150 });
});
