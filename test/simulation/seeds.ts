/**
 * Which seeds a run tries: `CFS_SEED=n` that one alone, `CFS_SEEDS=n` so many, else `count`. They follow each other
 * from 1 or `CFS_SEED_FIRST` on, so that a run of the tests does what the run before did.
 */
export function seedsToRun(count: number): number[] {
  const one = process.env['CFS_SEED'];
  if (one !== undefined) return [Number(one)];
  const many = Number(process.env['CFS_SEEDS'] ?? count);
  const first = Number(process.env['CFS_SEED_FIRST'] ?? 1);
  return Array.from({ length: many }, (_, index) => first + index);
}

/** Runs one seed; a failure tells how to see it again: `replay`, or the test with that seed alone. */
export async function withSeed<T>(seed: number, run: () => Promise<T>, replay?: string): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    throw new Error(`seed ${seed} failed; ${replay ?? `CFS_SEED=${seed}`} repeats it`, { cause });
  }
}
