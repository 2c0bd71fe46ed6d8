import assert from 'node:assert/strict';
import type { Ino } from '#base';
import type { BackingRegistry } from './backing-registry.ts';
import type { OpenedFile } from './open-files.ts';

interface KernelInode {
  readonly open: Set<OpenedFile>;
  /** The backing file in use while a passthrough file is open. */
  backingId: number;
}

/**
 * The kernel's rules about backing files and the modes of open files (fs/fuse/iomode.c, fs/fuse/backing.c): a wrong
 * mix, for which an application would get EIO, fails the test.
 */
export class KernelModes implements BackingRegistry {
  /** How many of the next registrations fail, with EPERM. */
  refusals = 0;
  readonly #registered = new Map<number, number>();
  readonly #inodes = new Map<Ino, KernelInode>();
  #nextId = 1;

  /** Ids that are registered now. */
  get registered(): number {
    return this.#registered.size;
  }

  open(fd: number): number {
    if (this.refusals > 0) {
      this.refusals -= 1;
      return -1;
    }
    this.#registered.set(this.#nextId, fd);
    return this.#nextId++;
  }

  close(backingId: number): void {
    assert(this.#registered.delete(backingId), `backing id ${backingId} is not registered`);
  }

  /** The reply to an OPEN or CREATE arrives. */
  opened(ino: Ino, file: OpenedFile): void {
    const inode = this.#inodes.get(ino) ?? { open: new Set(), backingId: 0 };
    const passes = file.mode === 'passthrough' || file.mode === 'passthroughDirect';
    assert(inode.backingId === 0 || passes, `EIO: ${file.mode} beside passthrough`);
    if (passes) {
      assert(this.#registered.has(file.backingId), `EIO: backing id ${file.backingId} is not registered`);
      const cached = [...inode.open].some(({ mode }) => mode === 'cached');
      assert(!cached, 'EIO: passthrough beside the page cache');
      assert(
        [0, file.backingId].includes(inode.backingId),
        `EIO: backing id ${file.backingId}, not ${inode.backingId}`,
      );
      inode.backingId = file.backingId;
    }
    inode.open.add(file);
    this.#inodes.set(ino, inode);
  }

  /** The last descriptor is closed: the kernel leaves the mode before it sends RELEASE. */
  closed(ino: Ino, file: OpenedFile): void {
    const inode = this.#inodes.get(ino)!;
    assert(inode.open.delete(file), `handle ${file.handle} is open`);
    const passing = [...inode.open].some(({ mode }) => mode === 'passthrough' || mode === 'passthroughDirect');
    if (!passing) inode.backingId = 0;
  }
}
