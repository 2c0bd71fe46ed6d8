/** The machine under the benchmark: what is printed above every result, since a figure without its host says little. */

import { readFileSync, writeFileSync } from 'node:fs';
import { arch, cpus, release, totalmem } from 'node:os';
import { run } from './command.ts';

export interface Host {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  readonly bindfs: string;
  readonly fio: string;
  readonly commit: string;
}

export async function describeHost(): Promise<Host> {
  const versionOf = (command: string[]) =>
    run(command).then(
      (text) => text.trim(),
      () => 'absent',
    );
  return {
    processor: `${cpus()[0]?.model ?? 'unknown'} (${arch()})`,
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    bindfs: `${await versionOf(['bindfs', '--version'])} (${(await versionOf(['bindfs', '--fuse-version'])).split('\n').at(-1)})`,
    fio: await versionOf(['fio', '--version']),
    commit: await versionOf(['git', '-C', import.meta.dirname, 'describe', '--always', '--dirty']),
  };
}

/** The first core on which this process may run: a container often has no core 0. */
export function firstCore(): number {
  const allowed = /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return Number(allowed ?? 0);
}

/** Memory that programs may still take, in bytes. */
export function availableBytes(): number {
  const kib = /^MemAvailable:\s*(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
  return Number(kib ?? 0) * 1024;
}

/**
 * Makes the kernel forget what it can give back: dentries and inodes, or the pages of files, of every file system.
 * Those of a tmpfs stay, for they are its storage, so the native directory and the stores keep warm and only what
 * FUSE caches goes. Returns false where that is not allowed.
 */
export function dropCaches(what: 'inodes' | 'pages'): boolean {
  try {
    writeFileSync('/proc/sys/vm/drop_caches', what === 'inodes' ? '2' : '1');
    return true;
  } catch {
    return false;
  }
}
