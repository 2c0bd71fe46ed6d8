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
  class Window {
    view: DataView = noView;
    offset = 0;
    at(view: DataView, offset: number): this {
      this.view = view;
      this.offset = offset;
      return this;
    }
  }
  let offset = 0;
  for (const [field, type] of Object.entries(fields)) {
    assert(!taken.has(field), `struct ${name}: a field may not be called ${field}, which the window itself is`);
    const start = offset;
    offset += type.size;
    const access = type.access(start, littleEndian);
    Object.defineProperty(Window.prototype, field, { ...access, enumerable: true });
  }
  assert.equal(offset, size, `struct ${name}: its fields take ${offset} bytes, ${size} were declared`);
  Object.defineProperty(Window, 'name', { value: name });
  return Object.assign(Window, { size }) as unknown as StructClass<F>;
}

export interface StructOptions {
  /** Keys of the store are big-endian so that they sort; everything else is little-endian. */
  readonly bigEndian?: boolean;
}

export interface FieldType<T> {
  readonly size: number;
  access(start: number, littleEndian: boolean): { get(this: Placed): T; set(this: Placed, value: T): void };
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

export const u8: FieldType<number> = {
  size: 1,
  access: (start) => ({
    get() {
      return this.view.getUint8(this.offset + start);
    },
    set(value) {
      this.view.setUint8(this.offset + start, value);
    },
  }),
};

export const u16: FieldType<number> = {
  size: 2,
  access: (start, le) => ({
    get() {
      return this.view.getUint16(this.offset + start, le);
    },
    set(value) {
      this.view.setUint16(this.offset + start, value, le);
    },
  }),
};

export const u32: FieldType<number> = {
  size: 4,
  access: (start, le) => ({
    get() {
      return this.view.getUint32(this.offset + start, le);
    },
    set(value) {
      this.view.setUint32(this.offset + start, value, le);
    },
  }),
};

export const s32: FieldType<number> = {
  size: 4,
  access: (start, le) => ({
    get() {
      return this.view.getInt32(this.offset + start, le);
    },
    set(value) {
      this.view.setInt32(this.offset + start, value, le);
    },
  }),
};

/** All 64 bits, as a bigint: only where all of them count. */
export const u64: FieldType<bigint> = {
  size: 8,
  access: (start, le) => ({
    get() {
      return this.view.getBigUint64(this.offset + start, le);
    },
    set(value) {
      this.view.setBigUint64(this.offset + start, value, le);
    },
  }),
};

/**
 * An unsigned 64-bit field whose values stay below 2^53; a larger one reads as `Number.MAX_SAFE_INTEGER` (a hostile
 * or "to the end" value, which every bound check then refuses or clamps).
 */
export const u53: FieldType<number> = {
  size: 8,
  access: (start, le) => ({
    get() {
      const low = this.view.getUint32(this.offset + start + (le ? 0 : 4), le);
      const high = this.view.getUint32(this.offset + start + (le ? 4 : 0), le);
      return high > 0x1fffff ? maxSafe : high * twoTo32 + low;
    },
    set(value) {
      const high = Math.floor(value / twoTo32);
      this.view.setUint32(this.offset + start + (le ? 0 : 4), value - high * twoTo32, le);
      this.view.setUint32(this.offset + start + (le ? 4 : 0), high, le);
    },
  }),
};

/** A signed 64-bit field whose values stay within ±2^53 (seconds since the epoch); one beyond is rounded. */
export const s53: FieldType<number> = {
  size: 8,
  access: (start, le) => ({
    get() {
      const low = this.view.getUint32(this.offset + start + (le ? 0 : 4), le);
      const high = this.view.getInt32(this.offset + start + (le ? 4 : 0), le);
      return high * twoTo32 + low;
    },
    set(value) {
      const high = Math.floor(value / twoTo32);
      this.view.setUint32(this.offset + start + (le ? 0 : 4), value - high * twoTo32, le);
      this.view.setInt32(this.offset + start + (le ? 4 : 0), high, le);
    },
  }),
};
