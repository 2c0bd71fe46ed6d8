import { strict as assert } from 'node:assert';
import { contentOf, unexplainedAt } from './promised.ts';
import type { StoredVolume } from './stored-volume.ts';

/** A part of a file's content: of which object and version the bytes are. What no piece covers is zeros. */
export interface Piece {
  readonly from: number;
  readonly to: number;
  readonly id: number;
  readonly version: number;
}

/** What was promised of a file, directory or symlink; a field that is missing was not. */
export interface ObjectState {
  readonly type: 'file' | 'directory' | 'symlink';
  readonly size?: number;
  readonly pieces?: readonly Piece[];
  readonly target?: string;
  readonly mode?: number;
  /** Nanoseconds since 1970, in decimal. */
  readonly mtime?: string;
  /** The value of user.test; empty: there is none. */
  readonly xattr?: string;
  readonly nlink?: number;
}

/** What an application that changes a tree was promised, or what it is changing and expects nothing of. */
export type TreeFact =
  | { kind: 'object'; id: number; names: readonly string[]; state: ObjectState }
  /**
   * Each name may mean the object before the change, after it, or nothing. `pieces` may appear in it, and under former
   * names too, which a power cut may bring back.
   */
  | {
      kind: 'changing';
      id: number;
      names: readonly string[];
      formerNames: readonly string[];
      pieces: readonly Piece[];
    }
  | { kind: 'gone'; name: string };

const fileType = { file: 0o100000, directory: 0o040000, symlink: 0o120000 } as const;

/** The bytes that the pieces of a file say. */
export function contentOfPieces(pieces: readonly Piece[], size: number): Buffer {
  const content = Buffer.alloc(size);
  for (const piece of pieces) originOf(piece, size).copy(content, piece.from, piece.from, Math.min(piece.to, size));
  return content;
}

export function originOf({ id, version }: Piece, size: number): Buffer {
  return contentOf(`object-${id}`, version, size);
}

/** The bytes of a piece itself. */
export function bytesOf(piece: Piece): Buffer {
  return originOf(piece, piece.to).subarray(piece.from);
}

/** The facts of a tree below a directory until a moment, and whether they are so in a volume. */
export class TreeRecord {
  readonly #objects = new Map<number, TreeFact & { kind: 'object' | 'changing' }>();
  /** What each name means: an object's number, nothing, or nobody knows. */
  readonly #names = new Map<string, number | 'nothing' | 'unknown'>();
  /** Whatever the file of a name may hold, by name and origin. */
  readonly #origins = new Map<string, Map<string, Piece>>();

  add(fact: TreeFact): void {
    if (fact.kind === 'gone') {
      this.#names.set(fact.name, 'nothing');
      return;
    }
    this.#objects.set(fact.id, fact);
    for (const name of fact.names) this.#names.set(name, fact.kind === 'object' ? fact.id : 'unknown');
    if (fact.kind === 'object') return;
    for (const name of [...fact.names, ...fact.formerNames]) {
      for (const piece of fact.pieces) this.#originsOf(name).set(`${piece.id} ${piece.version}`, piece);
    }
  }

  /** Fails unless the volume has kept every promise below `directory`; returns how many. */
  async check(volume: StoredVolume, directory: string): Promise<number> {
    let kept = 0;
    const unknown = new Set(this.#origins.keys());
    for (const [name, meaning] of this.#names) {
      if (meaning === 'unknown') continue;
      const found = await volume.find(`${directory}/${name}`);
      if (meaning === 'nothing') assert(found === undefined, `${name} was removed, and is there again`);
      else {
        const fact = this.#objects.get(meaning)!;
        assert(found !== undefined, `${name} is lost`);
        if (fact.kind === 'object') await this.#checkObject(volume, `${directory}/${name}`, fact);
        if (fact.kind === 'object' && fact.state.pieces !== undefined) unknown.delete(name);
      }
      kept += 1;
    }
    for (const name of unknown) await this.#checkOrigins(volume, directory, name);
    return kept;
  }

  async #checkObject(volume: StoredVolume, path: string, fact: TreeFact & { kind: 'object' }): Promise<void> {
    const { type, size, pieces, target, mode, mtime, xattr, nlink } = fact.state;
    const found = (await volume.find(path))!;
    assert.equal(found.mode & 0o170000, fileType[type], `${path}: its type`);
    if (size !== undefined && pieces !== undefined) {
      assert.equal(found.size, size, `${path}: its size`);
      const content = await volume.read(found.ino);
      assert(content.equals(contentOfPieces(pieces, size)), `${path}: its content is not as promised`);
    }
    if (target !== undefined) assert.equal(await volume.readlink(found.ino), target, `${path}: its target`);
    if (mode !== undefined) assert.equal(found.mode & 0o7777, mode, `${path}: its mode`);
    const foundTime = BigInt(found.mtimeSec) * 1_000_000_000n + BigInt(found.mtimeNsec);
    if (mtime !== undefined) assert.equal(String(foundTime), mtime, `${path}: its mtime`);
    if (xattr !== undefined) assert.equal(await volume.xattr(found.ino, 'user.test'), xattr, `${path}: its xattr`);
    if (nlink !== undefined) assert.equal(found.nlink, nlink, `${path}: its links`);
  }

  /** Whatever is there under a name, nobody else's data are. */
  async #checkOrigins(volume: StoredVolume, directory: string, name: string): Promise<void> {
    const found = await volume.find(`${directory}/${name}`);
    if (found === undefined || (found.mode & 0o170000) !== fileType.file) return;
    const content = await volume.read(found.ino);
    const origins = [...this.#originsOf(name).values()].map((piece) => originOf(piece, content.length));
    const at = unexplainedAt(content, origins);
    assert(at === undefined, `${name} at ${at}: data of nobody knows whom: ${content.subarray(at, at! + 40)}`);
  }

  #originsOf(name: string): Map<string, Piece> {
    const known = this.#origins.get(name) ?? new Map<string, Piece>();
    this.#origins.set(name, known);
    return known;
  }
}
