// Frames captured from a real kernel by capture-golden.testing.ts.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A request and the reply that it got; none for FORGET and its like. */
export interface Exchange {
  readonly request: Buffer;
  readonly reply: Buffer | undefined;
}

export type GoldenName = 'protocol-45' | 'protocol-31';

/** The exchanges of one mount, INIT first, in the order of the requests. */
export function golden(name: GoldenName): Exchange[] {
  const text = readFileSync(join(import.meta.dirname, 'golden', `${name}.json`), 'utf8');
  return (JSON.parse(text) as [string, string | null][]).map(([request, reply]) => ({
    request: Buffer.from(request, 'hex'),
    reply: reply === null ? undefined : Buffer.from(reply, 'hex'),
  }));
}
