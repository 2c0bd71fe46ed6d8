import { readFile } from 'node:fs/promises';

/** A line of /proc/self/mountinfo. */
export interface MountedFileSystem {
  readonly mountpoint: string;
  /** `fuse.cfs`, `ext4`, … */
  readonly type: string;
  readonly source: string;
  /** The device number as `major:minor`; known without asking the mount, which might not answer. */
  readonly device: string;
  /** Options of the mount and of the file system. */
  readonly options: readonly string[];
}

/** What is mounted at exactly `path` (absolute and without symlinks), the topmost; undefined when nothing is. */
export async function findMount(path: string): Promise<MountedFileSystem | undefined> {
  return parseMountinfo(await readFile('/proc/self/mountinfo', 'latin1')).findLast(
    (mounted) => mounted.mountpoint === path,
  );
}

/** See proc_pid_mountinfo(5). */
export function parseMountinfo(text: string): MountedFileSystem[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.split(' ');
    const separator = fields.indexOf('-', 6);
    const [device, mountpoint, options] = [fields[2], fields[4], fields[5]];
    const [type, source, superOptions] = fields.slice(separator + 1);
    if (separator < 0 || device === undefined || mountpoint === undefined || options === undefined) return [];
    if (type === undefined || source === undefined) return [];
    return {
      mountpoint: unescapePath(mountpoint),
      type,
      source: unescapePath(source),
      device,
      options: [...options.split(','), ...(superOptions ?? '').split(',')],
    };
  });
}

/** Space, tab, newline and backslash are octal there; the bytes of a path are UTF-8 to Node. */
function unescapePath(field: string): string {
  const bytes = field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
  return Buffer.from(bytes, 'latin1').toString();
}
