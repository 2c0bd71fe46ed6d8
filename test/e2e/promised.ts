import { strict as assert } from 'node:assert';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What an application was promised by a returned fsync(2), or that it is changing a file and expects nothing of it, or
 * that it prepares a new version of it beside it.
 */
export type Promised =
  | { kind: 'is'; name: string; version: number; size: number }
  | { kind: 'absent'; name: string }
  | { kind: 'changing'; name: string; version?: number }
  | { kind: 'preparing'; name: string; version: number };

/** Content that tells which file and version it is of, at every offset. */
export function contentOf(name: string, version: number, size: number): Buffer {
  return Buffer.alloc(size, `${name} version ${version}, `);
}

/** The last word on each file in the record of an application. */
export function lastPromises(record: readonly Promised[]): Map<string, Exclude<Promised, { kind: 'preparing' }>> {
  return new Map(record.filter((fact) => fact.kind !== 'preparing').map((fact) => [fact.name, fact]));
}

/** Fails unless everything that was promised is so in `directory`; returns how many promises were checked. */
export function checkPromises(directory: string, record: readonly Promised[]): number {
  let checked = 0;
  for (const [name, fact] of lastPromises(record)) {
    const path = join(directory, name);
    if (fact.kind === 'changing') continue;
    checked += 1;
    if (fact.kind === 'absent') assert(!existsSync(path), `${name} was removed, and is there again`);
    else {
      const found = readFileSync(path);
      assert.equal(found.byteLength, fact.size, `${name}: its size`);
      assert(
        found.equals(contentOf(name, fact.version, fact.size)),
        `${name}: its content is not version ${fact.version}`,
      );
    }
  }
  return checked;
}

const sectorBytes = 512;
/** Into so many pieces of different versions the writes of an application may have cut one sector. */
const piecesMax = 8;

/**
 * Where in `content` something begins that is of none of `origins` (each as long as the content), nor the zeros of what
 * was never written; undefined when there is nothing of the kind.
 */
export function unexplainedAt(content: Buffer, origins: readonly Buffer[]): number | undefined {
  const all = [...origins, Buffer.alloc(content.length)];
  let likely = all[0]!;
  for (let start = 0; start < content.length; start += sectorBytes) {
    const end = Math.min(start + sectorBytes, content.length);
    const isOf = (origin: Buffer): boolean => content.compare(origin, start, end, start, end) === 0;
    if (isOf(likely)) continue;
    const origin = all.find(isOf);
    if (origin !== undefined) likely = origin;
    else if (!isPatched(content, all, { start, end })) return start;
  }
  return undefined;
}

function isPatched(
  content: Buffer,
  origins: readonly Buffer[],
  { start, end }: { start: number; end: number },
): boolean {
  let at = start;
  for (let pieces = 0; at < end && pieces < piecesMax; pieces += 1) {
    at = Math.max(...origins.map((origin) => endOfMatch(content, origin, { start: at, end })));
  }
  return at === end;
}

function endOfMatch(content: Buffer, origin: Buffer, { start, end }: { start: number; end: number }): number {
  let at = start;
  while (at < end && content[at] === origin[at]) at += 1;
  return at;
}
