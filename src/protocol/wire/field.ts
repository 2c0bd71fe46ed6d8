import { fail, type Status } from '#base';
import { broken, type Reader } from './reader.ts';
import type { Writer } from './writer.ts';

/** How one field of a message is written and read. */
export interface Field<T> {
  /** What values it takes: tests make messages from it. */
  readonly shape: Shape;
  write(writer: Writer, value: T): void;
  read(reader: Reader): T;
}

export type Shape =
  | { readonly kind: 'integer'; readonly min: number; readonly max: number }
  | { readonly kind: 'boolean' }
  | { readonly kind: 'bytes'; readonly max: number; readonly as: 'latin1' | 'utf8' | 'hex' | 'bytes' }
  | { readonly kind: 'choice'; readonly values: readonly unknown[] }
  | { readonly kind: 'maybe'; readonly of: Shape }
  | { readonly kind: 'either'; readonly of: readonly Shape[] }
  | { readonly kind: 'list'; readonly of: Shape; readonly max: number }
  | { readonly kind: 'record'; readonly fields: Readonly<Record<string, { shape: Shape; mayMiss?: true }>> }
  | { readonly kind: 'caller' }
  | { readonly kind: 'nothing' };

const maxSafe = Number.MAX_SAFE_INTEGER;

export const u8: Field<number> = integer(0xff, 'u8');
export const u16: Field<number> = integer(0xffff, 'u16');
export const u32: Field<number> = integer(0xffffffff, 'u32');

function integer(max: number, method: 'u8' | 'u16' | 'u32'): Field<number> {
  const shape = { kind: 'integer', min: 0, max } as const;
  if (method === 'u8') return { shape, write: (writer, value) => writer.u8(value), read: (reader) => reader.u8() };
  if (method === 'u16') return { shape, write: (writer, value) => writer.u16(value), read: (reader) => reader.u16() };
  return { shape, write: (writer, value) => writer.u32(value), read: (reader) => reader.u32() };
}

/** A whole number from 0 to 2^53 - 1, under whatever brand. */
export function u53<T extends number = number>(): Field<T> {
  return {
    shape: { kind: 'integer', min: 0, max: maxSafe },
    write: (writer, value) => writer.u53(value),
    read: (reader) => reader.u53() as T,
  };
}

export const s53: Field<number> = {
  shape: { kind: 'integer', min: -maxSafe, max: maxSafe },
  write: (writer, value) => writer.u53(value),
  read: (reader) => reader.s53(),
};

export const bool: Field<boolean> = {
  shape: { kind: 'boolean' },
  write: (writer, value) => writer.u8(value ? 1 : 0),
  read: (reader) => reader.flag(),
};

/** A string of bytes, one char each; a longer one is refused with `status`. */
export function byteString(max: number, status: Status = 'argumentTooLong'): Field<string> {
  return {
    shape: { kind: 'bytes', max, as: 'latin1' },
    write: (writer, value) => {
      if (value.length > max) fail(status, `${value.length} bytes, at most ${max} travel`);
      writer.u16(value.length);
      writer.latin1(value);
    },
    read: (reader) => reader.latin1(lengthOf(reader.u16(), max)),
  };
}

/** Text for people. */
export function text(max: number): Field<string> {
  return {
    shape: { kind: 'bytes', max, as: 'utf8' },
    write: (writer, value) => {
      const length = Buffer.byteLength(value);
      if (length > max) fail('argumentTooLong', `a text of ${length} bytes, at most ${max} travel`);
      writer.u16(length);
      writer.utf8(value, length);
    },
    read: (reader) => reader.utf8(lengthOf(reader.u16(), max)),
  };
}

/** 64 bits that are kept as 16 hexadecimal digits. */
export const hex64: Field<string> = {
  shape: { kind: 'bytes', max: 8, as: 'hex' },
  write: (writer, value) => {
    if (!/^[0-9a-f]{16}$/.test(value)) fail('invalid', `${JSON.stringify(value)} is not 16 hexadecimal digits`);
    writer.u32(Number.parseInt(value.slice(0, 8), 16));
    writer.u32(Number.parseInt(value.slice(8), 16));
  },
  read: (reader) => hex32(reader.u32()) + hex32(reader.u32()),
};

/** Bytes within a message; a copy is made. */
export function bytes(max: number): Field<Uint8Array> {
  return {
    shape: { kind: 'bytes', max, as: 'bytes' },
    write: (writer, value) => {
      if (value.length > max) fail('argumentTooLong', `${value.length} bytes, at most ${max} travel`);
      writer.u32(value.length);
      writer.bytes(value);
    },
    read: (reader) => reader.bytes(lengthOf(reader.u32(), max)),
  };
}

/** All that follows: the content that a read or write is about, never copied when it is long. The last field. */
export function bulk(max: number): Field<Uint8Array> {
  return {
    shape: { kind: 'bytes', max, as: 'bytes' },
    write: (writer, value) => {
      if (value.length > max) fail('argumentTooLong', `${value.length} bytes of content, at most ${max} travel`);
      writer.bulk(value);
    },
    read: (reader) => {
      lengthOf(reader.left, max);
      return reader.bulk();
    },
  };
}

/** One of a few strings; their order is the wire's, so that a new one comes last. */
export function choice<const T extends string>(...values: T[]): Field<T> {
  return {
    shape: { kind: 'choice', values },
    write: (writer, value) => writer.u8(values.indexOf(value)),
    read: (reader) => {
      const index = reader.u8();
      return values[index] ?? broken(`choice ${index} of ${values.length}`);
    },
  };
}

/** A value or undefined. */
export function maybe<T>(of: Field<T>): Field<T | undefined> {
  return {
    shape: { kind: 'maybe', of: of.shape },
    write: (writer, value) => {
      writer.u8(value === undefined ? 0 : 1);
      if (value !== undefined) of.write(writer, value);
    },
    read: (reader) => (reader.flag() ? of.read(reader) : undefined),
  };
}

/** At most `max` elements of at least `elementBytes` each. */
export function list<T>(of: Field<T>, max: number, elementBytes: number): Field<T[]> {
  return {
    shape: { kind: 'list', of: of.shape, max },
    write: (writer, value) => {
      if (value.length > max) fail('argumentTooLong', `a list of ${value.length}, at most ${max} travel`);
      writer.u32(value.length);
      for (const element of value) of.write(writer, element);
    },
    read: (reader) => {
      const count = reader.u32();
      if (count > max || count * elementBytes > reader.left) broken(`a list of ${count} in ${reader.left} bytes`);
      const elements: T[] = [];
      for (let index = 0; index < count; index++) elements.push(of.read(reader));
      return elements;
    },
  };
}

/** A reply that says only that it is done. */
export const nothing: Field<void> = { shape: { kind: 'nothing' }, write: () => undefined, read: () => undefined };

function lengthOf(length: number, max: number): number {
  if (length > max) broken(`${length} bytes, at most ${max} travel`);
  return length;
}

function hex32(value: number): string {
  return value.toString(16).padStart(8, '0');
}
