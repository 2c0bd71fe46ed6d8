import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Ino, rootIno } from '#base';
import { type Attributes, S_IFDIR, S_IFREG, superuser } from '#protocol';
import { syncAllBegins, syncAllEnds } from './disk-event.ts';
import type { RecordedClient } from './recorded-client.ts';

/** Fills an empty recording file system with the files of a directory, and makes them durable. */
export async function copyDirectory(client: RecordedClient, path: string): Promise<void> {
  await copyInto(client, rootIno, path);
  client.mark(syncAllBegins);
  client.mark(syncAllEnds);
}

async function copyInto(client: RecordedClient, parent: Ino, path: string): Promise<void> {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const from = join(path, entry.name);
    const type = entry.isDirectory() ? S_IFDIR | 0o700 : S_IFREG | 0o600;
    const request = { caller: superuser, parent, name: entry.name, mode: type, umask: 0, rdev: 0, target: '' };
    const { ino } = (await client.call('make', { ...request, open: false })) as Attributes;
    if (entry.isDirectory()) await copyInto(client, ino, from);
    else await copyFile(client, ino, from);
  }
}

async function copyFile(client: RecordedClient, ino: Ino, from: string): Promise<void> {
  const write = { ino, offset: 0, append: false, killPrivileges: false, sync: false };
  await client.call('write', { ...write, data: readFileSync(from) });
  const { mtimeNs } = statSync(from, { bigint: true });
  const mtime = { sec: Number(mtimeNs / 1_000_000_000n), nsec: Number(mtimeNs % 1_000_000_000n) };
  await client.call('setattr', { caller: superuser, ino, changes: { mtime } });
}
