import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { DiskEvent } from './disk-event.ts';

/** Written bytes lie in a file of their own, one after the other. */
const eventsName = 'events.json';
const bytesName = 'bytes';

type WriteEvent = Extract<DiskEvent, { kind: 'write' }>;
type StoredWrite = Omit<WriteEvent, 'bytes'> & { length: number };
type StoredEvent = Exclude<DiskEvent, WriteEvent> | StoredWrite;

export function saveRecording(directory: string, events: readonly DiskEvent[]): void {
  const file = openSync(join(directory, bytesName), 'w');
  const stored = events.map((event): StoredEvent => {
    if (event.kind !== 'write') return event;
    const { bytes, ...rest } = event;
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    return { ...rest, length: bytes.length };
  });
  closeSync(file);
  writeFileSync(join(directory, eventsName), JSON.stringify(stored));
}

export function loadRecording(directory: string): DiskEvent[] {
  const stored = JSON.parse(readFileSync(join(directory, eventsName), 'utf8')) as StoredEvent[];
  const all = readFileSync(join(directory, bytesName));
  let at = 0;
  return stored.map((event) => {
    if (event.kind !== 'write') return event;
    const { length, ...rest } = event;
    at += length;
    return { ...rest, bytes: all.subarray(at - length, at) };
  });
}
