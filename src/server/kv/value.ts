/** A value that is written as an object, and becomes bytes where the engine wants them. It must not change. */
export interface LazyValue {
  /** How many bytes it takes. */
  readonly length: number;
  /** Writes all of them at `offset`. */
  encodeInto(view: DataView, offset: number): void;
}
export type KvValue = Uint8Array | LazyValue;

export function bytesOf(value: KvValue): Uint8Array {
  if (value instanceof Uint8Array) return value;
  const bytes = new Uint8Array(value.length);
  value.encodeInto(new DataView(bytes.buffer), 0);
  return bytes;
}
