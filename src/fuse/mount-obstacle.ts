import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const capSysAdmin = 21n;
const setUserIdBit = 0o4000;

/** Why this process can mount no FUSE file system, in a few words; undefined when it can. */
export function mountObstacle(): string | undefined {
  try {
    closeSync(openSync('/dev/fuse', 'r+'));
  } catch {
    return '/dev/fuse cannot be opened';
  }
  if (process.geteuid?.() !== 0) return hasHelper() ? undefined : 'fusermount3 is not installed for users';
  return mayMount() ? undefined : 'root lacks the capability CAP_SYS_ADMIN here';
}

function mayMount(): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '0';
  return ((BigInt(`0x${effective}`) >> capSysAdmin) & 1n) === 1n;
}

/** Only with the set-user-ID bit does fusermount3 mount for users. */
function hasHelper(): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((directory) => {
    try {
      return (statSync(join(directory, 'fusermount3')).mode & setUserIdBit) !== 0;
    } catch {
      return false;
    }
  });
}
