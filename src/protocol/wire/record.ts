import { strict as assert } from 'node:assert';
import { bulk, type Field, type Shape } from './field.ts';
import type { Reader } from './reader.ts';
import type { Writer } from './writer.ts';

/**
 * A field whose property may be missing in the message (`mayMiss`), or in the bytes of an older sender (`appended`).
 */
export interface OptionalField<T> extends Field<T> {
  readonly mayMiss: true;
}
export interface AppendedField<T> extends Field<T> {
  readonly appended: true;
  readonly fallback: T;
}

/** One field per property of `T`, in the order of the wire. */
export type RecordFields<T> = {
  readonly [K in keyof T]-?: Record<never, never> extends Pick<T, K> ? OptionalField<NonNullable<T[K]>> : Field<T[K]>;
};

/** A property that may be missing. */
export function optional<T>(field: Field<T>): OptionalField<T> {
  return { ...field, mayMiss: true };
}

/** A field that a later version added at the end: from an older sender it reads as `fallback`. */
export function appended<T>(field: Field<T>, fallback: T): AppendedField<T> {
  return { ...field, appended: true, fallback };
}

/**
 * Fields one after another, without anything around them: a whole message, whose end is that of its bytes. A reader
 * leaves alone what follows its own last field, which is how fields are appended.
 */
export function fields<T>(table: RecordFields<T>): Field<T> {
  const entries = Object.entries(table as Record<string, Field<unknown>>);
  const shape: Shape = {
    kind: 'record',
    fields: Object.fromEntries(
      entries.map(([name, field]) => [
        name,
        'mayMiss' in field ? { shape: field.shape, mayMiss: true } : { shape: field.shape },
      ]),
    ),
  };
  const writes: string[] = [];
  const reads: string[] = [];
  const properties: string[] = [];
  const late: string[] = [];
  for (const [index, [name, field]] of entries.entries()) {
    assert(/^[a-z]\w*$/i.test(name), `${name} is no name of a field`);
    const read = `read${index}(reader)`;
    if ('mayMiss' in field) {
      writes.push(
        `if (value.${name} === undefined) writer.u8(0); else { writer.u8(1); write${index}(writer, value.${name}); }`,
      );
      reads.push(`const has${index} = reader.flag(); const f${index} = has${index} ? ${read} : undefined;`);
      late.push(`if (has${index}) message.${name} = f${index};`);
      continue;
    }
    writes.push(`write${index}(writer, value.${name});`);
    reads.push(`const f${index} = ${'appended' in field ? `reader.left === 0 ? fallback${index} : ` : ''}${read};`);
    properties.push(`${name}: f${index}`);
  }
  // Generated, so that each message has code of its own which V8 inlines, and an object of one shape: see base/struct.ts.
  const names = entries.flatMap((_, index) => [`write${index}`, `read${index}`, `fallback${index}`]);
  const values = entries.flatMap(([, field]) => [
    field.write,
    field.read,
    'appended' in field ? (field as AppendedField<unknown>).fallback : undefined,
  ]);
  const make = new Function(
    ...names,
    `return {
      write(writer, value) { ${writes.join(' ')} },
      read(reader) { ${reads.join(' ')} const message = { ${properties.join(', ')} }; ${late.join(' ')} return message; },
    };`,
  );
  const code: { write(writer: Writer, value: T): void; read(reader: Reader): T } = make(...values);
  return { shape, write: code.write, read: code.read };
}

/** A record within a message: its length comes first, so that a reader can skip what a newer version appended. */
export function record<T>(table: RecordFields<T>): Field<T> {
  return measured(fields(table));
}

/** `field` with its length before it. */
export function measured<T>(field: Field<T>): Field<T> {
  const { shape, write, read } = field;
  return {
    shape,
    write: (writer, value) => {
      const place = writer.beginRecord();
      write(writer, value);
      writer.endRecord(place);
    },
    read: (reader) => {
      const outerEnd = reader.beginRecord();
      const value = read(reader);
      reader.endRecord(outerEnd);
      return value;
    },
  };
}

/** A message whose last property, `last`, is content: a record with the others, then the bytes until the end. */
export function withBulk<T, K extends keyof T & string>(
  last: K,
  table: RecordFields<Omit<T, K>>,
  max: number,
): Field<T> {
  const head = record<Omit<T, K>>(table);
  const content = bulk(max);
  const shape: Shape = {
    kind: 'record',
    fields: { ...(head.shape.kind === 'record' ? head.shape.fields : {}), [last]: content },
  };
  return {
    shape,
    write(writer, value) {
      head.write(writer, value);
      content.write(writer, value[last] as Uint8Array);
    },
    read(reader) {
      const message = head.read(reader) as Record<string, unknown>;
      message[last] = content.read(reader);
      return message as T;
    },
  };
}
