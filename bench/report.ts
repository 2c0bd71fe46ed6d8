/** Results as rows: medians, ratios, goals; printed as a table or as JSON. */

import type { Host } from './host.ts';
import { type TargetName, targetNames } from './options.ts';
import { median } from './statistics.ts';
import type { MetricSamples, Result } from './turns.ts';
import { type Goal, isRate, type Metric, type Unit } from './workload.ts';

/** A count divided by its operations carries the walk to the directory: that much more still reaches a goal. */
const countTolerance = 0.05;

export interface Row {
  readonly workload: string;
  readonly title: string;
  readonly metric: string;
  readonly unit: Unit;
  readonly medians: Readonly<Partial<Record<TargetName, number>>>;
  readonly samples: Readonly<Partial<Record<TargetName, readonly number[]>>>;
  /** Whose goals and ratios the row has. */
  readonly subject: TargetName;
  /** How many times as fast, or as frugal, the subject is as the other: above 1 is better in every unit. */
  readonly over: Readonly<Partial<Record<TargetName, number>>>;
  readonly goals: readonly { readonly text: string; readonly reached: boolean | undefined }[];
}

export function rowsOf(result: Result): Row[] {
  const { metrics, subjects = ['cfs'] } = result.workload;
  return Object.entries(metrics).flatMap(([key, metric]) =>
    subjects.map((subject) => rowOf(result, { key, metric, subject })),
  );
}

function rowOf(result: Result, { key, metric, subject }: { key: string; metric: Metric; subject: TargetName }): Row {
  const samples: MetricSamples = result.samples.get(key) ?? new Map();
  const medians = fromTargets((target) => medianOf(samples, target));
  const over = fromTargets((other) =>
    other === subject ? undefined : advantage(samples, { subject, other }, metric.unit),
  );
  return {
    workload: result.workload.name,
    title: result.workload.title,
    metric: metric.title,
    unit: metric.unit,
    medians,
    samples: Object.fromEntries(samples),
    subject,
    over,
    goals: metric.goals.map((goal) => ({
      text: describeGoal(goal, metric.unit),
      reached: isReached(goal, { value: medians[subject], over, unit: metric.unit }),
    })),
  };
}

export function renderTable(results: readonly Result[]): string {
  const rows = results.map(rowsOf);
  const all = rows.flat();
  const targets = targetNames.filter((target) => all.some(({ medians }) => medians[target] !== undefined));
  const others = targetNames.filter((target) => all.some(({ over }) => over[target] !== undefined));
  const named = all.some(({ subject }) => subject !== 'cfs') ? ['of'] : [];
  const ratios = others.map((target) => `over ${target}`);
  const header = ['workload', 'metric', ...targets, ...named, ...ratios, 'goal', 'reached'];
  const columns = { targets, others, named: named.length > 0 };
  const body = rows.flatMap((group) => group.map((row, index) => cells(row, index === 0, columns)));
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

interface Columns {
  readonly targets: readonly TargetName[];
  readonly others: readonly TargetName[];
  /** Whether a column tells whose ratios they are. */
  readonly named: boolean;
}

function cells(row: Row, isFirst: boolean, { targets, others, named }: Columns): string[] {
  const value = (target: TargetName) => {
    const middle = row.medians[target];
    return middle === undefined ? '' : formatValue(middle, row.unit);
  };
  const ratio = (target: TargetName) => row.over[target]?.toFixed(2) ?? '';
  const reached = row.goals.map((goal) => (goal.reached === undefined ? '–' : goal.reached ? 'yes' : 'NO'));
  const goals = row.goals.map((goal) => goal.text).join(', ');
  const title = isFirst ? `${row.workload}: ${row.title}` : '';
  const subject = named ? [row.subject] : [];
  return [title, row.metric, ...targets.map(value), ...subject, ...others.map(ratio), goals, reached.join(', ')];
}

function align(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const columns = rows[0]?.length ?? 0;
  const isText = (column: number) => column < 2 || column >= columns - 2;
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
function advantage(
  samples: MetricSamples,
  { subject, other }: { subject: TargetName; other: TargetName },
  unit: Unit,
): number | undefined {
  const own = samples.get(subject);
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
  measured: { value: number | undefined; over: Row['over']; unit: Unit },
): boolean | undefined {
  if ('over' in goal) {
    const ratio = measured.over[goal.over];
    return ratio === undefined ? undefined : ratio >= goal.atLeast;
  }
  if (measured.value === undefined) return undefined;
  return measured.value <= goal.atMost + (measured.unit === 'requests' ? countTolerance : 0);
}
