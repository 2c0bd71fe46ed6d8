/**
 * `npm run bench [-- WORKLOAD...] [--rounds N] [--json] [--only native,bindfs,cfs]`
 *
 * Does the same work on a native directory, on bindfs and on ClaudeFS in one run and prints medians, ratios and the
 * goal of each row beside what was reached. `--list` names the workloads; each can be run alone, and so can a group.
 *
 * Why the comparison is fair:
 *
 * - Targets take short turns, and each round starts with another one, so noise meets all alike.
 * - Operation rates are taken with the application and the daemons on one core, since on several the scheduler's
 *   choices decide more than the file systems do; the data of all three lies on a tmpfs of its own.
 * - The application is a loop of system calls in C++ (app.cc), so that its own time is small; tar, git, rm and ls are
 *   the real ones.
 * - Daemons are idle before and after each turn: none pays for another's work, and work put off until after the reply
 *   shows in "daemon CPU".
 * - bindfs has its defaults (targets.ts). It caches little, which explains some ratios: the notes below the table say
 *   where. Round trips are therefore measured with validity 0 on both sides.
 *
 * Needs root (mounts, dropping caches, counting requests), a C++ compiler, and from Debian bindfs, fio and git. All
 * mounts and temporary directories are taken back at the end, on failure and on an interrupt.
 */

import { constants } from 'node:os';
import { appOn, buildApp } from './app.ts';
import { Cleanup } from './cleanup.ts';
import { interrupt } from './command.ts';
import { Fixtures } from './fixtures.ts';
import { describeHost, firstCore } from './host.ts';
import { type Options, parseOptions, usage } from './options.ts';
import { describeGoal, renderHost, renderJson, renderTable } from './report.ts';
import { Sites } from './site.ts';
import { whyMissing } from './targets.ts';
import { type Bench, type Result, runWorkload } from './turns.ts';
import type { Workload } from './workload.ts';
import { workloads } from './workloads.table.ts';

const cleanup = new Cleanup();
let interrupted: NodeJS.Signals | undefined;

async function main(args: readonly string[]): Promise<number> {
  const options = parseOptions(args);
  if (options.help) return print(usage);
  const chosen = choose(options.workloads);
  if (options.list) return print(listing(chosen));
  for (const target of options.only) {
    const reason = await whyMissing(target);
    if (reason !== undefined) throw new Error(`${reason}; or leave it out with --only`);
  }
  await buildApp();
  const bench = makeBench(options);
  const host = await describeHost();
  if (!options.json) print(renderHost(host, bench));
  const results: Result[] = [];
  for (const workload of chosen) {
    if (interrupted !== undefined) break;
    if (!workload.targets.some((target) => bench.targets.includes(target))) continue;
    results.push(await runWorkload(bench, workload));
  }
  bench.progress('');
  const settings = { host, rounds: options.rounds, core: bench.core };
  print(options.json ? renderJson(results, settings) : renderTable(results));
  return results.some((result) => result.error !== undefined) ? 1 : 0;
}

function makeBench(options: Options): Bench {
  const sites = new Sites(cleanup, options.disk);
  return {
    cleanup,
    sites,
    fixtures: new Fixtures(sites, appOn(undefined)),
    targets: options.only,
    rounds: options.rounds,
    core: options.core ?? firstCore(),
    progress,
  };
}

function choose(names: readonly string[]): readonly Workload[] {
  const unknown = names.find((name) => !workloads.some((workload) => isNamed(workload, name)));
  if (unknown !== undefined) throw new Error(`there is no workload or group "${unknown}"; --list names them`);
  return names.length === 0 ? workloads : workloads.filter((workload) => names.some((name) => isNamed(workload, name)));
}

function isNamed(workload: Workload, name: string): boolean {
  return workload.name === name || workload.group === name;
}

function listing(chosen: readonly Workload[]): string {
  const lines = chosen.flatMap(({ group, name, title, metrics }) => [
    `${group.padEnd(12)} ${name.padEnd(18)} ${title}`,
    ...Object.values(metrics).flatMap((metric) =>
      metric.goals.map((goal) => `${' '.repeat(32)}${metric.title}: ${describeGoal(goal, metric.unit)}`),
    ),
  ]);
  return `${lines.join('\n')}\n`;
}

/** One line that is written over, on a terminal only. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // What is under way fails for want of its child and is taken back in order; a second signal does not wait for it.
    if (interrupted !== undefined) process.exit(128 + constants.signals[signal]);
    interrupted = signal;
    interrupt();
  });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  progress('');
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
await cleanup.runAll();
if (interrupted !== undefined) process.exitCode = 128 + constants.signals[interrupted];
