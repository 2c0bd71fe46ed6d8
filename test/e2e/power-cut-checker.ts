/**
 * Cuts the power of a recorded disk again and again, and looks what is left: `power-cut-checker.ts RECORDING JSON`. A
 * process of its own, since a store that is damaged badly enough ends the process that opens it. Prints one line of
 * JSON before each cut, and one after it.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { below, SeededRandom } from '#base';
import type { DiskEvent } from '../recorder/disk-event.ts';
import { loadRecording } from '../recorder/recording.ts';
import { diskModels } from '../recorder/survival.ts';
import { CutChecker, type PowerCut } from './cut-checker.ts';

export interface CheckPlan {
  readonly seed: number;
  /** As many cuts as the time allows, every one that is worth it, or these. */
  readonly cuts: { readonly withinMs: number } | 'all' | readonly PowerCut[];
  /** The first event that a cut may come before. */
  readonly from?: number;
  /** After so many failures it ends. */
  readonly failuresMax: number;
}

export type CheckLine = { readonly begins: PowerCut } | { readonly kept: number } | { readonly failure: string };

const cutsPerRound = 12;
/** A tmpfs, where there is one: the disks are large and short-lived. */
const memory = process.env['CFS_TEST_TMPDIR'] ?? '/dev/shm';

const [recording = '', json = ''] = process.argv.slice(2);
const plan = JSON.parse(json) as CheckPlan;
const events = loadRecording(recording);
const random = new SeededRandom(plan.seed);
const scratch = mkdtempSync(join(existsSync(memory) ? memory : tmpdir(), 'cfs-power-cut-'));
try {
  await check(new CutChecker(events, scratch));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

async function check(checker: CutChecker): Promise<void> {
  let failures = 0;
  for (const cut of cutsOf(plan, worthwhile(events, plan.from ?? 0))) {
    print({ begins: cut });
    try {
      print({ kept: await checker.check(cut) });
    } catch (error) {
      print({ failure: (error as Error).stack ?? String(error) });
      failures += 1;
      if (failures === plan.failuresMax) return;
    }
  }
}

/**
 * Where to cut: just before a sync has ended, when most is at stake, just after it, and just after a promise was made.
 */
function worthwhile(all: readonly DiskEvent[], from: number): number[] {
  const points = new Set<number>();
  for (const [index, { kind }] of all.entries()) {
    if (kind === 'syncEnd') points.add(index);
    if (kind === 'syncEnd' || kind === 'mark') points.add(index + 1);
  }
  return [...points].filter((point) => point >= from).sort((a, b) => a - b);
}

function* cutsOf({ cuts }: CheckPlan, points: readonly number[]): Iterable<PowerCut> {
  if (cuts === 'all') {
    for (const at of points) for (const model of diskModels) yield { model, at, seed: random.u32() };
  } else if ('withinMs' in cuts) {
    const endMs = performance.now() + cuts.withinMs;
    // A disk is played forward only, so each round goes through the recording once.
    while (performance.now() < endMs) {
      const round = Array.from({ length: cutsPerRound }, () => points[below(random, points.length)]!);
      for (const at of round.sort((a, b) => a - b)) {
        if (performance.now() < endMs) yield { model: diskModels[below(random, 2)]!, at, seed: random.u32() };
      }
    }
  } else yield* cuts;
}

function print(line: CheckLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
