import { strict as assert } from 'node:assert';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What an application was promised by a returned fsync(2), or that it is changing a file and expects nothing of it. */
export type Promised =
  | { kind: 'is'; name: string; version: number; size: number }
  | { kind: 'absent'; name: string }
  | { kind: 'changing'; name: string };

/** Content that tells which file and version it is of, at every offset. */
export function contentOf(name: string, version: number, size: number): Buffer {
  return Buffer.alloc(size, `${name} version ${version}, `);
}

/** The last word on each file in the record of an application. */
export function lastPromises(record: readonly Promised[]): Map<string, Promised> {
  return new Map(record.map((fact) => [fact.name, fact]));
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
