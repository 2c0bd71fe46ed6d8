/** Results as rows: medians, ratios, goals; printed as a table or as JSON. */

import type { Host } from './host.ts';
import { type TargetName, targetNames } from './options.ts';
import { median } from './statistics.ts';
import type { MetricSamples, Result } from './turns.ts';
import { type Goal, isRate, type Unit } from './workload.ts';

/** A count divided by its operations carries the walk to the directory: that much more still reaches a goal. */
const countTolerance = 0.05;

export interface Row {
  readonly workload: string;
  readonly title: string;
  readonly metric: string;
  readonly unit: Unit;
  readonly medians: Readonly<Partial<Record<TargetName, number>>>;
  readonly samples: Readonly<Partial<Record<TargetName, readonly number[]>>>;
  /** How many times as fast, or as frugal, ClaudeFS is as the other: above 1 is better in every unit. */
  readonly cfsOver: Readonly<Partial<Record<TargetName, number>>>;
  readonly goals: readonly { readonly text: string; readonly reached: boolean | undefined }[];
}

export function rowsOf(result: Result): Row[] {
  return Object.entries(result.workload.metrics).map(([key, metric]) => {
    const samples: MetricSamples = result.samples.get(key) ?? new Map();
    const medians = fromTargets((target) => medianOf(samples, target));
    const cfsOver = fromTargets((target) => (target === 'cfs' ? undefined : advantage(samples, target, metric.unit)));
    return {
      workload: result.workload.name,
      title: result.workload.title,
      metric: metric.title,
      unit: metric.unit,
      medians,
      samples: Object.fromEntries(samples),
      cfsOver,
      goals: metric.goals.map((goal) => ({
        text: describeGoal(goal, metric.unit),
        reached: isReached(goal, { value: medians.cfs, over: cfsOver, unit: metric.unit }),
      })),
    };
  });
}

export function renderTable(results: readonly Result[]): string {
  const header = ['workload', 'metric', ...targetNames, 'cfs/native', 'cfs/bindfs', 'goal', 'reached'];
  const body = results.flatMap((result) => rowsOf(result).map((row, index) => cells(row, index === 0)));
  const lines = align([header, header.map((name) => '-'.repeat(name.length)), ...body]);
  const notes = results.flatMap((result) => {
    const { name, note } = result.workload;
    return [
      ...(note === undefined ? [] : [`${name}: ${note}`]),
      ...result.details.map((detail) => `${name}: ${detail}`),
      ...(result.error === undefined ? [] : [`${name} FAILED: ${result.error.message}`]),
    ];
  });
  return `${[...lines, '', ...notes].join('\n')}\n`;
}

export function renderHost(host: Host, settings: { core: number; rounds: number }): string {
  return [
    `${host.processor}, ${host.cores} cores, ${host.memoryGiB} GiB, Linux ${host.kernel}, Node ${host.node}`,
    `${host.bindfs}; ${host.fio}; ClaudeFS at ${host.commit}`,
    `rates: application and daemons on core ${settings.core}, stores in memory; throughput: on the disk, unpinned`,
    `medians of ${settings.rounds} interleaved turns; ratios are medians of each round's ratio, above 1 is better`,
    '',
    '',
  ].join('\n');
}

export function renderJson(results: readonly Result[], context: object): string {
  const rows = results.flatMap(rowsOf);
  const notes = results.flatMap((result) => result.details);
  const errors = results.flatMap(({ workload, error }) =>
    error === undefined ? [] : [{ workload: workload.name, message: error.message }],
  );
  return `${JSON.stringify({ ...context, rows, notes, errors }, undefined, 2)}\n`;
}

export function describeGoal(goal: Goal, unit: Unit): string {
  if ('over' in goal) return `≥ ${goal.atLeast} × ${goal.over}`;
  return `≤ ${formatValue(goal.atMost, unit)}`;
}

/** In the unit that keeps the number between 1 and 1000. */
export function formatValue(value: number, unit: Unit): string {
  switch (unit) {
    case 'ns':
      return scaled(value, 1000, ['ns', 'µs', 'ms', 's']);
    case 'bytes':
      return scaled(value, 1024, ['B', 'KiB', 'MiB', 'GiB']);
    case 'bytes/s':
      return scaled(value, 1024, ['B/s', 'KiB/s', 'MiB/s', 'GiB/s']);
    case 'operations/s':
      return scaled(value, 1000, ['/s', 'k/s', 'M/s']);
    case 'times':
      return `${value.toFixed(2)} ×`;
    case 'requests':
      return String(Number(value.toFixed(2)));
  }
}

function scaled(value: number, step: number, names: readonly string[]): string {
  let index = 0;
  let rest = value;
  for (; rest >= step && index < names.length - 1; index += 1) rest /= step;
  return `${rest.toPrecision(3).includes('e') ? rest.toFixed(0) : Number(rest.toPrecision(3))} ${names[index]}`;
}

function cells(row: Row, isFirst: boolean): string[] {
  const value = (target: TargetName) => {
    const middle = row.medians[target];
    return middle === undefined ? '' : formatValue(middle, row.unit);
  };
  const ratio = (target: TargetName) => row.cfsOver[target]?.toFixed(2) ?? '';
  const reached = row.goals.map((goal) => (goal.reached === undefined ? '–' : goal.reached ? 'yes' : 'NO'));
  const goals = row.goals.map((goal) => goal.text).join(', ');
  const title = isFirst ? `${row.workload}: ${row.title}` : '';
  return [title, row.metric, ...targetNames.map(value), ratio('native'), ratio('bindfs'), goals, reached.join(', ')];
}

function align(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const isText = (column: number) => column < 2 || column >= 7;
  return rows.map((row) =>
    row
      .map((cell, column) => (isText(column) ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

function fromTargets(read: (target: TargetName) => number | undefined): Partial<Record<TargetName, number>> {
  const entries = targetNames.map((target) => [target, read(target)] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

function medianOf(samples: MetricSamples, target: TargetName): number | undefined {
  const values = samples.get(target);
  return values === undefined ? undefined : median(values);
}

/** The median over rounds of one round's ratio: what slowed the machine in a round slowed both. */
function advantage(samples: MetricSamples, other: TargetName, unit: Unit): number | undefined {
  const own = samples.get('cfs');
  const others = samples.get(other);
  if (own === undefined || others === undefined) return undefined;
  const ratios = own.flatMap((value, round) => {
    const beside = others[round];
    if (beside === undefined) return [];
    return [isRate(unit) ? value / beside : beside / value];
  });
  // Warm calls cost no request at all: nothing divided by nothing is no ratio.
  const finite = ratios.filter(Number.isFinite);
  return finite.length === 0 ? undefined : median(finite);
}

function isReached(
  goal: Goal,
  measured: { value: number | undefined; over: Row['cfsOver']; unit: Unit },
): boolean | undefined {
  if ('over' in goal) {
    const ratio = measured.over[goal.over];
    return ratio === undefined ? undefined : ratio >= goal.atLeast;
  }
  if (measured.value === undefined) return undefined;
  return measured.value <= goal.atMost + (measured.unit === 'requests' ? countTolerance : 0);
}
