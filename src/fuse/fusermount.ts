import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { FsError } from '#base';
import * as device from './device.ts';
import type { FuseMountOptions } from './mount-options.ts';

/** Mounting without root, by the setuid program of libfuse. */

const program = 'fusermount3';
/** The descriptor of the child's end of the socket that /dev/fuse comes back through. */
const childSocket = 3;

/** Mounts and returns the open /dev/fuse. */
export async function mountThroughHelper(mountpoint: string, options: FuseMountOptions): Promise<number> {
  if (options.allowOther === true && !(await mayAllowOther())) {
    throw new FsError('notPermitted', 'allow_other without root needs the line user_allow_other in /etc/fuse.conf');
  }
  const pair = new Int32Array(2);
  if (device.socketPair(pair) < 0) throw new FsError('tooManyOpen', 'no descriptor is left to mount with');
  const [ours, theirs] = [pair[0]!, pair[1]!];
  let fd: number;
  try {
    const exited = run(['-o', optionList(options), '--', mountpoint], theirs);
    device.closeFd(theirs);
    // Ends also when the program ends without sending: then nobody has the other end.
    fd = await new Promise<number>((done) => device.receiveFd(ours, done));
    const failure = await exited;
    if (failure !== undefined) {
      if (fd >= 0) device.closeFd(fd);
      throw failure;
    }
  } finally {
    device.closeFd(ours);
  }
  if (fd < 0) throw new FsError('io', `${program} mounted on ${mountpoint} but gave no descriptor`);
  return fd;
}

export async function unmountThroughHelper(mountpoint: string, lazy: boolean): Promise<void> {
  const failure = await run(['-u', ...(lazy ? ['-z'] : []), '--', mountpoint], 'ignore');
  if (failure !== undefined) throw failure;
}

/** Resolves with why it failed, or undefined. */
function run(parameters: readonly string[], socket: number | 'ignore'): Promise<FsError | undefined> {
  return new Promise((resolve) => {
    const child = spawn(program, parameters, {
      // Never inside of the mount.
      cwd: '/',
      env: { ...process.env, _FUSE_COMMFD: String(childSocket) },
      stdio: ['ignore', 'ignore', 'pipe', socket],
    });
    let complaint = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      complaint += text;
    });
    child.on('error', (cause: NodeJS.ErrnoException) => {
      const missing = `${program} is not installed: apt-get install fuse3, or mount as root`;
      const message = cause.code === 'ENOENT' ? missing : `${program} cannot be started: ${cause.message}`;
      resolve(new FsError('notSupported', message, { cause }));
    });
    child.on('close', (code) => resolve(code === 0 ? undefined : failureOf(complaint.trim(), code)));
  });
}

function failureOf(complaint: string, code: number | null): FsError {
  const message = complaint === '' ? `${program} ended with status ${code}` : complaint;
  if (/busy/i.test(complaint)) return new FsError('busy', message);
  if (/permi|access/i.test(complaint)) return new FsError('notPermitted', message);
  if (/not found|not mounted|no such/i.test(complaint)) return new FsError('invalid', message);
  return new FsError('io', message);
}

async function mayAllowOther(): Promise<boolean> {
  const text = await readFile('/etc/fuse.conf', 'utf8').catch(() => '');
  return /^\s*user_allow_other\s*$/m.test(text);
}

function optionList(options: FuseMountOptions): string {
  const list = [`fsname=${escapeOption(options.source ?? 'cfs')}`];
  const { subtype = 'cfs' } = options;
  if (subtype !== '') list.push(`subtype=${escapeOption(subtype)}`);
  if (options.allowOther === true) list.push('allow_other');
  if (options.defaultPermissions ?? true) list.push('default_permissions');
  list.push(options.readOnly ? 'ro' : 'rw');
  if (options.noExec) list.push('noexec');
  if (options.noAtime) list.push('noatime');
  return list.join(',');
}

const escapeOption = (text: string): string => text.replace(/[\\,]/g, '\\$&');
