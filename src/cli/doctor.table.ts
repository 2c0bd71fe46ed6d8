import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, statfsSync } from 'node:fs';
import { release } from 'node:os';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { askDaemons, runtimeDirectory } from '#admin';
import { mountObstacle } from '#fuse';

export interface DoctorFacts {
  readonly store: string;
}
export interface DoctorResult {
  readonly result: 'ok' | 'warn' | 'fail';
  /** What is there, in a few words. */
  readonly found: string;
  /** What to do about it; absent when nothing is. */
  readonly mend?: string;
}
interface DoctorCheck {
  /** What is looked at, and what is enough. */
  readonly help: string;
  run(facts: DoctorFacts): DoctorResult | Promise<DoctorResult>;
}

/** What a machine needs to mount, one row per check. */
export const doctorChecks = {
  kernel: { help: 'Linux 5.4 or newer; passthrough needs 6.9', run: checkKernel },
  device: { help: '/dev/fuse is there and can be opened', run: checkDevice },
  right: { help: 'root with the capability CAP_SYS_ADMIN, or a user with fusermount3', run: checkRight },
  fusermount3: { help: 'installed, for users other than root', run: checkFusermount },
  'allow-other': {
    help: 'whether a user may let others in (user_allow_other in /etc/fuse.conf)',
    run: checkAllowOther,
  },
  descriptors: { help: 'at least 4096 open files per process', run: checkDescriptors },
  disk: { help: 'at least 1 GiB free where the store is; below 64 MiB it fails', run: checkDisk },
  servers: { help: 'whether the mounts of clusters on this machine reach their servers', run: checkServers },
  clock: { help: 'set to a year that can be', run: checkClock },
  node: { help: 'which Node.js runs, and where it is', run: checkNode },
} as const satisfies Record<string, DoctorCheck>;

const isRoot = (): boolean => process.getuid?.() === 0;

function checkKernel(): DoctorResult {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  const found = `Linux ${release()}`;
  if (major * 1000 + minor < 5004)
    return { result: 'fail', found, mend: 'Linux 5.4 (FUSE protocol 7.31) or newer is needed.' };
  if (major * 1000 + minor >= 6009) return { result: 'ok', found };
  return {
    result: 'warn',
    found,
    mend: 'Everything works, but data passes through the daemon: passthrough needs Linux 6.9.',
  };
}

function checkDevice(): DoctorResult {
  const path = '/dev/fuse';
  if (!existsSync(path)) {
    return {
      result: 'fail',
      found: `no ${path}`,
      mend: 'Load the module: modprobe fuse. In a container, pass the device in: --device /dev/fuse.',
    };
  }
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return { result: 'ok', found: path };
  } catch {
    return {
      result: 'fail',
      found: `${path} cannot be opened`,
      mend: `Give this user the right to read and write ${path}: chmod 666 ${path}, as udev does.`,
    };
  }
}

function checkRight(): DoctorResult {
  const found = mountObstacle();
  if (found === undefined) return { result: 'ok', found: 'this user may mount' };
  const mend = isRoot()
    ? 'In a container, add the capability: --cap-add SYS_ADMIN.'
    : 'Mount as root, or apt-get install fuse3.';
  return { result: 'fail', found, mend };
}

async function checkFusermount(): Promise<DoctorResult> {
  try {
    const { stdout } = await promisify(execFile)('fusermount3', ['--version']);
    return { result: 'ok', found: stdout.trim() };
  } catch {
    const mend = 'Only users other than root need it: apt-get install fuse3.';
    return { result: isRoot() ? 'warn' : 'fail', found: 'not found', mend };
  }
}

function checkAllowOther(): DoctorResult {
  if (isRoot()) return { result: 'ok', found: 'root may let other users in' };
  const allowed =
    existsSync('/etc/fuse.conf') && /^\s*user_allow_other\s*$/m.test(readFileSync('/etc/fuse.conf', 'utf8'));
  if (allowed) return { result: 'ok', found: 'user_allow_other is set' };
  return {
    result: 'warn',
    found: 'user_allow_other is not set',
    mend: 'To use -o allow_other, write the line user_allow_other into /etc/fuse.conf as root.',
  };
}

function checkDescriptors(): DoctorResult {
  const line = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
  const limit = Number(line?.[1] ?? 0);
  const found = `${limit} open files`;
  if (limit >= 4096) return { result: 'ok', found };
  return {
    result: 'warn',
    found,
    mend: 'Files open at once through the mount are bounded by it; raise it: ulimit -n 20000.',
  };
}

function checkDisk(facts: DoctorFacts): DoctorResult {
  let directory = facts.store;
  while (!existsSync(directory) && directory !== '/') directory = dirname(directory);
  const { bavail, bsize } = statfsSync(directory);
  const freeMiB = Math.floor((bavail * bsize) / 1_048_576);
  const found = `${freeMiB} MiB free at ${directory}`;
  if (freeMiB >= 1024) return { result: 'ok', found };
  return {
    result: freeMiB < 64 ? 'fail' : 'warn',
    found,
    mend: 'Free some space, or put the store on another disk with --store.',
  };
}

async function checkServers(): Promise<DoctorResult> {
  const answers = await askDaemons(runtimeDirectory(process.env, process.getuid?.() ?? 0));
  const mounts = answers.flatMap((answer) =>
    'status' in answer && answer.status.cluster !== null ? [answer.status] : [],
  );
  const lost = mounts.filter(({ cluster }) => cluster?.connected === false);
  if (lost.length === 0)
    return { result: 'ok', found: mounts.length === 0 ? 'no such mounts' : `${mounts.length} mounts` };
  const servers = lost.map(({ mountpoint, store }) => `${mountpoint} (${store})`).join(', ');
  const mend = `No server answers ${servers}: see that cfs serve runs there, and the log of the mount for the reason.`;
  return { result: 'warn', found: `${lost.length} of ${mounts.length} mounts without a server`, mend };
}

function checkClock(): DoctorResult {
  const now = new Date();
  const found = now.toISOString();
  if (now.getUTCFullYear() >= 2025) return { result: 'ok', found };
  return { result: 'warn', found, mend: 'Set the clock: files get their times from it.' };
}

function checkNode(): DoctorResult {
  return { result: 'ok', found: `${process.version} at ${process.execPath}` };
}
