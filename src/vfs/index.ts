/** Inodes, handles, caches: the file system of a mount without its kernel. */
export type { BackingRegistry } from './backing-registry.ts';
export { type KernelCaches, noKernelCaches } from './kernel-caches.ts';
export type { OpenedFile } from './open-files.ts';
export { chooseOpenMode, type OpenMode } from './open-mode.ts';
export { embeddedVfsOptions, type VfsOptions } from './options.ts';
export type { Validity } from './validity.ts';
export { type CreatedFile, type CreateFacts, type Entry, type NodeFacts, Vfs } from './vfs.ts';
