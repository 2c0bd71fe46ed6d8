/**
 * An application that keeps a record of what it was promised: `fsync-writer.ts DIRECTORY [SEED [MARKS]]` makes,
 * rewrites, renames, shortens and removes files below the directory, and after each fsync(2) that returned prints one
 * line of JSON: what must survive from then on. With MARKS it writes the line to that file too, before it goes on. It
 * ends when the file system goes away.
 */
import { closeSync, fsyncSync, ftruncateSync, mkdirSync, openSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { below, SeededRandom } from '#base';
import { contentOf, type Promised } from './promised.ts';

const [directory = '', seed = '1', marksPath] = process.argv.slice(2);
const random = new SeededRandom(Number(seed));
const base = join(directory, `writer-${seed}`);
/** What each file holds, as far as this application was promised. */
const known = new Map<string, { version: number; size: number }>();
const marks = marksPath === undefined ? undefined : openSync(marksPath, 'w');

function promise(fact: Promised): void {
  const line = JSON.stringify(fact);
  if (marks !== undefined) writeSync(marks, line);
  writeSync(1, `${line}\n`);
}

function syncDirectory(): void {
  const fd = openSync(base, 'r');
  fsyncSync(fd);
  closeSync(fd);
}

/** Writes a new version of a file, in place or beside it, and has it promised. */
function write(name: string, version: number): void {
  const size = pickSize();
  const viaRename = below(random, 3) === 0;
  const path = join(base, viaRename ? `${name}.new` : name);
  // From here until the promise the old content is no longer promised, and the new one not yet.
  promise(viaRename ? { kind: 'preparing', name, version } : { kind: 'changing', name, version });
  const readable = below(random, 2) === 0;
  const fd = openSync(path, readable ? 'w+' : 'w');
  const content = contentOf(name, version, size);
  const cut = below(random, size + 1);
  writeSync(fd, content, 0, cut, 0);
  writeSync(fd, content, cut, size - cut, cut);
  fsyncSync(fd);
  closeSync(fd);
  if (viaRename) {
    promise({ kind: 'changing', name, version });
    renameSync(path, join(base, name));
    syncDirectory();
  }
  known.set(name, { version, size });
  promise({ kind: 'is', name, version, size });
}

function remove(name: string): void {
  promise({ kind: 'changing', name });
  unlinkSync(join(base, name));
  syncDirectory();
  known.delete(name);
  promise({ kind: 'absent', name });
}

/** Shortens a file through a handle, and has it promised. */
function shorten(name: string, file: { version: number; size: number }): void {
  promise({ kind: 'changing', name });
  const fd = openSync(join(base, name), 'r+');
  const size = below(random, file.size + 1);
  ftruncateSync(fd, size);
  fsyncSync(fd);
  closeSync(fd);
  known.set(name, { version: file.version, size });
  promise({ kind: 'is', name, version: file.version, size });
}

function pickSize(): number {
  const kind = below(random, 10);
  if (kind < 6) return below(random, 4096);
  return kind < 9 ? below(random, 100_000) : below(random, 3_000_000);
}

try {
  mkdirSync(base);
  syncDirectory();
  for (let version = 1; ; version++) {
    const name = `file-${seed}-${below(random, 40)}`;
    const file = known.get(name);
    const action = below(random, 10);
    if (file === undefined || action < 6) write(name, version);
    else if (action < 8) remove(name);
    else shorten(name, file);
  }
} catch (error) {
  const { code } = error as NodeJS.ErrnoException;
  process.exitCode = code === 'ENOTCONN' || code === 'ECONNABORTED' || code === 'EIO' || code === 'ENOENT' ? 0 : 1;
  if (process.exitCode === 1) throw error;
}
