import { type ByteString, type Ino, rootIno } from '#base';
import { S_IFMT } from '#protocol';
import type { CheckState } from './check-state.ts';
import type { CheckedInode } from './contradiction.ts';
import { decodeBucket, hashName, isWellFormedBucket, type NamedDentry } from './dentry.ts';
import { isDirectory } from './inode.ts';
import { inoOfKey, readU64 } from './keys.ts';

const hashOffset = 9;

/** Every name against the directory that holds it and the inode that it means; notes names with their inodes. */
export async function checkNames(state: CheckState): Promise<void> {
  const seen = new NamesSeen();
  for await (const pair of state.store.scan('D')) {
    const parent = inoOfKey(pair.key);
    const hash = readU64(pair.key, hashOffset);
    const directory = state.inodes.get(parent);
    if (directory === undefined || !isDirectory(directory.inode.mode)) {
      if (state.unreadable.has(parent)) continue;
      state.report(parent, `names are kept for ${parent}, which is no directory`, { kind: 'stray', key: pair.key });
    } else if (isWellFormedBucket(pair.value)) {
      for (const dentry of decodeBucket(pair.value, hash))
        checkName(state, { parent, hash, key: pair.key, dentry, seen });
    } else {
      const message = `directory ${parent}: names of the hash ${hash} are unreadable`;
      state.report(parent, message, { kind: 'unreadable', key: pair.key });
    }
  }
  checkReachable(state, seen);
}

interface CheckedName {
  readonly parent: Ino;
  readonly hash: number;
  readonly key: ByteString;
  readonly dentry: NamedDentry;
  readonly seen: NamesSeen;
}

/** The one name of each directory, by which a loop can be cut. */
class NamesSeen {
  readonly ofDirectory = new Map<Ino, { key: ByteString; name: ByteString }>();
}

function checkName(state: CheckState, { parent, hash, key, dentry, seen }: CheckedName): void {
  const { name, ino, type, cookie } = dentry;
  const directory = state.inodes.get(parent)!;
  const bad = (message: string): void => state.report(ino, message, { kind: 'falseName', key, name });
  const shown = `the name ${JSON.stringify(Buffer.from(name, 'latin1').toString())} in directory ${parent}`;
  const named = state.inodes.get(ino);
  if (named === undefined) {
    // A name of an inode whose record cannot be read counts until that is mended.
    if (state.unreadable.has(ino)) countEntry(directory, isDirectory(type));
    else bad(`${shown} means inode ${ino}, which is gone`);
    return;
  }
  if (ino === rootIno) {
    bad(`${shown} means the root directory`);
    return;
  }
  if (hashName(state.hashSeed, name) !== hash) {
    bad(`${shown} is kept under another name's hash`);
    return;
  }
  const { mode } = named.inode;
  if (isDirectory(mode)) {
    if (named.names.length > 0) {
      if (named.inode.parent !== parent || named.inode.cookie !== cookie) {
        bad(`${shown} is a second name of directory ${ino}`);
        return;
      }
      withdrawName(state, named, seen);
    }
    seen.ofDirectory.set(ino, { key, name });
  }
  if ((mode & S_IFMT) !== type) {
    const told = `${shown} has type 0${type.toString(8)}, its inode ${ino} mode 0${mode.toString(8)}`;
    state.report(ino, told, { kind: 'wrongType', key, name, mode });
  }
  named.names.push({ parent, cookie });
  countEntry(directory, isDirectory(mode));
}

/** Of two names of a directory the one that its record knows is true, even if it comes second. */
function withdrawName(state: CheckState, named: CheckedInode, seen: NamesSeen): void {
  const { ino } = named.inode;
  const { parent } = named.names.pop()!;
  const holder = state.inodes.get(parent)!;
  holder.entries -= 1;
  holder.subdirectories -= 1;
  const message = `directory ${ino} has a second name, in directory ${parent}`;
  state.report(ino, message, { kind: 'falseName', ...seen.ofDirectory.get(ino)! });
}

function countEntry(directory: CheckedInode, isSubdirectory: boolean): void {
  directory.entries += 1;
  if (isSubdirectory) directory.subdirectories += 1;
}

/** Directories that hold each other in a circle have names and still no path. */
function checkReachable({ inodes, report }: CheckState, seen: NamesSeen): void {
  const reachable = new Set<Ino>([rootIno]);
  for (const { inode } of inodes.values()) {
    if (!isDirectory(inode.mode)) continue;
    const path: Ino[] = [];
    const onPath = new Set<Ino>();
    let ino: Ino | undefined = inode.ino;
    while (ino !== undefined && !reachable.has(ino) && !onPath.has(ino)) {
      path.push(ino);
      onPath.add(ino);
      ino = inodes.get(ino)?.names[0]?.parent;
    }
    if (ino !== undefined && onPath.has(ino)) {
      const { key, name } = seen.ofDirectory.get(ino)!;
      report(ino, `directory ${ino} lies below itself`, { kind: 'falseName', key, name });
    }
    // What hangs on a lost directory or a cut loop is found again with it.
    for (const member of path) reachable.add(member);
  }
}
