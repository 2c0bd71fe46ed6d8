/** Up to this size V8 keeps a typed array's bytes beside it, for 50 ns; a larger one has memory of its own, for 700. */
const inlineBytes = 64;
/** Values between the two sizes share slabs. A value that is kept for long keeps its slab, so slabs are small. */
const sharedBytes = 256;
const slabBytes = 2048;

let slab = new ArrayBuffer(slabBytes);
let used = 0;

/** A copy of the first `size` bytes of `source` that stays as it is. */
export function ownCopy(source: Uint8Array, size: number): Uint8Array {
  const copy = allocate(size);
  if (size > 192) copy.set(new Uint8Array(source.buffer, source.byteOffset, size));
  else for (let i = 0; i < size; i++) copy[i] = source[i]!;
  return copy;
}

function allocate(size: number): Uint8Array {
  if (size <= inlineBytes || size > sharedBytes) return new Uint8Array(size);
  if (used + size > slabBytes) {
    slab = new ArrayBuffer(slabBytes);
    used = 0;
  }
  const view = new Uint8Array(slab, used, size);
  used += size;
  return view;
}
