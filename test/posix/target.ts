import { statfs } from 'node:fs/promises';
import { mountObstacle } from '#fuse';
import { mountClaudeFs, mountCluster } from './mount.ts';

/**
 * What a file system can do beyond the least. ClaudeFS does all of it; the table below says what the file systems
 * that serve as references lack, so that a test is skipped by name and never silently.
 */
export type Ability =
  /** The suite runs as root and may change owners. */
  | 'root'
  /** FALLOC_FL_ZERO_RANGE. */
  | 'zeroRange'
  /** A write with O_DIRECT that is not aligned fails or works, but O_DIRECT itself can be opened. */
  | 'direct'
  /** A size that no file may reach gives EFBIG. */
  | 'sizeLimit'
  /** Reading changes atime only once a day or when it is older than a change (the relatime mount option). */
  | 'relatime'
  /** Holes are found by SEEK_HOLE. */
  | 'holes'
  /** Birth time in statx. */
  | 'birthTime'
  /** An extended attribute as large as the kernel allows, 64 KiB. */
  | 'largeXattrs'
  /** Preallocated space shows in the block count. */
  | 'countsBlocks'
  /** What a mapping stored past the end of a file is gone when the file grows. */
  | 'zeroesTail'
  /** The kernel itself knows which files are immutable or append-only: access(2), statx(2), fcntl(2), mmap(2). */
  | 'kernelFlags'
  /** The immutable flag also stops descriptors that were open before. */
  | 'stopsWriters'
  /** Times before 1902 and after 2446. */
  | 'wideTimes'
  /** Locks of ranges that no file reaches, from 2^53 on, are told apart. */
  | 'largeLocks';

export interface Target {
  /** An existing directory in which the tests make theirs. */
  dir: string;
  /** The same directory through the mount of another client of the same server. */
  secondDir: string | undefined;
  kind: string;
  abilities: Set<Ability>;
  release(): Promise<void>;
}

const all: Ability[] = [
  'root',
  'zeroRange',
  'direct',
  'sizeLimit',
  'relatime',
  'holes',
  'birthTime',
  'largeXattrs',
  'countsBlocks',
  'kernelFlags',
  'stopsWriters',
  'zeroesTail',
  'wideTimes',
  'largeLocks',
];

interface Kind {
  name: string;
  lacks: Ability[];
}

const kindsByMagic: Record<number, Kind> = {
  // Its attributes live in one block, and its times have 34 bits for seconds.
  61267: { name: 'ext4', lacks: ['largeXattrs', 'wideTimes'] },
  16914836: { name: 'tmpfs', lacks: ['zeroRange', 'sizeLimit', 'zeroesTail', 'stopsWriters'] },
  1702057286: { name: 'fuse', lacks: ['kernelFlags', 'stopsWriters'] },
};

/** Why there can be no target here. */
export function targetObstacle(): string | undefined {
  return process.env['CFS_TEST_DIR'] ? undefined : mountObstacle();
}

/**
 * Where the suite runs: the directory CFS_TEST_DIR, or a ClaudeFS mounted for the calling test file with the options
 * of CFS_TEST_MOUNT_OPTIONS, of a server of its own with CFS_TEST_CLUSTER. CFS_TEST_LACKS (comma-separated abilities) describes another file system.
 */
export async function openTarget(): Promise<Target> {
  const given = process.env['CFS_TEST_DIR'];
  const mountIt = process.env['CFS_TEST_CLUSTER'] ? mountCluster : mountClaudeFs;
  const mount = given ? undefined : await mountIt(process.env['CFS_TEST_MOUNT_OPTIONS'] ?? '');
  const dir = given ?? mount!.dir;
  const { name, lacks } = kindsByMagic[(await statfs(dir)).type] ?? { name: 'unknown', lacks: [] };
  const abilities = new Set(all);
  for (const ability of [...lacks, ...(process.env['CFS_TEST_LACKS']?.split(',') ?? [])])
    abilities.delete(ability as Ability);
  if (mount?.onTmpfs) {
    // What a passthrough write can reach is the store's disk to decide.
    abilities.delete('zeroesTail');
    abilities.delete('sizeLimit');
  }
  if (process.env['CFS_TEST_CLUSTER']) abilities.delete('largeLocks');
  if (process.getuid?.() !== 0) abilities.delete('root');
  const secondDir = mount?.secondDir ?? process.env['CFS_TEST_SECOND_DIR'];
  return { dir, secondDir, kind: name, abilities, release: async () => mount?.release() };
}
