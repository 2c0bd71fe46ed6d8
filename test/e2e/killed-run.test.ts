import { strict as assert } from 'node:assert';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import process from 'node:process';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { isRunning } from '#admin';
import { cfsPath, isMounted, mounting } from './mounted.ts';

/** Only a hang takes so long, however busy the machine is. */
const limitMs = 60_000;
const testSite = new URL('../../scripts/test-site.mjs', import.meta.url).href;

/** A run of tests that mounts and then does nothing; it prints where it mounted, and which process serves that. */
const run = `
  import { execFileSync } from 'node:child_process';
  import { mkdirSync } from 'node:fs';
  import { TestSite } from '${testSite}';
  const { environment } = new TestSite();
  const directory = environment.CFS_TEST_TMPDIR;
  const mountpoint = directory + '/mnt';
  mkdirSync(mountpoint);
  const cfs = (...args) => execFileSync('${cfsPath}', args, { env: environment, encoding: 'utf8' });
  cfs('mount', mountpoint, '--store', directory + '/store');
  const [{ daemonPid }] = JSON.parse(cfs('status', '--json'));
  console.log(JSON.stringify({ directories: [environment.TMPDIR, directory], mountpoint, daemonPid }));
  setInterval(() => undefined, 1000);
`;

interface Running {
  readonly directories: readonly string[];
  readonly mountpoint: string;
  readonly daemonPid: number;
}

async function untilMounted(runner: ChildProcess): Promise<Running> {
  const [line] = (await once(runner.stdout!, 'data')) as [Buffer];
  return JSON.parse(line.toString()) as Running;
}

test('a run of tests that is killed leaves no mount, process or file behind', mounting, async () => {
  const runner = spawn(process.execPath, ['--input-type=module', '--eval', run], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const { directories, mountpoint, daemonPid } = await untilMounted(runner);
  assert(await isMounted(mountpoint));
  runner.kill('SIGKILL');
  const isLeft = () => directories.some((directory) => existsSync(directory)) || isRunning(daemonPid);
  for (let waitedMs = 0; waitedMs < limitMs && isLeft(); waitedMs += 50) await pause(50);
  assert(!isLeft(), `left behind: ${directories.join(', ')} or process ${daemonPid}`);
  assert(!(await isMounted(mountpoint)));
});
