import { type FsError, fail } from '#base';
import { calls } from '../calls.table.ts';
import { pushes } from '../pushes.table.ts';
import { sessionCalls } from '../session-calls.table.ts';
import { answerOf } from './answer.ts';
import { failure, fromFailure, toFailure } from './failure.ts';
import type { Field } from './field.ts';
import { pushMessages } from './push-messages.table.ts';
import { Reader } from './reader.ts';
import { replies } from './replies.table.ts';
import { requests } from './requests.table.ts';
import { sessionReplies, sessionRequests } from './session-messages.table.ts';
import { Writer } from './writer.ts';

/** One direction: what `MessageCodec` of the transport asks for. */
interface MessageCodec {
  encode(code: number, message: unknown): readonly Uint8Array[];
  decode(code: number, bytes: Uint8Array): unknown;
}

interface FailureCodec {
  encode(error: unknown): readonly Uint8Array[];
  decode(bytes: Uint8Array): FsError;
}

export interface WireCodec {
  readonly requests: MessageCodec;
  readonly replies: MessageCodec;
  readonly pushes: MessageCodec;
  readonly failures: FailureCodec;
}

export interface CodecOptions {
  /**
   * How replies of a volume's calls travel: wrapped in an `Answer`, as sessions have them, or bare, for a server
   * without sessions. Default: `answer`. Both sides must agree.
   */
  readonly replies?: 'answer' | 'bare';
}

/**
 * The messages of this room as bytes, structurally the transport's `Codec`. Encoding fails with `argumentTooLong`,
 * `nameTooLong` or `range` for what is beyond a bound of `limits.ts`, and with `notImplemented` for an unknown number;
 * decoding likewise for an unknown number, and with `invalid` for bytes that are no such message.
 */
export function createCodec(options: CodecOptions = {}): WireCodec {
  const writer = new Writer();
  const reader = new Reader();
  const ofVolume = options.replies === 'bare' ? replies : mapFields(replies, answerOf);
  const codecOf = (fields: readonly (Field<unknown> | undefined)[], what: string): MessageCodec => ({
    encode(code, message) {
      const field = fields[code] ?? unknown(what, code);
      writer.begin();
      field.write(writer, message);
      return writer.finish();
    },
    decode(code, bytes) {
      const field = fields[code] ?? unknown(what, code);
      reader.begin(bytes);
      return field.read(reader);
    },
  });
  return {
    requests: codecOf(merge(byCode(calls, requests), byCode(sessionCalls, sessionRequests)), 'call'),
    replies: codecOf(merge(byCode(calls, ofVolume), byCode(sessionCalls, sessionReplies)), 'call'),
    pushes: codecOf(byCode(pushes, pushMessages), 'push'),
    failures: {
      encode(error) {
        writer.begin();
        failure.write(writer, toFailure(error));
        return writer.finish();
      },
      decode(bytes) {
        reader.begin(bytes);
        return fromFailure(failure.read(reader));
      },
    },
  };
}

type Fields = readonly (Field<unknown> | undefined)[];

function byCode(codes: Record<string, { readonly code: number }>, table: Record<string, Field<unknown>>): Fields {
  const fields: (Field<unknown> | undefined)[] = [];
  for (const [name, { code }] of Object.entries(codes)) fields[code] = table[name]!;
  return fields;
}

function merge(one: Fields, other: Fields): Fields {
  return Array.from({ length: Math.max(one.length, other.length) }, (_, code) => one[code] ?? other[code]);
}

function mapFields(
  table: Record<string, Field<unknown>>,
  map: (field: Field<unknown>) => Field<unknown>,
): Record<string, Field<unknown>> {
  return Object.fromEntries(Object.entries(table).map(([name, field]) => [name, map(field)]));
}

function unknown(what: string, code: number): never {
  fail('notImplemented', `${what} ${code}`);
}
