/**
 * Runs a workload in short turns. Every round gives each target one turn and the next round starts with another
 * target, so that what disturbs the machine meanwhile meets all of them alike.
 */

import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { appOn } from './app.ts';
import type { Cleanup } from './cleanup.ts';
import { settle } from './daemon.ts';
import type { Fixtures } from './fixtures.ts';
import type { Mounted } from './mounted.ts';
import type { TargetName } from './options.ts';
import type { Site, Sites } from './site.ts';
import { mountTarget, unmounted } from './targets.ts';
import type { Outcome, Workload } from './workload.ts';

export interface Bench {
  readonly cleanup: Cleanup;
  readonly sites: Sites;
  readonly fixtures: Fixtures;
  readonly targets: readonly TargetName[];
  readonly rounds: number;
  readonly core: number;
  progress(text: string): void;
}

/** Samples of one metric by target, one for each round. */
export type MetricSamples = ReadonlyMap<TargetName, readonly number[]>;

export interface Result {
  readonly workload: Workload;
  readonly samples: ReadonlyMap<string, MetricSamples>;
  readonly details: readonly string[];
  /** Why there is no result, or only a part of one. */
  readonly error?: Error;
}

interface Place {
  readonly site: Site;
  readonly mounted: Mounted;
}

export async function runWorkload(bench: Bench, workload: Workload): Promise<Result> {
  const targets = bench.targets.filter((target) => workload.targets.includes(target));
  const rounds = workload.rounds ?? bench.rounds;
  const places = new Map<TargetName, Place>();
  const samples = new Map(Object.keys(workload.metrics).map((key) => [key, new Map<TargetName, number[]>()]));
  const details: string[] = [];
  let error: Error | undefined;
  try {
    for (let round = 0; round < rounds; round += 1) {
      for (const target of rotated(targets, round)) {
        bench.progress(`${workload.name}: round ${round + 1} of ${rounds}, ${target}`);
        const place = places.get(target) ?? (await open(bench, workload, target));
        places.set(target, place);
        const outcome = await runTurn(bench, workload, { place, round });
        record(outcome, target, samples);
        details.push(...(outcome.details ?? []));
        if (workload.mountPer !== 'turn') continue;
        places.delete(target);
        await close(place);
      }
    }
  } catch (cause) {
    error = cause instanceof Error ? cause : new Error(String(cause));
  }
  for (const place of places.values()) await close(place);
  return error === undefined ? { workload, samples, details } : { workload, samples, details, error };
}

async function open(bench: Bench, workload: Workload, target: TargetName): Promise<Place> {
  const site = await bench.sites.make(workload.medium);
  if (workload.mount === 'none') return { site, mounted: unmounted(target, site) };
  const wish = { ...workload.wish, core: coreOf(bench, workload) };
  return { site, mounted: await mountTarget(target, site, { wish, cleanup: bench.cleanup }) };
}

async function close({ site, mounted }: Place): Promise<void> {
  await mounted.unmount();
  await site.remove();
}

async function runTurn(
  bench: Bench,
  workload: Workload,
  { place, round }: { place: Place; round: number },
): Promise<Outcome> {
  const { mounted } = place;
  const name = `turn-${round}`;
  const directory = join(mounted.directory, name);
  const core = coreOf(bench, workload);
  await mkdir(directory);
  const outcome = await workload.run({
    mounted,
    directory,
    backing: join(mounted.backing, name),
    app: appOn(core),
    core,
    fixtures: bench.fixtures,
    cleanup: bench.cleanup,
  });
  if (workload.mountPer !== 'turn') await rm(directory, { recursive: true });
  await settle(mounted.pids);
  return outcome;
}

function coreOf(bench: Bench, workload: Workload): number | undefined {
  return workload.medium === 'memory' ? bench.core : undefined;
}

function record(outcome: Outcome, target: TargetName, samples: Map<string, Map<TargetName, number[]>>): void {
  for (const [key, value] of Object.entries(outcome.samples)) {
    const metric = samples.get(key);
    if (metric === undefined) throw new Error(`a workload returned a sample of "${key}", which is no metric of it`);
    if (value !== undefined) metric.set(target, [...(metric.get(target) ?? []), value]);
  }
}

function rotated<T>(items: readonly T[], by: number): T[] {
  return items.map((_, index) => items[(index + by) % items.length] as T);
}
