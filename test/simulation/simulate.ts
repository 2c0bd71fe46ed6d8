import type { CacheMode } from '#protocol';
import { withSeed } from './seeds.ts';
import { simulateCluster } from './world/simulate-cluster.ts';
import type { WorldReport } from './world/world.ts';

/** Cache modes by the names that the command line has for them. */
export const modes: Readonly<Record<string, CacheMode>> = {
  strict: 'strict',
  session: 'session',
  'close-to-open': 'closeToOpen',
};

/** One schedule; a failure tells the command that replays it. */
export function simulate(mode: CacheMode, seed: number): Promise<WorldReport> {
  const name = Object.keys(modes).find((each) => modes[each] === mode);
  const replay = `npm run simulate -- --seeds 1 --from ${seed} --mode ${name}`;
  return withSeed(seed, () => simulateCluster({ seed, mode }), replay);
}
