/** Inodes, handles, caches: the file system of a mount without its kernel. */
export type { BackingRegistry } from './backing-registry.ts';
export type { Absence, Entry } from './entry.ts';
export type { CreatedFile, CreateFacts, NodeFacts } from './facts.ts';
export type { Interrupts } from './interrupts.ts';
export { type DroppedNames, type KernelCaches, noKernelCaches } from './kernel-caches.ts';
export type { OpenedFile } from './open-files.ts';
export { chooseOpenMode, type OpenMode } from './open-mode.ts';
export { embeddedVfsOptions, type VfsOptions } from './options.ts';
export { type ShareVolumeOptions, shareVolume, type VolumeShare } from './share-volume.ts';
export type { Validity } from './validity.ts';
export { Vfs } from './vfs.ts';
