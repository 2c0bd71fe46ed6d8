import { askDaemons, type ClusterStatus, type DaemonAnswer, type MountStatus, runtimeDirectory } from '#admin';
import { columns, humanDuration, print, printJson } from './output.ts';

/** Prints the mounts of this user (of everyone, for root): a table, or an array with `json`. */
export async function status(options: { json?: boolean }): Promise<number> {
  const answers = await askDaemons(runtimeDirectory(process.env, process.getuid?.() ?? 0));
  const silent = answers.filter((answer) => 'silent' in answer);
  for (const answer of silent) process.stderr.write(`cfs: daemon ${answer.pid} does not answer: ${answer.silent}\n`);
  const mounts = answers.flatMap((answer: DaemonAnswer) => ('status' in answer ? [answer.status] : []));
  if (options.json) printJson(mounts);
  else if (mounts.length === 0) print('no mounts');
  else print(columns([heading, ...mounts.map(row)]));
  return silent.length === 0 ? 0 : 1;
}

const heading = ['MOUNTPOINT', 'STORE', 'PID', 'UP', 'PROTOCOL', 'PASSTHROUGH OR SESSION', 'OPEN FILES'];

function row(mount: MountStatus): string[] {
  const passthrough = mount.cluster === null ? passthroughOf(mount) : clusterOf(mount.cluster);
  return [
    mount.mountpoint,
    mount.store,
    String(mount.daemonPid),
    humanDuration(mount.uptimeSeconds),
    mount.kernelFeatures.protocol,
    passthrough,
    String(mount.openFiles),
  ];
}

function passthroughOf({ passthrough }: MountStatus): string {
  return passthrough.on ? 'on' : `off: ${passthrough.reason}`;
}

function clusterOf({ session, cacheMode, connected }: ClusterStatus): string {
  return `session ${session}, ${cacheMode}${connected ? '' : ', no server answers'}`;
}
