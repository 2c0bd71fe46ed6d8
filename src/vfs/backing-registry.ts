/**
 * Where backing files are registered with the kernel: the fuse room brings it, since the vfs knows nothing of FUSE.
 * Numbers below 0 are `-errno`.
 */
export interface BackingRegistry {
  /** Registers the open file `fd`; its backing id, above 0, or `-errno`. */
  open(fd: number): number;
  close(backingId: number): void;
}
