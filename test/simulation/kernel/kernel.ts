import { below, type Random, rootIno } from '#base';
import type { Entry } from '#vfs';
import { KernelFiles } from './kernel-files.ts';
import type { KernelInode } from './kernel-inode.ts';
import { KernelNames } from './kernel-names.ts';
import { KernelNotices } from './kernel-notices.ts';
import { type KernelOptions, MountState } from './mount-state.ts';

/**
 * A model of Linux between applications and a `Vfs`: the names, attributes and pages that it caches, how long it
 * believes them, and which of its locks it holds while the daemon works. What it models is what coherence depends on;
 * rights, mappings and write-back are left out. The rules are those of Linux 6.18, as measured.
 */
export class Kernel {
  readonly names: KernelNames;
  readonly files: KernelFiles;
  readonly notices: KernelNotices;
  readonly state: MountState;
  #root: KernelInode | undefined;

  constructor(options: KernelOptions) {
    this.state = new MountState(options);
    this.names = new KernelNames(this.state);
    this.files = new KernelFiles(this.state);
    this.notices = new KernelNotices(this.state);
  }

  /** The root has no LOOKUP, and is never forgotten. */
  async root(): Promise<KernelInode> {
    if (this.#root !== undefined) return this.#root;
    const entry = await this.state.request((vfs): Entry | Promise<Entry> => vfs.getattr(rootIno));
    this.#root ??= await this.state.enter(entry, this.state.attributeVersion);
    this.#root.lookups = 0;
    return this.#root;
  }

  /** Memory runs short: some names that nobody uses go, and their inodes are forgotten. */
  shrink(random: Random): void {
    for (const dentry of this.state.names.all()) {
      const isUsed = dentry.inode !== undefined && dentry.inode.users > 1;
      if (!isUsed && below(random, 2) === 0) this.state.names.drop(dentry);
    }
  }
}
