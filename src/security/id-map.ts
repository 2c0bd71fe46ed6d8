/** One run of ids: `local` on the volume is `remote` on the client, `local + 1` is `remote + 1`, and so on. */
export interface IdRange {
  readonly local: number;
  readonly remote: number;
  readonly count: number;
}

/** The largest id; 2^32 - 1 means "no id" to the kernel. */
export const idMax = 0xfffffffe;
/** How many ranges one map has at most: as many as a user namespace of Linux has (user_namespaces(7)). */
export const idRangesMax = 340;

/** Users or groups of a client against those of a volume. Without ranges both are the same. */
export class IdMap {
  readonly #ranges: readonly IdRange[];

  constructor(ranges: readonly IdRange[]) {
    this.#ranges = ranges;
  }

  /** The ranges, for whoever compares maps. */
  toJSON(): unknown {
    return this.#ranges;
  }

  get isIdentity(): boolean {
    return this.#ranges.length === 0;
  }

  /** The volume's id for one of the client; undefined when none is meant. */
  toLocal(remote: number): number | undefined {
    if (this.isIdentity) return remote;
    const range = this.#ranges.find((one) => remote >= one.remote && remote < one.remote + one.count);
    return range && range.local + (remote - range.remote);
  }

  toRemote(local: number): number | undefined {
    if (this.isIdentity) return local;
    const range = this.#ranges.find((one) => local >= one.local && local < one.local + one.count);
    return range && range.remote + (local - range.local);
  }
}

/** Whether a range has ids of another already, on either side: one id would then mean two. */
export function overlaps(a: IdRange, b: IdRange): boolean {
  const meet = (x: number, y: number): boolean => x < y + b.count && y < x + a.count;
  return meet(a.local, b.local) || meet(a.remote, b.remote);
}
