// What the tests beside this file share.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import type { Done } from '#native';
import * as native from '#native';

export const AT_FDCWD = -100;
export const O_RDWR = 2;

/** Where a test registers what must be undone, however it ends. */
interface Cleanup {
  after(undo: () => void): void;
}

/** A directory for the tests of one file. */
export const directory = mkdtempSync(join(tmpdir(), 'cfs-native-'));
after(() => rmSync(directory, { recursive: true, force: true }));

/** Runs an asynchronous call and waits for its result. */
export const ended = (start: (done: Done) => void): Promise<number> => new Promise(start);

const open = new Set<number>();

function closeAfter(t: Cleanup, fd: number): void {
  open.add(fd);
  t.after(() => closeEarly(fd));
}

/** Closes a descriptor before its test ends, once: by then the number may be another file's. */
export function closeEarly(fd: number): void {
  if (open.delete(fd)) assert.equal(native.closeFd(fd), 0);
}

/** A new file with `content`, open for reading and writing until the test ends. */
export function openFile(t: Cleanup, name: string, content = ''): number {
  const path = join(directory, name);
  writeFileSync(path, content);
  const fd = native.openAt(AT_FDCWD, path, O_RDWR, 0);
  assert(fd >= 0);
  closeAfter(t, fd);
  return fd;
}

/** Two connected stream sockets, closed when the test ends. */
export function socketPair(t: Cleanup): [number, number] {
  const pair = new Int32Array(2);
  assert.equal(native.socketPair(pair), 0);
  const [left = -1, right = -1] = pair;
  closeAfter(t, left);
  closeAfter(t, right);
  return [left, right];
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (array: Uint8Array): string => new TextDecoder().decode(array);

/** Slots that live as long as the process: a test that holds only the `id` would lose them to the garbage collector. */
export function keepSlots(slots: number, slotBytes: number): { id: number; memory: ArrayBuffer } {
  const block = native.allocateSlots(slots, slotBytes);
  kept.push(block.memory);
  return block;
}
const kept: ArrayBuffer[] = [];
