import type { ByteString, Ino } from '#base';
import type { KernelInode } from './kernel-inode.ts';

/** What a name means, as far as the kernel remembers. */
export interface Dentry {
  readonly parent: Ino;
  readonly name: ByteString;
  /** Undefined: the name is known to be absent. */
  readonly inode: KernelInode | undefined;
  validUntilMs: number;
  epoch: number;
}

/** The names that a kernel knows. Each name of an inode is one of its users. */
export class DentryCache {
  readonly #directories = new Map<Ino, Map<ByteString, Dentry>>();
  readonly #released: (inode: KernelInode) => void;

  constructor(released: (inode: KernelInode) => void) {
    this.#released = released;
  }

  get(parent: Ino, name: ByteString): Dentry | undefined {
    return this.#directories.get(parent)?.get(name);
  }

  set(dentry: Dentry): void {
    const { parent, name, inode } = dentry;
    let names = this.#directories.get(parent);
    if (names === undefined) {
      names = new Map();
      this.#directories.set(parent, names);
    }
    if (inode !== undefined) inode.users += 1;
    const old = names.get(name);
    names.set(name, dentry);
    if (old !== undefined) this.#letGo(old);
  }

  /** d_invalidate: the name, and all names below it where it is a directory's. */
  drop(dentry: Dentry): void {
    const names = this.#directories.get(dentry.parent);
    if (names?.get(dentry.name) !== dentry) return;
    names.delete(dentry.name);
    if (dentry.inode !== undefined) this.dropBelow(dentry.inode.ino);
    this.#letGo(dentry);
  }

  dropBelow(ino: Ino): void {
    for (const child of [...(this.#directories.get(ino)?.values() ?? [])]) this.drop(child);
  }

  all(): Dentry[] {
    return [...this.#directories.values()].flatMap((names) => [...names.values()]);
  }

  #letGo({ inode }: Dentry): void {
    if (inode === undefined) return;
    inode.users -= 1;
    this.#released(inode);
  }
}
