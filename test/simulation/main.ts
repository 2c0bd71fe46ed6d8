/**
 * `npm run simulate -- --seeds N [--from S] [--mode strict|session|close-to-open] [--jobs J] [--bug NAME]`
 *
 * Simulates clusters under the seeds from S (default 1) on, in J processes. Prints each seed that fails, why, and the
 * command that replays it; ends with 1 if any did.
 */
import { spawn } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { plantedProtocolBugs } from './planted-protocol-bugs.ts';
import { modes } from './simulate.ts';
import { simulateCluster } from './world/simulate-cluster.ts';

interface Options {
  readonly seeds: number;
  readonly from: number;
  readonly mode: string;
  readonly jobs: number;
  readonly bug: string | undefined;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '100' },
      from: { type: 'string', default: '1' },
      mode: { type: 'string', default: 'strict' },
      jobs: { type: 'string', default: '1' },
      bug: { type: 'string' },
    },
  });
  const { seeds, from, mode, jobs, bug } = values;
  if (modes[mode] === undefined) throw new Error(`--mode is one of ${Object.keys(modes).join(', ')}`);
  if (bug !== undefined && plantedProtocolBugs[bug] === undefined) throw new Error(`no bug is called ${bug}`);
  return { seeds: Number(seeds), from: Number(from), mode, jobs: Number(jobs), bug };
}

function argumentsOf({ seeds, from, mode, bug }: Options): string[] {
  const base = ['--seeds', `${seeds}`, '--from', `${from}`, '--mode', mode];
  return bug === undefined ? base : [...base, '--bug', bug];
}

/** How many seeds failed. */
async function runHere(options: Options): Promise<number> {
  const bug = options.bug === undefined ? undefined : plantedProtocolBugs[options.bug];
  let failures = 0;
  for (let seed = options.from; seed < options.from + options.seeds; seed++) {
    try {
      await simulateCluster({ seed, mode: modes[options.mode]!, bug });
    } catch (error) {
      failures += 1;
      const replay = argumentsOf({ ...options, seeds: 1, from: seed }).map((each) =>
        / /.test(each) ? `'${each}'` : each,
      );
      console.log(`seed ${seed} failed: npm run simulate -- ${replay.join(' ')}\n${(error as Error).stack}\n`);
    }
  }
  return failures;
}

/** Whether all processes ended well. */
async function runInProcesses(options: Options): Promise<boolean> {
  const { jobs, seeds, from } = options;
  const each = Math.ceil(seeds / jobs);
  const ended = Array.from({ length: jobs }, (_, job) => {
    const start = from + job * each;
    const part = { ...options, from: start, seeds: Math.max(0, Math.min(each, from + seeds - start)) };
    const program = [...process.execArgv, fileURLToPath(import.meta.url), ...argumentsOf(part)];
    const child = spawn(process.execPath, program, { stdio: 'inherit' });
    return new Promise<boolean>((resolve) => child.on('exit', (code) => resolve(code === 0)));
  });
  return (await Promise.all(ended)).every((isGood) => isGood);
}

const options = readOptions();
const startedMs = performance.now();
if (options.jobs > 1) process.exitCode = (await runInProcesses(options)) ? 0 : 1;
else {
  const failures = await runHere(options);
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  console.log(
    `${options.seeds} schedules in ${options.mode} from seed ${options.from}: ${failures} failed, ${seconds} s`,
  );
  if (failures > 0) process.exitCode = 1;
}
