/**
 * The content of a small file as one array of bytes that is never changed, only replaced. It ends where the last
 * data do: from there to the size of the inode the file is zeros.
 */

const nothing = new Uint8Array(0);

/** Bytes of a file of `size` bytes, fewer than `length` at its end; a view of the content where that has them all. */
export function readInline(
  content: Uint8Array | undefined,
  size: number,
  range: { offset: number; length: number },
): Uint8Array {
  const { offset } = range;
  const end = Math.min(offset + range.length, size);
  if (end <= offset) return nothing;
  const stored = content?.length ?? 0;
  if (end <= stored) return content!.subarray(offset, end);
  const bytes = new Uint8Array(end - offset);
  if (offset < stored) bytes.set(content!.subarray(offset), 0);
  return bytes;
}

/** The content after a write of `data`. */
export function writeInline(content: Uint8Array | undefined, offset: number, data: Uint8Array): Uint8Array {
  const stored = content?.length ?? 0;
  const bytes = allocate(Math.max(stored, offset + data.length));
  if (content !== undefined && (offset > 0 || data.length < stored)) bytes.set(content, 0);
  bytes.set(data, offset);
  return bytes;
}

/**
 * Memory of its own costs a small array 250 ns more than a piece of a slab. A slab lives as long as any piece of it,
 * so both are small.
 */
const slabBytes = 4096;
const pieceMaxBytes = 1024;
let slab = new ArrayBuffer(slabBytes);
let slabUsed = 0;

/** Zeros that nobody else has. */
function allocate(size: number): Uint8Array {
  if (size > pieceMaxBytes) return new Uint8Array(size);
  if (slabUsed + size > slabBytes) {
    slab = new ArrayBuffer(slabBytes);
    slabUsed = 0;
  }
  const piece = new Uint8Array(slab, slabUsed, size);
  slabUsed += size;
  return piece;
}

/** The content with zeros from `offset` to `end`, shorter where they reach its end; undefined when none is left. */
export function clearInline(content: Uint8Array | undefined, offset: number, end: number): Uint8Array | undefined {
  if (content === undefined || offset >= content.length) return content;
  if (end >= content.length) return offset === 0 ? undefined : content.slice(0, offset);
  return content.slice().fill(0, offset, end);
}
