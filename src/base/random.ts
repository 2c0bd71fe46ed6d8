/** Randomness as the rest of the code sees it; every simulated world has one seed. */
export interface Random {
  /** An integer, 0 ≤ n < 2^32. */
  u32(): number;
}

/** An integer, 0 ≤ n < `limit` (at most 2^32), with a bias below limit / 2^32. */
export function below(random: Random, limit: number): number {
  return Math.floor((random.u32() / 4294967296) * limit);
}

/** Repeatable randomness from a seed: the xoshiro128** generator (Blackman and Vigna), seeded by splitmix32. */
export class SeededRandom implements Random {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  constructor(seed: number) {
    let state = seed | 0;
    const next = (): number => {
      state = (state + 0x9e3779b9) | 0;
      let z = state;
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      return z ^ (z >>> 15);
    };
    this.#a = next();
    this.#b = next();
    this.#c = next();
    this.#d = next();
  }

  u32(): number {
    const t5 = Math.imul(this.#b, 5);
    const result = Math.imul((t5 << 7) | (t5 >>> 25), 9);
    const t = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= t;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result >>> 0;
  }
}
