import type { ObjectState, Piece } from './tree-facts.ts';

/** How much a call has made durable: all of an object, its content alone, nothing. */
export type Sync = 'all' | 'data' | 'nothing';

/** A change that is a write of `piece`, or a call that brings `pieces`. */
export interface Edit {
  readonly piece?: Piece;
  readonly pieces?: readonly Piece[];
  readonly flags?: number;
  readonly call?: (fd: number) => Promise<void>;
}

/** A file, directory or symlink that an application knows: what it is, and which of it a power cut may still take. */
export class Thing {
  readonly id: number;
  readonly type: ObjectState['type'];
  readonly target: string | undefined;
  readonly names = new Set<string>();
  readonly formerNames = new Set<string>();
  /** All pieces that it ever had. */
  readonly origins = new Map<string, Piece>();
  size = 0;
  pieces: Piece[] = [];
  mode: number;
  xattr = '';
  /** A handle that is kept open. */
  fd: number | undefined;
  isContentDirty = false;
  areAttributesDirty = true;
  readonly dirtyNames = new Set<string>();
  isLinkCountDirty = true;

  constructor(id: number, type: ObjectState['type'], options: { target?: string; mode: number }) {
    this.id = id;
    this.type = type;
    this.target = options.target;
    this.mode = options.mode;
  }

  addName(name: string): void {
    this.names.add(name);
    this.dirtyNames.add(name);
    this.isLinkCountDirty = true;
  }

  removeName(name: string): void {
    this.names.delete(name);
    this.formerNames.add(name);
    this.dirtyNames.delete(name);
    this.isLinkCountDirty = true;
  }

  cover(piece: Piece): void {
    if (piece.to === piece.from) return;
    this.cut(piece.from, piece.to);
    this.pieces.push(piece);
    this.size = Math.max(this.size, piece.to);
  }

  /** The range is zeros now. */
  cut(from: number, to: number): void {
    this.pieces = this.pieces.flatMap((piece) => [
      ...clip(piece, 0, from),
      ...clip(piece, to, Number.MAX_SAFE_INTEGER),
    ]);
    this.#contentChanged();
  }

  resize(size: number): void {
    this.cut(size, Number.MAX_SAFE_INTEGER);
    this.size = size;
  }

  attributesChanged(): void {
    this.areAttributesDirty = true;
  }

  synced(sync: Sync): void {
    if (sync === 'nothing') return;
    // Any sync of a file covers its names too.
    this.isContentDirty = false;
    this.dirtyNames.clear();
    if (sync === 'data') return;
    this.areAttributesDirty = false;
    this.isLinkCountDirty = false;
  }

  /** The directory of `name` was synced, and with it the count of links if that `wasClean` before. */
  nameSynced(name: string, wasClean: boolean): void {
    this.dirtyNames.delete(name);
    if (wasClean) this.isLinkCountDirty = false;
  }

  /** What a power cut cannot take. `mtime` is the present one. */
  promised(mtime: string): ObjectState {
    const hasContent = this.type === 'file' && !this.isContentDirty;
    return {
      type: this.type,
      ...(hasContent ? { size: this.size, pieces: this.pieces } : {}),
      ...(this.target === undefined ? {} : { target: this.target }),
      ...(this.areAttributesDirty || this.type === 'symlink' ? {} : { mode: this.mode }),
      ...(this.areAttributesDirty || this.type !== 'file' ? {} : { mtime, xattr: this.xattr }),
      ...(this.isLinkCountDirty || this.type === 'directory' ? {} : { nlink: this.names.size }),
    };
  }

  #contentChanged(): void {
    this.isContentDirty = true;
    this.areAttributesDirty = true;
  }
}

/** The part of a piece within [from, to), if any. */
export function clip(piece: Piece, from: number, to: number): Piece[] {
  const start = Math.max(piece.from, from);
  const end = Math.min(piece.to, to);
  return end > start ? [{ ...piece, from: start, to: end }] : [];
}
