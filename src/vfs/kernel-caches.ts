import type { ByteString, Ino } from '#base';

/**
 * What the kernel keeps of a mount and how to take it back. The fuse room brings it, since the vfs knows nothing of
 * FUSE. None of this blocks the thread that answers requests; each promise settles when the copies are gone, never
 * fails, and must not be awaited before a request is answered.
 */
export interface KernelCaches {
  /** Whether names can be taken back without waiting for whoever works in their directory; else none may be lent. */
  readonly namesCanBeLent: boolean;
  /** Attributes and ACLs. */
  dropAttributes(ino: Ino): Promise<void>;
  /**
   * Attributes and all pages of a file. Where pages are held by a read or write under way, gone are the attributes at
   * first, so that the next read(2) asks for them and drops the pages itself, and the pages as soon as they can.
   */
  dropContent(ino: Ino): Promise<void>;
  /** The listing of a directory, its attributes, and names. */
  dropNames(directory: Ino, names: DroppedNames): Promise<void>;
  /** All of it; `inos` are those that the kernel knows. Settles when no name or attribute is believed any more. */
  dropAll(inos: Iterable<Ino>): Promise<void>;
}

/** One name, or `all`: every name of the mount is looked up again. */
export type DroppedNames = { readonly only: ByteString } | 'all' | 'none';

/** Where there is no kernel: in tests, and before it has answered INIT. */
export const noKernelCaches: KernelCaches = {
  namesCanBeLent: true,
  dropAttributes: () => Promise.resolve(),
  dropContent: () => Promise.resolve(),
  dropNames: () => Promise.resolve(),
  dropAll: () => Promise.resolve(),
};
