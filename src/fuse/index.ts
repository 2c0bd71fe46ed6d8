/** The kernel protocol over /dev/fuse: mounts, and the kernel's requests turned into calls of the vfs. */
export type { DeviceEnd } from './device.ts';
export type { OperationCounters } from './dispatcher.ts';
export type { HandshakeOptions, KernelFeatures } from './handshake.ts';
export type { InitFlag } from './init-flags.table.ts';
export { FuseKernelCaches, type KernelCachesOptions, type Notices } from './kernel-caches.ts';
export { clearMountpoint, type FuseMount, mountFuse, unmount } from './mount.ts';
export { mountObstacle } from './mount-obstacle.ts';
export type { FuseMountOptions } from './mount-options.ts';
export { findMount, type MountedFileSystem } from './mountinfo.ts';
export { type NotificationLane, type NotificationSender, Notifications } from './notifications.ts';
export { operationNames } from './operations.table.ts';
export type { Observer } from './recording.ts';
export { type MakeVfs, type Session, type SessionOptions, serve, sessionDefaults } from './session.ts';
export { defaultReadaheadKb, raiseReadahead } from './tuning.ts';
