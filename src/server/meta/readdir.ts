import { chain, type Maybe } from '#base';
import type { DirectoryEntry, RequestOf } from '#protocol';
import type { Snapshot } from '../kv/transaction.ts';
import type { Volume } from '../volume.ts';
import { touchAtime } from './atime.ts';
import { cookieHash, decodeBucket, type NamedDentry } from './dentry.ts';
import { getInode, requireDirectory, shownAttributes } from './inode.ts';
import { key, readU64 } from './keys.ts';
import type { Inode } from './records.ts';

/** Lists by hash, so that a cookie is a place among all possible names, not among those that are there now. */
export function readdir(volume: Volume, request: RequestOf<'readdir'>): Maybe<DirectoryEntry[]> {
  const listing = volume.store.read((snapshot) => listIn(volume, snapshot, request));
  return chain(listing, ({ directory, entries }) => {
    if (request.cookie === 0 && request.noAtime !== true) touchAtime(volume, directory);
    return entries;
  });
}

interface Listing {
  readonly directory: Inode;
  readonly entries: DirectoryEntry[];
}

function listIn(volume: Volume, snapshot: Snapshot, request: RequestOf<'readdir'>): Listing {
  const directory = requireDirectory(snapshot, request.ino);
  const entries: DirectoryEntry[] = [];
  addRestOfBucket(volume, snapshot, request, entries);
  const { ino, cookie, limit } = request;
  const after = key.dentry(ino, cookieHash(cookie));
  for (const pair of snapshot.list(key.dentries(ino), after, limit - entries.length)) {
    const bucket = decodeBucket(pair.value, readU64(pair.key, hashOffset));
    for (const dentry of bucket) {
      if (entries.length < limit) entries.push(listed(volume, snapshot, dentry, request.withAttributes));
    }
  }
  return { directory, entries };
}

/** Where the hash is in the key of a dentry: after the kind and the directory. */
const hashOffset = 9;

/** The names that share the hash of the last one listed and come after it. */
function addRestOfBucket(
  volume: Volume,
  snapshot: Snapshot,
  { ino, cookie, limit, withAttributes }: RequestOf<'readdir'>,
  entries: DirectoryEntry[],
): void {
  const hash = cookieHash(cookie);
  const bucket = hash === 0 ? undefined : snapshot.get(key.dentry(ino, hash));
  if (bucket === undefined) return;
  for (const dentry of decodeBucket(bucket, hash)) {
    if (dentry.cookie > cookie && entries.length < limit)
      entries.push(listed(volume, snapshot, dentry, withAttributes));
  }
}

function listed(volume: Volume, snapshot: Snapshot, dentry: NamedDentry, withAttributes: boolean): DirectoryEntry {
  const { name, ino, type, cookie } = dentry;
  // A name without an inode is fsck's business; it must not hide the others.
  const inode = withAttributes ? getInode(snapshot, ino) : undefined;
  return { name, ino, type, cookie, attributes: inode && shownAttributes(volume, inode) };
}
