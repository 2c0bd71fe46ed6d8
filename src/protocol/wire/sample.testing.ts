import { fromPlainCaller } from '../plain-caller.ts';
import type { Shape } from './field.ts';

/** One value of a shape, the same every time, in which no two numbers are equal by chance. */
export function sampleOf(shape: Shape, seed = { next: 1 }): unknown {
  switch (shape.kind) {
    case 'integer':
      return integerOf(shape.max, seed.next++);
    case 'boolean':
      return seed.next++ % 2 === 0;
    case 'choice':
      return shape.values[seed.next++ % shape.values.length];
    case 'bytes':
      return bytesOf(shape, seed.next++);
    case 'maybe':
      return sampleOf(shape.of, seed);
    case 'either':
      return sampleOf(shape.of[seed.next++ % shape.of.length]!, seed);
    case 'list':
      return [sampleOf(shape.of, seed), sampleOf(shape.of, seed)];
    case 'record':
      return Object.fromEntries(
        Object.entries(shape.fields).map(([name, field]) => [name, sampleOf(field.shape, seed)]),
      );
    case 'caller':
      return callerOf(seed.next++);
    case 'nothing':
      return undefined;
  }
}

function integerOf(max: number, number: number): number {
  if (max < 0x10000) return number;
  return max === 0xffffffff ? 0x10000000 + number : 0x10000000000000 + number;
}

function bytesOf({ as, max }: Shape & { kind: 'bytes' }, number: number): unknown {
  const content = Buffer.from(`${number} \u00e9`, 'latin1').subarray(0, max);
  if (as === 'hex') return number.toString(16).padStart(16, '0123456789abcdef');
  if (as === 'bytes') return Uint8Array.from(content);
  return content.toString('latin1');
}

function callerOf(number: number) {
  const known = { identity: 'known', groups: [number + 2, number + 3], capabilities: 2 ** 40 + number } as const;
  const unknown = { identity: 'unknown', groups: [], capabilities: 0 } as const;
  const ids = { uid: number, gid: number + 1, checked: false };
  return fromPlainCaller({ ...ids, ...(number % 3 === 0 ? unknown : known) });
}
