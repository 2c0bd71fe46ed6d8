import fc from 'fast-check';
import type { Caller } from '../caller.ts';
import { calls } from '../calls.table.ts';
import { fromPlainCaller, toPlainCaller } from '../plain-caller.ts';
import { pushes } from '../pushes.table.ts';
import { sessionCalls } from '../session-calls.table.ts';
import { answerOf } from './answer.ts';
import type { WireCodec } from './codec.ts';
import type { Field, Shape } from './field.ts';
import { pushMessages } from './push-messages.table.ts';
import { replies } from './replies.table.ts';
import { requests } from './requests.table.ts';
import { sessionReplies, sessionRequests } from './session-messages.table.ts';

/** Every message there is, for the tests. */
export interface MessageKind {
  /** As in `request lookup`. */
  readonly title: string;
  readonly direction: 'requests' | 'replies' | 'pushes';
  readonly code: number;
  readonly field: Field<unknown>;
}

const answers = Object.fromEntries(Object.entries(replies).map(([name, field]) => [name, answerOf<unknown>(field)]));

export const messageKinds: readonly MessageKind[] = [
  ...kindsOf('request', 'requests', calls, requests),
  ...kindsOf('request', 'requests', sessionCalls, sessionRequests),
  ...kindsOf('reply', 'replies', calls, answers),
  ...kindsOf('reply', 'replies', sessionCalls, sessionReplies),
  ...kindsOf('push', 'pushes', pushes, pushMessages),
];

function kindsOf(
  word: string,
  direction: MessageKind['direction'],
  codes: Record<string, { readonly code: number }>,
  table: Record<string, Field<unknown>>,
): MessageKind[] {
  return Object.entries(codes).map(([name, { code }]) => {
    return { title: `${word} ${name}`, direction, code, field: table[name]! };
  });
}

/** The message in one piece, of its own. */
export function encoded(codec: WireCodec, { direction, code }: MessageKind, message: unknown): Uint8Array {
  return Uint8Array.from(Buffer.concat(codec[direction].encode(code, message)));
}

/** Values that a field of this shape takes, the extremes among them. */
export function arbitraryOf(shape: Shape): fc.Arbitrary<unknown> {
  switch (shape.kind) {
    case 'integer':
      return fc.oneof(fc.maxSafeInteger(), fc.constantFrom(shape.min, shape.max, 0, 1)).map((value) => {
        return value < shape.min || value > shape.max ? Math.abs(value) % (shape.max + 1) : value;
      });
    case 'boolean':
      return fc.boolean();
    case 'choice':
      return fc.constantFrom(...shape.values);
    case 'bytes':
      return bytesOf(shape);
    case 'maybe':
      return fc.option(arbitraryOf(shape.of), { nil: undefined });
    case 'either':
      return fc.oneof(...shape.of.map(arbitraryOf));
    case 'list':
      return fc.array(arbitraryOf(shape.of), { maxLength: Math.min(shape.max, 20) });
    case 'record':
      return recordOf(shape.fields);
    case 'caller':
      return callers;
    case 'nothing':
      return fc.constant(undefined);
  }
}

function bytesOf({ as, max }: Shape & { kind: 'bytes' }): fc.Arbitrary<unknown> {
  const content = fc.oneof(
    fc.uint8Array({ maxLength: Math.min(max, 300) }),
    fc.integer({ min: 0, max: Math.min(max, 20_000) }).map((length) => new Uint8Array(length).fill(length)),
  );
  if (as === 'bytes') return content;
  if (as === 'latin1') return content.map((bytes) => Buffer.from(bytes).toString('latin1'));
  if (as === 'hex') return fc.stringMatching(/^[0-9a-f]{16}$/);
  return fc.string({ unit: 'grapheme', maxLength: Math.min(Math.floor(max / 50), 50) });
}

function recordOf(fields: (Shape & { kind: 'record' })['fields']): fc.Arbitrary<unknown> {
  const entries = Object.entries(fields);
  const mayMiss = entries.some(([, field]) => field.mayMiss);
  const arbitraries = Object.fromEntries(entries.map(([name, { shape }]) => [name, arbitraryOf(shape)]));
  const requiredKeys = entries.filter(([, field]) => !field.mayMiss).map(([name]) => name);
  const constraints = { noNullPrototype: true };
  return mayMiss ? fc.record(arbitraries, { ...constraints, requiredKeys }) : fc.record(arbitraries, constraints);
}

const u32 = fc.integer({ min: 0, max: 0xffffffff });
const callers: fc.Arbitrary<Caller> = fc
  .oneof(
    fc.record({ uid: u32, gid: u32, identity: fc.constant('unknown' as const) }),
    fc.record({
      uid: u32,
      gid: u32,
      identity: fc.constant('known' as const),
      groups: fc.array(u32),
      capabilities: fc.nat({ max: 2 ** 31 - 1 }).map((bits) => bits * 2 ** 10 + (bits & 0x3ff)),
    }),
  )
  .map((plain) => fromPlainCaller({ checked: false, groups: [], capabilities: 0, ...plain }));

/** The message with its callers as data and its bytes as plain arrays, to be compared and shown. */
export function plain(message: unknown): unknown {
  if (message instanceof Uint8Array) return Array.from(message);
  if (Array.isArray(message)) return message.map(plain);
  if (typeof message !== 'object' || message === null) return message;
  return Object.fromEntries(
    Object.entries(message).map(([name, value]) => {
      if (name !== 'caller') return [name, plain(value)];
      const caller = value as Caller;
      return [name, toPlainCaller(caller, caller.identity ?? 'unknown')];
    }),
  );
}
