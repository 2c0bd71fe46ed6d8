import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { FsError } from '#base';

const headerBytes = 64;
const magic = 0xbeefc0de;
const formatVersion = 2;
/** In the page header: a root page. */
const metaFlag = 8;
const smallestStoreBytes = 65_536;

/**
 * Refuses a file that LMDB would refuse, with the reason: lmdb-js 3.5.6 ends the process (SIGSEGV) when it has to
 * close what it has half opened. For the same reason a new store is only begun where there is room for its first pages.
 */
export function checkHeader(directory: string): void {
  let file: number;
  try {
    file = openSync(join(directory, 'data.mdb'), 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    checkRoom(directory);
    return;
  }
  try {
    const header = Buffer.alloc(headerBytes);
    const size = readSync(file, header, 0, headerBytes, 0);
    // A process that was killed while it made the store leaves an empty file; LMDB begins anew.
    if (size === 0) return;
    checkRoot(header, directory);
    // Root pages follow each other; the first names the page size.
    const pageBytes = header.readUInt32LE(48);
    header.fill(0);
    readSync(file, header, 0, headerBytes, pageBytes);
    checkRoot(header, directory);
  } finally {
    closeSync(file);
  }
}

function checkRoot(header: Buffer, directory: string): void {
  if (header.readUInt32LE(24) !== magic || (header.readUInt16LE(18) & metaFlag) === 0) {
    throw new FsError('corrupted', `data.mdb in ${directory} does not begin like a metadata store`);
  }
  const version = header.readUInt32LE(28) & 0xffff;
  if (version !== formatVersion) {
    const message = `the metadata store in ${directory} has format ${version}; this version reads format ${formatVersion}`;
    throw new FsError('notSupported', message);
  }
}

function checkRoom(directory: string): void {
  const path = join(directory, 'data.mdb.probe');
  const file = openSync(path, 'w');
  try {
    if (writeSync(file, Buffer.alloc(smallestStoreBytes)) < smallestStoreBytes) {
      throw new FsError('noSpace', `no room for a metadata store in ${directory}`);
    }
  } finally {
    closeSync(file);
    unlinkSync(path);
  }
}
