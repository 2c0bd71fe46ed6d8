import { strict as assert } from 'node:assert';

/**
 * Fixed binary layouts, declared once and read through movable windows: `struct(name, size, fields)` gives a class
 * whose instances are placed over bytes with `at(view, offset)` and then have one property per field. Placing and
 * reading allocate nothing (except `u64`, a bigint). The declared size is checked when the module loads.
 *
 * A window never leaves its room and never crosses an `await`: the bytes below it belong to someone else.
 */
export function struct<F extends Fields>(
  name: string,
  size: number,
  fields: F,
  options: StructOptions = {},
): StructClass<F> {
  const littleEndian = !(options.bigEndian ?? false);
  const accessors: string[] = [];
  let offset = 0;
  for (const [field, type] of Object.entries(fields)) {
    assert(/^[a-z]\w*$/i.test(field), `struct ${name}: ${field} is no name of a field`);
    assert(!taken.has(field), `struct ${name}: a field may not be called ${field}, which the window itself is`);
    const { get, set } = type.access(offset, littleEndian);
    accessors.push(`get ${field}() { ${get} }`, `set ${field}(value) { ${set} }`);
    offset += type.size;
  }
  assert.equal(offset, size, `struct ${name}: its fields take ${offset} bytes, ${size} were declared`);
  // Generated, so that each struct has code of its own which V8 inlines: closures made in one place share what V8
  // learns about them, and with the 40 structs of the kernel protocol every access became a generic one (20 ns; 2).
  const make = new Function('noView', `return class Window { ${windowBody} ${accessors.join(' ')} };`);
  const Window: StructClass<F> = make(noView);
  Object.defineProperty(Window, 'name', { value: name });
  return Object.assign(Window, { size });
}

const windowBody =
  'view = noView; offset = 0; at(view, offset) { this.view = view; this.offset = offset; return this; }';

export interface StructOptions {
  /** Keys of the store are big-endian so that they sort; everything else is little-endian. */
  readonly bigEndian?: boolean;
}

/** How a field of a struct is read and written, as the bodies of a getter and of a setter of `value`. */
export interface FieldType<T> {
  readonly size: number;
  access(start: number, littleEndian: boolean): { get: string; set: string };
  /** Never there: carries the type of the value. */
  readonly value?: T;
}
export type Fields = Record<string, FieldType<number> | FieldType<bigint>>;
export interface Placed {
  view: DataView;
  offset: number;
}
export type Window<F extends Fields> = Placed & {
  at(view: DataView, offset: number): Window<F>;
} & { -readonly [K in keyof F]: F[K] extends FieldType<infer T> ? T : never };
export interface StructClass<F extends Fields> {
  new (): Window<F>;
  readonly size: number;
}

const noView = new DataView(new ArrayBuffer(0));
/** The window's own properties, which would hide fields of the same names. */
const taken = new Set(['view', 'offset', 'at']);
const twoTo32 = 4294967296;
const maxSafe = Number.MAX_SAFE_INTEGER;

/** A field that DataView itself reads and writes. */
function plain<T>(size: number, kind: string): FieldType<T> {
  return {
    size,
    access(start, littleEndian) {
      const at = `this.offset + ${start}`;
      return {
        get: `return this.view.get${kind}(${at}, ${littleEndian});`,
        set: `this.view.set${kind}(${at}, value, ${littleEndian});`,
      };
    },
  };
}

/** A field of 64 bits in two halves, the upper one read and written as `highKind`. */
function halves(highKind: string, combine: string): FieldType<number> {
  return {
    size: 8,
    access(start, littleEndian) {
      const low = `this.offset + ${start + (littleEndian ? 0 : 4)}`;
      const high = `this.offset + ${start + (littleEndian ? 4 : 0)}`;
      return {
        get:
          `const low = this.view.getUint32(${low}, ${littleEndian});` +
          `const high = this.view.get${highKind}(${high}, ${littleEndian});` +
          `return ${combine};`,
        set:
          `const high = Math.floor(value / ${twoTo32});` +
          `this.view.setUint32(${low}, value - high * ${twoTo32}, ${littleEndian});` +
          `this.view.set${highKind}(${high}, high, ${littleEndian});`,
      };
    },
  };
}

export const u8: FieldType<number> = plain(1, 'Uint8');
export const u16: FieldType<number> = plain(2, 'Uint16');
export const u32: FieldType<number> = plain(4, 'Uint32');
export const s32: FieldType<number> = plain(4, 'Int32');

/** All 64 bits, as a bigint: only where all of them count. */
export const u64: FieldType<bigint> = plain(8, 'BigUint64');

/**
 * An unsigned 64-bit field whose values stay below 2^53; a larger one reads as `Number.MAX_SAFE_INTEGER` (a hostile
 * or "to the end" value, which every bound check then refuses or clamps).
 */
export const u53: FieldType<number> = halves('Uint32', `high > 0x1fffff ? ${maxSafe} : high * ${twoTo32} + low`);

/** A signed 64-bit field whose values stay within ±2^53 (seconds since the epoch); one beyond is rounded. */
export const s53: FieldType<number> = halves('Int32', `high * ${twoTo32} + low`);
