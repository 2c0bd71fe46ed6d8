/**
 * Places for native directories, stores and mount points. Operation rates are measured in memory, on a tmpfs that the
 * benchmark mounts for each target, so that no disk disturbs them and throwing a million files away is one umount;
 * throughput is measured on the disk.
 */

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cleanup } from './cleanup.ts';
import { run } from './command.ts';
import { unmount } from './unmount.ts';

export type Medium = 'memory' | 'disk';

export interface Site {
  /** Where data lies: a native directory, a directory behind bindfs, a store of ClaudeFS. */
  readonly storage: string;
  /** An empty directory outside of it to mount on. */
  readonly mountPoint: string;
  remove(): Promise<void>;
}

export class Sites {
  readonly #cleanup: Cleanup;
  readonly #disk: string;

  constructor(cleanup: Cleanup, disk: string | undefined) {
    this.#cleanup = cleanup;
    this.#disk = disk ?? join(import.meta.dirname, '../.tmp');
  }

  async make(medium: Medium): Promise<Site> {
    const base = medium === 'disk' ? this.#disk : memoryBase();
    mkdirSync(base, { recursive: true });
    const root = mkdtempSync(join(base, 'cfs-bench-'));
    const remove = this.#cleanup.defer(`directory ${root}`, () => rmSync(root, { recursive: true, force: true }));
    const site = { storage: join(root, 'storage'), mountPoint: join(root, 'mount') };
    mkdirSync(site.storage);
    mkdirSync(site.mountPoint);
    if (medium === 'disk' || !isRoot()) return { ...site, remove };
    const release = await this.#mountMemory(site.storage);
    return {
      ...site,
      remove: async () => {
        await release();
        await remove();
      },
    };
  }

  /** A scratch directory in memory for archives and repositories that all targets read. */
  async scratch(): Promise<string> {
    return (await this.make('memory')).storage;
  }

  async #mountMemory(directory: string): Promise<() => Promise<void>> {
    // Without nr_inodes=0 a tmpfs ends at half as many inodes as there are pages, before the large directories do.
    await run(['mount', '-t', 'tmpfs', '-o', 'size=75%,nr_inodes=0,mode=0755', 'cfs-bench', directory]);
    return this.#cleanup.defer(`tmpfs ${directory}`, () => unmount(directory, ['umount', directory]));
  }
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Root mounts its own tmpfs anywhere; others share the one that every Linux has. */
function memoryBase(): string {
  return isRoot() ? tmpdir() : '/dev/shm';
}
