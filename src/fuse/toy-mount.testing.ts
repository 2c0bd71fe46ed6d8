/**
 * A mount of the in-memory file system, as a program: `toy-mount.testing.ts DIRECTORY [JSON OPTIONS]`. Tests and
 * measurements run it as a child, so that they never touch a mount of their own process. Prints one JSON line when
 * the mount answers, and one when it has ended.
 */
import { writeFileSync } from 'node:fs';
import { type Ino, rootIno } from '#base';
import { Vfs } from '#vfs';
import { MemoryClient } from './memory-client.testing.ts';
import { mountFuse } from './mount.ts';
import { type SessionOptions, serve } from './session.ts';
import { raiseReadahead } from './tuning.ts';

interface ToyOptions extends Partial<SessionOptions> {
  validityMs?: number;
  late?: string[];
  lateMs?: number;
  together?: number;
  record?: string;
  source?: string;
}

const [directory, json] = process.argv.slice(2);
if (directory === undefined) throw new Error('usage: toy-mount.testing.ts DIRECTORY [JSON]');
const {
  validityMs = 86_400_000,
  late = [],
  lateMs = 0,
  together = Number.POSITIVE_INFINITY,
  record,
  source,
  ...options
} = JSON.parse(json ?? '{}') as ToyOptions;

const client = new MemoryClient();
client.lateMs = lateMs;
client.together = together;
for (const call of late) client.lateCalls.add(call as 'lookup');
const frames: { kind: string; hex: string }[] = [];
const validity = { attributeValidityMs: validityMs, entryValidityMs: validityMs, negativeValidityMs: validityMs };
const mounted = await mountFuse({ mountpoint: directory, ...(source === undefined ? {} : { source }) });
const session = serve(
  mounted.fd,
  {
    ...options,
    ...(record === undefined
      ? {}
      : {
          observe: (kind: string, bytes: Uint8Array) => frames.push({ kind, hex: Buffer.from(bytes).toString('hex') }),
        }),
  },
  (_, backing) => new Vfs(client, { ...validity, noAtime: false, passthrough: true }, backing),
);
const features = await session.ready;
const readahead = await raiseReadahead(mounted.mountpoint);
process.stdout.write(`${JSON.stringify({ features, readahead })}\n`);
/** Sends one notification of each kind about the first file made in the root, called `file`. */
process.on('SIGUSR2', () => {
  const { notifications } = session;
  const file = 2 as Ino;
  void (async () => {
    // One after the other: each lane has a thread of its own.
    const known = [
      await notifications?.invalidateInode(file, 0, 0),
      await notifications?.invalidateInode(rootIno, -1, 0),
      await notifications?.store(file, 0, Buffer.from('stored')),
      await notifications?.expireEntry(rootIno, 'file'),
      await notifications?.incrementEpoch(),
      await notifications?.resend(),
      await notifications?.delete(rootIno, file, 'file'),
      await notifications?.invalidateEntry(rootIno, 'file'),
      await notifications?.prune([file]),
    ];
    process.stdout.write(`${JSON.stringify({ known })}\n`);
  })();
});
const end = await session.closed;
if (record !== undefined) writeFileSync(record, JSON.stringify(frames));
process.stdout.write(`${JSON.stringify({ end, counters: session.counters, inodes: client.size })}\n`);
